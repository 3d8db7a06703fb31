"""How often the gate finds a recording again after each kind of change, and how often it takes two for one.

    OMP_NUM_THREADS=1 python benchmarks/leak_rates.py --data ../shared/data [--sets libri,crowd] [--augmented]

Of each set 40 recordings are held; each change is made to all of them and the copies are looked for. 40 others (and the
held ones, which must find themselves alone) say how often two different recordings are taken for one: such pairs are
named, since corpora hold true duplicates. The limits in params.yaml were chosen on `libri` and `crowd`; the other sets
were not looked at before. `before` is the share that fingerprints alone find (20 % of bits, as the gate once did).
`--augmented`: also copies as the stage `augment` makes them of the set, with the parameters in params.yaml.
"""

import argparse
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import fftconvolve, istft, stft

from kwsdata.audio import SAMPLE_RATE, Waveform, read_audio, resample, rms
from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.clips.manifests import with_fields, write_cuts
from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.clips.view import ClipView
from kwsdata.measures.fingerprints import Table, fingerprint
from kwsdata.params import Params, load_params
from kwsdata.similarity.copies.held import Held, write_held
from kwsdata.similarity.copies.search import Copy, find_copies
from kwsdata.similarity.copies.spectrum import spectrum_of
from kwsdata.stages.augment.stage import run as augment
from kwsdata.stages.simulate_rirs.stage import run as simulate_rirs
from kwsdata.transforms.warp import warp

SETS = {
    "libri": ("speech_english_libri", "*.ogg"),
    "crowd": ("wake_words_crowd/computer", "*.flac"),
    "snowboy": ("wake_words_crowd/snowboy", "*.flac"),
    "community": ("wake_words_community/athena", "*.flac"),
    "speechocean": ("speech_english_speechocean", "*.ogg"),
    "kerstin": ("speech_german_kerstin", "*.ogg"),
    "fillets": ("speech_dutch_fillets", "*.ogg"),
    "bass": ("speech_english_bass", "*.ogg"),
    "esc10": ("noise_esc10", "*.ogg"),
}
COUNT = 40
LONGEST_S = 10.0
Change = Callable[[Waveform, int], Waveform]


def load(path: Path) -> Waveform:
    wave, rate = read_audio(path)
    return resample(wave, rate)[: round(LONGEST_S * SAMPLE_RATE)]


