"""The TFLite-Micro audio front end (ESPHome, microWakeWord): 40 mels, 30 ms window, 10 ms hop, noise reduction, PCAN.

The arithmetic is the C library's own, through the package `pymicro-features`. It adapts to the noise it has heard,
so its state matters: a stream is one front end from its start to its end. Silence teaches it nothing: what it knows of
noise at the start is what it would know after hours of digital silence.
"""

import numpy as np

from kwsdata.audio import Waveform, to_int16
from kwsdata.errors import MissingExtraError, ParamsError
from kwsdata.params.data import FeaturesParams

CHANNELS, WINDOW, HOP = 40, 480, 160  # fixed in the library at 16 kHz


class Micro:
    """Stateful micro front end: float32 [frames, 40], values 0 to about 26 (the library's uint16 / 25.6)."""

    n_mels = CHANNELS
    window = WINDOW
    hop = HOP

    def __init__(self, params: FeaturesParams) -> None:
        if (params.n_mels, params.window_ms, params.hop_ms) != (CHANNELS, 30, 10):
            raise ParamsError(
                f"features.frontend: micro has 40 mels, a 30 ms window and a 10 ms hop; params.yaml asks for "
                f"n_mels = {params.n_mels}, window_ms = {params.window_ms:g}, hop_ms = {params.hop_ms:g}."
            )
        try:
            from pymicro_features import MicroFrontend
        except ImportError:
            raise MissingExtraError("pymicro-features", "micro", "features.frontend: micro") from None
        self._frontend = MicroFrontend()
        self.silence = np.zeros(CHANNELS, np.float32)
        self._kept = b""

    def reset(self) -> None:
        """Forget everything heard, the noise estimate included."""
        self._frontend.reset()
        self._kept = b""

    def process(self, wave: Waveform) -> np.ndarray:
        """Take `wave` [samples] float32, return the frames it completes: float32 [frames, 40]."""
        heard = self._kept + to_int16(wave).tobytes()
        step = 2 * HOP
        whole = len(heard) // step * step
        rows = []
        for start in range(0, whole, step):
            output = self._frontend.process_samples(heard[start : start + step])
            if output.features:
                rows.append(output.features)
        self._kept = heard[whole:]
        return np.asarray(rows, np.float32).reshape(-1, CHANNELS)
