"""Feature stores made of ridges: a small world in which training can succeed in a few hundred steps.

The keyword is a ridge that rises over the mels and then falls; a confusable falls and then rises, or only rises twice;
speech is rises alone or falls alone; noise is noise.
"""

from pathlib import Path

import numpy as np

from kwsdata.draws import rng_for
from kwsdata.features.store import ClipRow, write_store

N_MELS = 16
SILENCE = np.full(N_MELS, -13.0, np.float32)
INFO = {"hop_samples": 160, "window_samples": 400, "context_samples": 400, "silence": SILENCE.tolist()}
COUNTS = {"keyword": 60, "confusable": 60, "speech": 60, "noise": 20}


def make_clip(rng: np.random.Generator, label: str, name: str) -> tuple[ClipRow, np.ndarray]:
    """Return a clip of 110 to 150 frames; in a keyword or confusable, the word has at least 35 frames after it."""
    frames = int(rng.integers(110, 150))
    x = rng.normal(-6, 0.5, (frames, N_MELS))
    word = None
    if label in ("keyword", "confusable"):
        length = int(rng.integers(20, 30))
        start = int(rng.integers(40, frames - length - 35))
        order = ("rise", "fall") if label == "keyword" else (("fall", "rise"), ("rise", "rise"))[rng.integers(2)]
        half = length // 2
        x[start : start + half] += ridge(order[0], half)
        x[start + half : start + length] += ridge(order[1], length - half)
        word = (start, start + length)
    elif label == "speech":
        direction = str(rng.choice(["rise", "fall"]))
        for start in rng.integers(0, frames - 12, 2):
            x[start : start + 12] += ridge(direction, 12)
    return ClipRow(name, label, 0, 0, 0, word, "someone", "ridges"), x.astype(np.float32)


def ridge(direction: str, frames: int) -> np.ndarray:
    """Return a moving peak: [frames, N_MELS]."""
    place = np.linspace(0.1, 0.9, frames)[:, None] * N_MELS
    place = place if direction == "rise" else place[::-1]
    return 6 * np.exp(-np.square((np.arange(N_MELS) - place) / 1.5))


def write_ridge_stores(directory: Path, counts: dict[str, int] = COUNTS, dev_clips: int = 120) -> Path:
    """Write `directory`/train, of two shards, and `directory`/dev, of two streams; return `directory`."""
    rng = rng_for(1, "ridges")
    labels = [label for label, count in counts.items() for _ in range(count)]
    clips = [make_clip(rng, label, f"{label}-{number}") for number, label in enumerate(labels)]
    write_store(directory / "train", [clips[::2], clips[1::2]], N_MELS, INFO)
    streams = [make_stream(rng, f"dev-{number}", dev_clips // 2) for number in range(2)]
    write_store(directory / "dev", [streams], N_MELS, INFO)
    return directory


def make_stream(rng: np.random.Generator, name: str, clips: int) -> tuple[ClipRow, np.ndarray]:
    """Return a stream of `clips` clips, a third of them keywords."""
    events, pieces, frames = [], [], 0
    for number in range(clips):
        row, x = make_clip(rng, ("keyword", "confusable", "speech")[number % 3], "")
        if row.label == "keyword":
            assert row.word is not None
            events.append((frames + row.word[0], frames + row.word[1]))
        pieces.append(x)
        frames += len(x)
    return ClipRow(name, "stream", 0, 0, 0, None, None, None, events=events), np.concatenate(pieces)