def changes(data: Path) -> dict[str, Change]:
    """Return what is done to each held recording; the number is the recording's."""
    rooms = sorted((data / "impulse_responses_voxengo").glob("*.flac"))
    ambience = load(sorted((data / "noise_ambience").glob("*.ogg"))[3])

    def faster(wave: Waveform, factor: float) -> Waveform:
        return resample(wave, round(SAMPLE_RATE * factor), SAMPLE_RATE)

    def vocoded(wave: Waveform, factor: float) -> Waveform:
        """Return `wave` at `factor` times its tempo, by a phase vocoder."""
        bins = stft(wave, SAMPLE_RATE, nperseg=512, noverlap=384)[2]
        places = np.arange(0, bins.shape[1] - 1, factor)
        whole, part = places.astype(int), places % 1
        size = (1 - part) * np.abs(bins[:, whole]) + part * np.abs(bins[:, whole + 1])
        turn = np.angle(bins[:, whole + 1] / (bins[:, whole] + 1e-12))
        phase = np.angle(bins[:, :1]) + np.concatenate([np.zeros((len(bins), 1)), np.cumsum(turn, axis=1)[:, :-1]], 1)
        return istft(size * np.exp(1j * phase), SAMPLE_RATE, nperseg=512, noverlap=384)[1].astype(np.float32)

    def with_noise(wave: Waveform, noise: Waveform, snr_db: float) -> Waveform:
        return (wave + noise * rms(wave) / rms(noise) * 10 ** (-snr_db / 20)).astype(np.float32)

    def white(wave: Waveform, number: int, snr_db: float) -> Waveform:
        return with_noise(wave, np.random.default_rng(number).standard_normal(wave.size), snr_db)

    def in_room(wave: Waveform, number: int) -> Waveform:
        return fftconvolve(wave, load(rooms[number]))[: wave.size].astype(np.float32)

    def coded(wave: Waveform, kind: str, subtype: str) -> Waveform:
        file = io.BytesIO()
        whole = 0.9 * wave / max(1.0, float(np.abs(wave).max()))
        soundfile.write(file, whole, SAMPLE_RATE, format=kind, subtype=subtype, compression_level=0.99)
        file.seek(0)
        return resample(*soundfile.read(file, dtype="float32"))

    def others(number: int) -> Waveform:
        return np.resize(np.roll(ambience, 5000 * number), SAMPLE_RATE)

    return {
        "as it is": lambda w, i: w,
        "-20 dB, polarity": lambda w, i: -0.1 * w,
        "8 kHz and back": lambda w, i: resample(resample(w, 16000, 8000), 8000, 16000),
        **{f"speed {f}": lambda w, i, f=f: faster(w, f) for f in (0.94, 0.98, 1.02, 1.05, 1.06)},
        **{f"tempo {f}": lambda w, i, f=f: warp(w, 1.0, 1 / f) for f in (0.9, 0.94, 1.02, 1.06)},
        **{f"tempo {f}, vocoder": lambda w, i, f=f: vocoded(w, f) for f in (0.94, 1.06)},
        **{f"pitch {s:+} semitone": lambda w, i, s=s: warp(w, 2 ** (s / 12), 1.0) for s in (-1, 0.5, 1)},
        "pitch +1, vocoder": lambda w, i: faster(vocoded(w, 2 ** (-1 / 12)), 2 ** (1 / 12)),
        **{f"room {rooms[n].stem}": lambda w, i, n=n: in_room(w, n) for n in (3, 8, 24, 25)},
        "ambience at 10 dB": lambda w, i: with_noise(w, np.resize(np.roll(ambience, 999 * i), w.size), 10),
        "white noise at 10 dB": lambda w, i: white(w, i, 10),
        "mp3, low": lambda w, i: coded(w, "MP3", "MPEG_LAYER_III"),
        "opus, low": lambda w, i: coded(w, "OGG", "OPUS"),
        "first half": lambda w, i: w[: w.size // 2],
        "middle 1 s": lambda w, i: w[max(0, w.size // 2 - 8000) : w.size // 2 + 8000],
        "between others": lambda w, i: np.concatenate([others(i), w, others(i + 7)]),
        "room, speed 1.03, 10 dB": lambda w, i: white(faster(in_room(w, 3), 1.03), i, 10),
    }  # fmt: skip


@dataclass
class Bench:
    """What is held, and both ways to look for it."""

    waves: list[Waveform]
    held: Held
    table: Table
    params: Params

    def copies(self, wave: Waveform) -> list[Copy]:
        limits = self.params.check.copies
        return find_copies(self.held, spectrum_of(wave), lambda: wave, self.waves.__getitem__, limits)

    def before(self, wave: Waveform) -> set[int]:
        return {match.clip for match in self.table.matches(fingerprint(wave), 0.2, 50)}


def rates(bench: Bench, made: Iterator[tuple[int, Waveform]]) -> str:
    """Return how many of the copies (number of the held recording, sound) are found, before and now."""
    before = found = total = 0
    start = time.process_time()
    for number, wave in made:
        wave = np.ascontiguousarray(wave, np.float32)
        total += 1
        before += number in bench.before(wave)
        found += number in {copy.held for copy in bench.copies(wave)}
    return f"{before:>4d} {found:>4d} of {total:<4d} {1000 * (time.process_time() - start) / max(total, 1):6.0f} ms"


def augmented(waves: list[Waveform], data: Path, params: Params) -> Iterator[tuple[int, Waveform]]:
    """Yield (number, sound) of the copies that the stage `augment` makes of `waves` as keywords."""
    back = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        os.environ["KWSDATA_CACHE"] = str(Path(scratch) / "cache")
        try:
            block = params.simulate_rirs.model_copy(update={"rooms": 10})
            params = params.model_copy(update={"simulate_rirs": block})
            simulate_rirs(params)
            info = CorpusInfo("words", "folder", "speech", "own", "none", "here", "unknown")
            write_corpus(Path("words"), info, (Item(f"{n:03d}", w) for n, w in enumerate(waves)), 100, 1.0)
            noises = (Item(path.stem, load(path)) for path in sorted((data / "noise_esc10").rglob("*.ogg"))[::10])
            write_corpus(Path("noise"), CorpusInfo("noise", "folder", "noise", *info_rest()), noises, 100, 1.0)
            cuts = [with_fields(cut, label="keyword") for cut in shard_cuts(Path("words"))]
            noise = [with_fields(cut, label="noise") for cut in shard_cuts(Path("noise"))]
            write_cuts(Path("train.jsonl.gz"), [*cuts, *noise])
            augment(params, Path("train.jsonl.gz"), mined=Path("none"))
            for cut in shard_cuts(Path("data/augmented")):
                clip = ClipView(cut)
                if clip.label == "keyword" and not clip.id.endswith("-a00"):
                    yield int(str(clip.parent).rsplit("-", 1)[1]), load_audio(cut)
        finally:
            os.chdir(back)


def info_rest() -> tuple[str, str, str, str]:
    return ("own", "none", "here", "unknown")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=lambda name: Path(name).resolve(), required=True)
    parser.add_argument("--sets", default="libri,crowd,snowboy,community,speechocean,kerstin,fillets,bass,esc10")
    parser.add_argument("--changes", default="", help="only those whose names hold this")
    parser.add_argument("--augmented", action="store_true")
    parser.add_argument("--strangers", type=int, default=COUNT)
    arguments = parser.parse_args()
    params = load_params(Path("params.yaml"))
    made = {name: change for name, change in changes(arguments.data).items() if arguments.changes in name}
    for name in arguments.sets.split(","):
        folder, pattern = SETS[name]
        files = sorted((arguments.data / folder).rglob(pattern))
        chosen = [files[place] for place in np.linspace(0, len(files) - 1, COUNT + arguments.strangers).astype(int)]
        files = chosen[::2][:COUNT] + [file for file in chosen if file not in chosen[::2][:COUNT]]
        waves = [load(file) for file in files]
        with tempfile.TemporaryDirectory() as scratch:
            write_held(Path(scratch) / "held", map(spectrum_of, waves[:COUNT]))
            held = Held(Path(scratch) / "held")
            bench = Bench(waves[:COUNT], held, Table(map(fingerprint, waves[:COUNT])), params)
            print(f"== {name}: {COUNT} held, {np.mean([w.size for w in waves]) / SAMPLE_RATE:.1f} s each", flush=True)
            pairs = 0
            for place, wave in enumerate(waves):
                pairs += COUNT - (place < COUNT)
                for copy in bench.copies(wave):
                    if copy.held != place:
                        print(f"   pair {files[place].name} {files[copy.held].name}: {copy.how} {copy.value:.2f}")
            print(f"   {pairs} pairs of different files compared", flush=True)
            for change, function in made.items():
                copies = ((number, function(wave, number)) for number, wave in enumerate(bench.waves))
                print(f"   {change:28s} {rates(bench, copies)}", flush=True)
            if arguments.augmented:
                print(
                    f"   {'as augment makes them':28s} {rates(bench, augmented(bench.waves, arguments.data, params))}"
                )


if __name__ == "__main__":
    main()
