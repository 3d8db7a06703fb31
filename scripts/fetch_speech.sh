#!/usr/bin/env bash
# Fetch more recordings of people out of Debian's packages, for scripts/import_people.sh (on Debian or Ubuntu):
#   scripts/fetch_speech.sh DIR      makes DIR/{asterisk_en,asterisk_es,...,fillets_cs,ktuberling,klettres}
# Four people who read telephone prompts (CC-BY-SA-3.0; English and Spanish are one voice), a Czech cast (GPL-2), and words, letters and syllables, said by
# one or two people in each of some 25 languages (GPL-2). Nothing is installed but `ffmpeg`, which must be there.
set -euo pipefail
command -v ffmpeg > /dev/null || { echo "ffmpeg is missing: apt-get install ffmpeg" >&2; exit 1; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
languages="en es fr it ru"
apt-get download -q fillets-ng-data-cs ktuberling-data klettres-data $(printf 'asterisk-core-sounds-%s-g722 ' $languages)
for package in *.deb; do dpkg-deb -x "$package" tree; done
for language in $languages; do # G.722 at 16 kHz
  mkdir -p "$dir/asterisk_$language"
  cd "$scratch/tree/usr/share/asterisk/sounds/$language"_*
  find . -name '*.g722' -not -path '*/silence/*' -not -name '*beep*' -not -name '*monkeys*' -not -name '*tone.g722' | while read -r file; do
    name=$(echo "${file#./}" | tr / _)
    ffmpeg -nostdin -v error -y -f g722 -i "$file" -ac 1 -ar 16000 "$dir/asterisk_$language/${name%.g722}.flac"
  done
  echo "asterisk_$language"
done
cd "$scratch/tree/usr/share"
tree() { # FROM TO: the sounds below FROM, with the folders that say the language
  (cd "$1" && find . \( -name '*.ogg' -o -name '*.opus' -o -name '*.wav' \) -exec cp --parents -t "$2" {} +)
  basename "$2"
}
mkdir -p "$dir/fillets_cs" "$dir/ktuberling" "$dir/klettres"
tree games/fillets-ng/sound "$dir/fillets_cs"
tree ktuberling/sounds "$dir/ktuberling"
tree klettres "$dir/klettres"
