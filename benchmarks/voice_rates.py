"""How often the gate warns of one person under two names, and how often of two strangers, by their voices.

    OMP_NUM_THREADS=1 python benchmarks/voice_rates.py --data ../shared/data [--seconds 4,12]

The recordings of each speaker of `libri` and `speechocean` are parted into two halves, as if two corpora had them under
two names. One half is left as it is, the other is too, or is changed as another microphone, room or line would. Both
halves are of one day and microphone all the same, so that these are the best rates that can be hoped for. All other
pairs of speakers are strangers. `least`: the limit from which pairs count; params.yaml has `check.voices.min_alike`.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from kwsdata.audio import SAMPLE_RATE, Waveform, read_audio, resample, rms
from kwsdata.stages.check.voice_network import VoiceNetwork, speech_of

LIMITS = (0.8, 0.85, 0.875, 0.9, 0.925)


def load(path: Path) -> Waveform:
    return resample(*read_audio(path))


def changes(data: Path) -> dict[str, Callable[[Waveform], Waveform]]:
    room = load(sorted((data / "impulse_responses_voxengo").glob("*.flac"))[3])
    ambience = load(sorted((data / "noise_ambience").glob("*.ogg"))[3])
    line = butter(4, [300, 3400], "bandpass", fs=SAMPLE_RATE, output="sos")

    def noisy(wave: Waveform, snr_db: float) -> Waveform:
        noise = np.resize(ambience, wave.size)
        return (wave + noise * rms(wave) / rms(noise) * 10 ** (-snr_db / 20)).astype(np.float32)

    return {
        "as it is": lambda wave: wave,
        "telephone band": lambda wave: sosfilt(line, wave).astype(np.float32),
        "room": lambda wave: fftconvolve(wave, room)[: wave.size].astype(np.float32),
        "ambience at 20 dB": lambda wave: noisy(wave, 20),
    }


def halves(data: Path, name: str, count: int) -> Iterator[tuple[Waveform, Waveform]]:
    """Yield two halves of the recordings of each speaker."""
    speakers: dict[str, list[Path]] = defaultdict(list)
    if name == "libri":
        for path in sorted((data / "speech_english_libri").rglob("*.ogg")):
            speakers[path.name.split("-")[0]].append(path)
    else:
        for path in sorted((data / "speech_english_speechocean").rglob("*.ogg")):
            speakers[path.parent.name].append(path)
    for paths in list(speakers.values())[:count]:
        waves = [load(path) for path in paths]
        if len(waves) == 1:
            middle = waves[0].size // 2
            yield waves[0][:middle], waves[0][middle:]
        else:
            yield np.concatenate(waves[::2]), np.concatenate(waves[1::2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seconds", default="4,12")
    parser.add_argument("--speakers", type=int, default=120)
    arguments = parser.parse_args()
    network, made = VoiceNetwork(), changes(arguments.data)
    for name in ("libri", "speechocean"):
        speakers = list(halves(arguments.data, name, arguments.speakers))
        for seconds in map(float, arguments.seconds.split(",")):
            start, samples = time.process_time(), round(seconds * SAMPLE_RATE)

            def voices(waves: list[Waveform], samples: int = samples) -> np.ndarray:
                return np.stack([network.embed(speech_of(wave[: 2 * samples])[:samples]) for wave in waves])

            first = voices([one for one, _ in speakers])
            for change, function in made.items():
                cosine = first @ voices([function(other) for _, other in speakers]).T
                same, others = np.diag(cosine), cosine[~np.eye(len(cosine), dtype=bool)]
                told = "  ".join(
                    f"{limit}: {(same >= limit).mean():4.0%} {1e4 * (others >= limit).mean():6.1f}" for limit in LIMITS
                )
                print(
                    f"{name:12s} {seconds:3g} s  {change:18s} {len(same):4d} same, {others.size} pairs  {told}",
                    flush=True,
                )
            cpu = (time.process_time() - start) / (len(speakers) * (1 + len(made)))
            print(f"{name:12s} {seconds:3g} s  {1000 * cpu:.0f} ms a speaker", flush=True)


if __name__ == "__main__":
    print("least: same persons found, strangers warned of in 10,000 pairs")
    main()
