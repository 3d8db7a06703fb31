"""The runtimes that people already have, given sound the way their own programs give it."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from kwsdata.audio import Waveform, to_int16


def package_dir(name: str) -> Path:
    """Return the directory of an installed package."""
    found = find_spec(name)
    assert found is not None and found.origin is not None
    return Path(found.origin).parent


def open_wake_word_scores(head: Path, wave: Waveform, block: int = 1280) -> np.ndarray:
    """Return what pyopen-wakeword says of `wave` with the head in the file `head`, scores of its own silence left out.

    It starts each stream with 8 s of silence and answers that too, so the answers to the sound are the last ones.
    """
    from pyopen_wakeword import OpenWakeWord, OpenWakeWordFeatures

    features, model = OpenWakeWordFeatures.from_builtin(), OpenWakeWord.from_model(head)
    scores = []
    sound = to_int16(wave)
    for start in range(0, sound.size, block):
        for vectors in features.process_streaming(sound[start : start + block].tobytes()):
            scores += list(model.process_streaming(vectors))
    decisions = (sound.size - 480) // 1280 + 1
    return np.asarray(scores[-decisions:], np.float32)


def micro_wake_word_scores(manifest: Path, wave: Waveform) -> np.ndarray:
    """Return what pymicro-wakeword's model of `manifest` says of `wave`, before its mean over a window."""
    from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures

    features, model = MicroWakeWordFeatures(), MicroWakeWord.from_config(manifest)
    scores = []
    for frame in features.process_streaming(to_int16(wave).tobytes()):
        before = len(model._features) + 1
        model.process_streaming_prob(frame)
        if before == model.stride:
            scores.append(model._probabilities[-1])
    return np.asarray(scores, np.float32)
