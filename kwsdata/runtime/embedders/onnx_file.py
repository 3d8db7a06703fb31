"""An ONNX file as an embedder, described by a JSON file of the same name beside it.

    {"format": 1,
     "input": "wave",            sound [batch, window_samples]; or "features": frames [batch, frames, n_mels]; or
                                 "google_speech": vectors of that embedder [batch, vectors, 96]
     "scale": 1.0,               wave only: what full scale is (32768 for int16)
     "window_samples": 16000,    of one vector, at 16 kHz
     "hop_samples": 1280,        between vectors; for features a multiple of the front end's hop
     "features": {...}}          features only: the block `features` of params.yaml that the network was trained with

The first output, flattened, is the vector. A trained teacher's layer before the last is such a file:
data/models/teacher/embedder.onnx.
"""

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from kwsdata.audio import Waveform
from kwsdata.draws import digest_of
from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_json, sha256_of
from kwsdata.params.data import FeaturesParams
from kwsdata.runtime.embedders.base import count_windows, open_session
from kwsdata.runtime.embedders.external import network_parts
from kwsdata.runtime.embedders.google_speech import GoogleSpeech
from kwsdata.runtime.front_ends import make_frontend

FORMAT = 1
_BATCH = 64  # windows given to the network at a time


class OnnxEmbedder:
    """A network in `path` with its contract beside it."""

    def __init__(self, path: Path) -> None:
        """Load the network and try it on silence.

        Raises:
            StageInputError: a file is missing, the contract is not one, or the network does not do what it says.
        """
        path = Path(path)
        contract = read_json(path.with_suffix(".json"))
        self._read(path, contract)
        self.name = path.as_posix()
        parts = network_parts(path)  # before it is loaded: it may name files elsewhere
        self._session = open_session(path, str(path))
        self._input = self._session.get_inputs()[0].name
        under = self._speech.identity if self._speech is not None else ""
        weights = [sha256_of(part) for part in parts[1:]]
        self.identity = digest_of("onnx", sha256_of(path), sorted(contract.items()), under, *weights)
        try:
            (probe,) = self._vectors(np.zeros(self.window, np.float32))
        except Exception as error:  # onnxruntime's own exceptions share no public base class
            raise StageInputError(f"{path} cannot embed {self.window} samples as its contract says: {error}") from None
        self.dim = probe.size

    def _read(self, path: Path, contract: dict[str, Any]) -> None:
        try:
            if contract["format"] != FORMAT or contract["input"] not in ("wave", "features", GoogleSpeech.name):
                raise ValueError(f"format {contract['format']}, input {contract['input']}")
            self.window, self.hop = int(contract["window_samples"]), int(contract["hop_samples"])
            self._scale = np.float32(contract.get("scale", 1.0))
            self._features = FeaturesParams(**contract["features"]) if contract["input"] == "features" else None
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            raise StageInputError(f"{path.with_suffix('.json')} is no contract of an embedder: {error!r}.") from None
        self._speech = GoogleSpeech() if contract["input"] == GoogleSpeech.name else None
        if self._speech is not None and self.hop % self._speech.hop:
            raise StageInputError(
                f"{path.with_suffix('.json')}: hop_samples = {self.hop} is no multiple of {self._speech.hop}."
            )
        if self._features is not None and self.hop % make_frontend(self._features).hop:
            raise StageInputError(
                f"{path.with_suffix('.json')}: hop_samples = {self.hop} is no multiple of the front end's hop, "
                f"{make_frontend(self._features).hop} samples."
            )

    def embed(self, wave: Waveform) -> np.ndarray:
        """Return float32 [windows, dim] of `wave` [samples] at 16 kHz."""
        if count_windows(wave.size, self.window, self.hop) == 0:
            return np.zeros((0, self.dim), np.float32)
        return self._vectors(wave)

    def _vectors(self, wave: Waveform) -> np.ndarray:
        count = count_windows(wave.size, self.window, self.hop)
        if self._speech is not None:
            rows = self._speech.embed(wave)
            length = (self.window - self._speech.window) // self._speech.hop + 1
            step = self.hop // self._speech.hop
        elif self._features is None:
            rows, length, step = wave.astype(np.float32) * self._scale, self.window, self.hop
        else:
            frontend = make_frontend(self._features)
            rows = frontend.process(wave)
            length = (self.window - frontend.window) // frontend.hop + 1
            step = self.hop // frontend.hop
        parts = []
        for start in range(0, count, _BATCH):
            batch = np.stack([rows[i * step : i * step + length] for i in range(start, min(start + _BATCH, count))])
            parts.append(self._session.run(None, {self._input: batch})[0].reshape(len(batch), -1))
        return np.concatenate(parts).astype(np.float32)
