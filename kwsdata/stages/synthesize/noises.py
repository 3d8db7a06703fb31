"""Synthesise noise of a kind, such as hum, traffic or beeps, from a seed.

Every clip is a source of its own (its `speaker` is "hum/3"), so partitions share none; the kinds are spread over the
partitions by giving each its quota of every kind.
"""

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

from kwsdata.audio import SAMPLE_RATE, Waveform, rms
from kwsdata.clips.corpus import Item
from kwsdata.clips.fields import ClipFields
from kwsdata.clips.partitions import PARTITIONS, partition_of
from kwsdata.draws import rng_for
from kwsdata.params import PartitionsParams

CORPUS = "synthetic-noise"
_LEVEL = 0.02  # rms, about -34 dBFS: mixing sets its own level
_MAX_PEAK = 0.9
_SCALE = 2 ** (np.array([0, 2, 4, 7, 9, 12]) / 12)  # a pentatonic octave


def coloured_noise(rng: np.random.Generator, samples: int, slope_db: float) -> Waveform:
    """Return Gaussian noise [samples] whose power falls by `slope_db` an octave: 0 white, 3 pink, 6 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    hz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    spectrum *= (np.maximum(hz, 30.0) / 1000.0) ** (-slope_db / (20 * np.log10(2)))  # flat below 30 Hz
    return np.fft.irfft(spectrum, samples)


def _white(rng: np.random.Generator, samples: int) -> Waveform:
    return coloured_noise(rng, samples, 0.0)


def _pink(rng: np.random.Generator, samples: int) -> Waveform:
    return coloured_noise(rng, samples, 3.0)


def _brown(rng: np.random.Generator, samples: int) -> Waveform:
    return coloured_noise(rng, samples, 6.0)


def _hum(rng: np.random.Generator, samples: int) -> Waveform:
    """Mains hum: 50 or 60 Hz and its harmonics, over a little hiss."""
    seconds = np.arange(samples) / SAMPLE_RATE
    mains = float(rng.choice([50.0, 60.0]))
    wave = 0.05 * coloured_noise(rng, samples, 3.0)
    for harmonic in range(1, int(rng.integers(6, 30))):
        size = float(rng.uniform(0.2, 1)) / harmonic ** float(rng.uniform(0.5, 1.5))
        wave = wave + size * np.sin(2 * np.pi * mains * harmonic * seconds + rng.uniform(0, 2 * np.pi))
    return wave


def _clicks(rng: np.random.Generator, samples: int) -> Waveform:
    """Taps and clicks: short decaying resonances at random times, two a second or so."""
    wave = 0.002 * coloured_noise(rng, samples, 3.0)
    for _ in range(max(1, int(rng.poisson(rng.uniform(1, 6) * samples / SAMPLE_RATE)))):
        length = int(rng.uniform(0.005, 0.12) * SAMPLE_RATE)
        start = int(rng.integers(samples))
        seconds = np.arange(min(length, samples - start)) / SAMPLE_RATE
        ring = np.sin(2 * np.pi * rng.uniform(150, 5000) * seconds) + 0.5 * rng.standard_normal(seconds.size)
        wave[start : start + seconds.size] += rng.uniform(0.1, 1) * ring * np.exp(-seconds * rng.uniform(40, 400))
    return wave


def _notes(rng: np.random.Generator, samples: int, together: bool) -> Waveform:
    """Music-like tones with overtones on a pentatonic scale: chords, or one note after another."""
    wave = np.zeros(samples)
    root, beat = rng.uniform(80, 330), int(rng.uniform(0.15, 0.7) * SAMPLE_RATE)
    brightness, decay = rng.uniform(0.8, 2.5), rng.uniform(0.5, 6)
    for start in range(0, samples, beat):
        for _ in range(3 if together else 1):
            hz = root * float(rng.choice(_SCALE)) * float(rng.choice([0.5, 1, 2]))
            seconds = np.arange(min(3 * beat, samples - start)) / SAMPLE_RATE
            attack = np.minimum(seconds / 0.01, 1) * np.exp(-decay * seconds)
            for overtone in range(1, 8):
                if overtone * hz < SAMPLE_RATE / 2:
                    wave[start : start + seconds.size] += (
                        attack * np.sin(2 * np.pi * overtone * hz * seconds) / overtone**brightness
                    )
    return wave


def _chords(rng: np.random.Generator, samples: int) -> Waveform:
    return _notes(rng, samples, together=True)


def _melody(rng: np.random.Generator, samples: int) -> Waveform:
    return _notes(rng, samples, together=False)


def _traffic(rng: np.random.Generator, samples: int) -> Waveform:
    """Passing vehicles: low-passed noise that swells and fades, with an engine's tone, over a distant rumble."""
    seconds = np.arange(samples) / SAMPLE_RATE
    wave = 0.3 * coloured_noise(rng, samples, 6.0)
    for _ in range(int(rng.integers(1, 6))):
        centre, width = rng.uniform(0, samples / SAMPLE_RATE), rng.uniform(0.4, 2.5)
        swell = np.exp(-0.5 * ((seconds - centre) / width) ** 2)
        sections = butter(2, rng.uniform(400, 3000), fs=SAMPLE_RATE, output="sos")
        tone = np.sin(2 * np.pi * np.cumsum(rng.uniform(60, 160) * (1 - 0.1 * np.tanh(seconds - centre))) / SAMPLE_RATE)
        wave = wave + swell * (rng.uniform(1, 4) * sosfilt(sections, rng.standard_normal(samples)) + 0.5 * tone)
    return wave


