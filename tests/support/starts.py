"""Sound with which a stream may start: quiet, loud at once, cut off, or none at all."""

import numpy as np
from sound import burst, tone, white_noise

from kwsdata.audio import SAMPLE_RATE, Waveform

HISS_DBFS = (-90, -80, -70, -60, -40, -20, -10)


def starts(seconds: float = 2.0) -> dict[str, Waveform]:
    """Return sounds by name, most of them `seconds` long, float32 [samples]."""
    count, rng = round(seconds * SAMPLE_RATE), np.random.default_rng(0)
    click, clicks = np.zeros(count, np.float32), np.zeros(count, np.float32)
    click[0], clicks[::1600] = 1.0, -1.0
    at_once = burst(3, before_s=0)
    found = {
        "nothing": np.zeros(0, np.float32),
        "one sample": np.zeros(1, np.float32),
        "one loud sample": np.ones(1, np.float32),
        "a frame less a sample": np.zeros(399, np.float32),
        "one frame": white_noise(1, 400 / SAMPLE_RATE),
        "silence": np.zeros(count, np.float32),
        "dither": (rng.integers(-1, 2, count) / 32768).astype(np.float32),
        "a click": click,
        "clicks": clicks,
        "a square wave": np.sign(tone(120, seconds)),
        "dc": np.full(count, 0.3, np.float32),
        "a step": np.repeat(np.float32([0, -0.5]), [count // 20, count - count // 20]),
        "a tone at once": tone(440, seconds),
        "a word at once": at_once,
        "the second half of a word": at_once[at_once.size // 2 :],
        "a word after a tenth of a second": np.concatenate([np.zeros(1600, np.float32), at_once]),
        "words without pause": np.concatenate([burst(seed, 0, 0.4, 0) for seed in range(5)]),
        "clipped noise": np.clip(white_noise(2, seconds, 10.0), -1, 1),
    }
    return found | {f"hiss at {level} dBFS": white_noise(5, seconds, 10 ** (level / 20)) for level in HISS_DBFS}
