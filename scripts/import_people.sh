#!/usr/bin/env bash
# Import the recordings of people that the results in docs/results.md are measured on.
#   scripts/import_people.sh DIR [MORE]   DIR holds wake_words_crowd/, speech_english_libri/, noise_esc10/ ...
# What DIR has not is left out: speech_english_speechocean/ (with transcripts_speechocean.tsv), speech_english_bass/.
# MORE is what scripts/fetch_speech.sh made: hours of other people, for train and for dev, none for test.
# Words are speech with a text: of two wake words, the one that is keyword.text is the keyword.
# Who is unknown goes whole into one partition; a crowd that says two wake words is in test with both. Train has an
# acted Dutch cast and most LibriSpeech speakers, dev the community's English words and phrases, test a German reader.
set -euo pipefail
dir=$1
more=${2:-}
into() { # PARTITION NAME FOLDER ROLE [OPTION...]
  local partition=$1 name=$2 folder=$dir/$3 role=$4
  [ -d "$folder" ] || folder=$more/$3
  shift 4
  [ "$partition" = speakers ] || set -- --partition "$partition" "$@"
  kwsdata import folder "$folder" --name "$name" --role "$role" "$@" > /dev/null
  echo "imported $name"
}
crowd=(--licence Apache-2.0 --source "wake-word-benchmark, crowd-sourced" --language en)
community=(--licence "public domain" --source "Precise Community Data" --language en)
commands="P. Warden, Speech Commands: a dataset for limited-vocabulary speech recognition, arXiv:1804.03209, 2018"
into test crowd_computer wake_words_crowd/computer speech --label computer "${crowd[@]}"
into test crowd_snowboy wake_words_crowd/snowboy speech --label snowboy "${crowd[@]}"
for word in athena amelia hey_chatterbox; do
  into dev "community_$word" "wake_words_community/$word" speech --label "${word//_/ }" "${community[@]}"
done
into dev community_other wake_words_community/not_wake_words speech "${community[@]}"
into dev community_other_es wake_words_community/not_wake_words_es speech "${community[@]}" --language es
kwsdata import speech-commands "$dir/speech_commands_mini" --name speech_commands_mini --role speech \
  --source "Speech Commands" --citation "$commands" > /dev/null
echo "imported speech_commands_mini"
into speakers libri_mini speech_english_libri speech --speaker-pattern '(?P<speaker>[0-9]+)-[0-9]+-[0-9]+\.' \
  --licence CC-BY-4.0 --source LibriSpeech --language en \
  --citation "V. Panayotov et al., Librispeech: an ASR corpus based on public domain audio books, ICASSP 2015"
if [ -d "$dir/speech_english_speechocean" ]; then
  labels=$(mktemp --suffix .csv)
  python - "$dir/transcripts_speechocean.tsv" "$labels" << 'PY'
import csv, pathlib, sys
with open(sys.argv[1], newline="") as source, open(sys.argv[2], "w", newline="") as target:
    rows = csv.writer(target)
    rows.writerow(["path", "text", "speaker", "language"])
    for row in csv.DictReader(source, delimiter="\t", quoting=csv.QUOTE_NONE):
        rows.writerow([pathlib.PurePath(row["path"]).relative_to("speech_english_speechocean"), row["text"].lower(), row["speaker"], "en"])
PY
  into speakers speechocean speech_english_speechocean speech --labels "$labels" --source speechocean762 \
    --licence "free for commercial and other use" \
    --citation "J. Zhang et al., speechocean762: a non-native English speech corpus, Interspeech 2021"
  rm "$labels"
fi
[ ! -d "$dir/speech_english_bass" ] || into dev bass speech_english_bass speech \
  --licence "BASS licence" --source "Beneath a Steel Sky" --language en
into test kerstin speech_german_kerstin speech --licence CC0-1.0 --source "Kerstin" --language de
into dev fillets_nl speech_dutch_fillets speech --licence GPL-2.0 --source "Fish Fillets NG" --language nl
into speakers esc10 noise_esc10 noise --speaker-pattern '/[0-9]-(?P<speaker>[0-9]+)-' --licence "CC0 or CC-BY per clip" \
  --source ESC-10 --citation "K. J. Piczak, ESC: dataset for environmental sound classification, ACM Multimedia 2015"
into speakers ambience noise_ambience noise --licence "CC0, CC-BY, CC-BY-SA or PD per clip" --source Blanket
into speakers speech_commands_noise noise_speech_commands noise --licence CC-BY-4.0 --source "Speech Commands" \
  --match '^[a-z]+_[a-z_]+\.ogg' --citation "$commands"
into speakers voxengo impulse_responses_voxengo rir --licence "free for any use" --source Voxengo
# The gate found it: the same cry as 3-151080, which another partition has.
kwsdata exclude esc10-004_-_Baby_cry_5-151085-A --why "the recording of esc10-004_-_Baby_cry_3-151080-A again" > /dev/null
[ -n "$more" ] || exit 0
prompts=(--licence CC-BY-SA-3.0 --source "Asterisk core sounds")
for language in en es ru; do # English and Spanish are read by one person
  into train "asterisk_$language" "asterisk_$language" speech "${prompts[@]}" --language "$language"
done
for language in fr it; do
  into dev "asterisk_$language" "asterisk_$language" speech "${prompts[@]}" --language "$language"
done
into dev fillets_cs fillets_cs speech --licence GPL-2.0 --source "Fish Fillets NG" --language cs
into train ktuberling ktuberling speech --licence GPL-2.0 --source KTuberling
into train klettres klettres speech --licence GPL-2.0 --source KLettres
# The gate found them: the same three noises are in the prompts of every language, dev's among them.
kwsdata exclude asterisk_{en,es,ru}-tt-monkeys --why "the noises of asterisk_fr-tt-monkeys again" > /dev/null