def _fan(rng: np.random.Generator, samples: int) -> Waveform:
    """A fan or an air conditioner: noise with broad resonances, slowly modulated by the blades."""
    seconds = np.arange(samples) / SAMPLE_RATE
    wave = coloured_noise(rng, samples, float(rng.uniform(2, 6)))
    for _ in range(int(rng.integers(2, 6))):
        radius, angle = rng.uniform(0.95, 0.995), 2 * np.pi * rng.uniform(80, 2500) / SAMPLE_RATE
        wave = wave + 0.05 * lfilter([1.0], [1, -2 * radius * np.cos(angle), radius**2], rng.standard_normal(samples))
    return wave * (1 + rng.uniform(0.05, 0.4) * np.sin(2 * np.pi * rng.uniform(0.5, 30) * seconds))


def _beeps(rng: np.random.Generator, samples: int) -> Waveform:
    """Alarms and sweeps: tones that switch on and off, or glide."""
    seconds = np.arange(samples) / SAMPLE_RATE
    low, high = sorted(rng.uniform(200, 3500, size=2))
    glide = 0.5 * (1 + np.sin(2 * np.pi * rng.uniform(0.1, 3) * seconds)) ** float(rng.choice([1, 8]))
    gate = np.sin(2 * np.pi * rng.uniform(0.5, 5) * seconds) > rng.uniform(-0.9, 0.5)
    smooth = np.convolve(gate, np.ones(80) / 80, mode="same")
    tone = np.sin(2 * np.pi * np.cumsum(low + (high - low) * glide) / SAMPLE_RATE)
    return smooth * tone + 0.01 * coloured_noise(rng, samples, 3.0)


KINDS: dict[str, Callable[[np.random.Generator, int], Waveform]] = {
    "white": _white, "pink": _pink, "brown": _brown, "hum": _hum, "clicks": _clicks, "chords": _chords,
    "melody": _melody, "traffic": _traffic, "fan": _fan, "beeps": _beeps,
}  # fmt: skip


def noise(kind: str, seed: int, number: int, duration_s: float) -> Waveform:
    """Return clip `number` of a kind: [samples] float32 at about -34 dBFS, never clipped."""
    wave = KINDS[kind](rng_for(seed, "synthesize", "noise", kind, number), round(duration_s * SAMPLE_RATE))
    wave = wave * (_LEVEL / rms(wave))
    return (wave * min(1.0, _MAX_PEAK / np.abs(wave).max())).astype(np.float32)


def noise_sources(clips: int, partitions: PartitionsParams) -> Iterator[tuple[str, int]]:
    """Yield `clips` pairs (kind, number), kinds in turn; each partition has its share of them, and of every kind.

    A source's number decides its partition, as every speaker's name does; numbers whose partition has its share
    already are passed over. The first sources go to one partition each, so that few clips leave none without.
    """
    wanted = {name: share for name in PARTITIONS if (share := getattr(partitions, name)) > 0}
    have: Counter[tuple[str, str]] = Counter()  # by (kind, partition), and by ("", partition)
    next_number = dict.fromkeys(KINDS, 0)
    for place in range(clips):
        turn, kind_place = divmod(place, len(KINDS))
        kind = list(KINDS)[kind_place]
        owed = {  # what a partition lacks, of all and of the kind; one that has nothing comes first
            name: (have["", name] == 0, share * (place + turn + 2) - have["", name] - have[kind, name])
            for name, share in wanted.items()
        }
        due = max(owed, key=owed.__getitem__)
        number = next_number[kind]
        while partition_of(f"{CORPUS}:{kind}/{number}", partitions) != due:
            number += 1
        have.update([(kind, due), ("", due)])
        next_number[kind] = number + 1
        yield kind, number


def noise_items(clips: int, duration_s: float, seed: int, partitions: PartitionsParams) -> Iterator[Item]:
    """Yield the noise clips as corpus items."""
    for kind, number in noise_sources(clips, partitions):
        yield Item(
            key=f"{kind}-{number:04d}",
            wave=noise(kind, seed, number, duration_s),
            speaker=f"{kind}/{number}",
            fields=ClipFields(synthetic=True, engine="noise", kind=kind),
        )
