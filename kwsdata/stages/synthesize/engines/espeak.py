"""eSpeak NG, a formant synthesiser: about 100 variants x 8 English accents, robotic, 300 times faster than real time.

The library is loaded afresh for each utterance (see `kwsdata.stages.synthesize.espeak_library`), which makes the sound
a pure function of the request, and any process safe.
"""

import ctypes
import importlib.metadata
import sys
from functools import partial
from pathlib import Path

import numpy as np

from kwsdata.audio import FULL_SCALE, SAMPLE_RATE, Waveform, resample
from kwsdata.errors import AudioError
from kwsdata.execution.cache import Step
from kwsdata.files.atomic import sha256_of
from kwsdata.stages.synthesize import alike_voices
from kwsdata.stages.synthesize.engines.base import Request, Voice
from kwsdata.stages.synthesize.espeak_library import fresh_library, private_library
from kwsdata.stages.synthesize.phonemes import to_espeak

VOICES = Step("espeak_voices", __name__)
ENGLISH = ("en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc")
FOREIGN = ("cs", "da", "de", "es", "fi", "fr", "hu", "it", "nl", "pl", "pt", "ro", "ru", "sv", "tr")
# The same sound as the bare accent; a stutter; and two of which Whisper tiny.en misses half of the words of a plain
# sentence (of the others it misses 5 % on average).
_SKIPPED = frozenset({"fast", "AnxiousAndy", "RicishayMax3", "kaukovalta"})
_CHARS_UTF8, _PHONEMES, _END_PAUSE = 1, 0x100, 0x1000
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
# Said by every variant, to find those that are one voice: most sounds of English in six seconds.
_PANGRAM = "The quick brown fox jumps over the lazy dog, while my father hears five blue machines."
_WORDS_PER_MINUTE = 165
_VOLUME_PERCENT = 60  # at 100 the loudest voices clip
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """The engine `espeak`; a voice is one of eSpeak's variants (`f3`, `edward`), whatever its accent."""

    name = "espeak"
    licence = "GPL-3.0 engine; its output is not covered"
    batch = 64

    def __init__(self) -> None:
        variants = private_library().data / "voices" / "!v"
        self._variants = {path.name: path for path in sorted(variants.iterdir())}
        self.version = importlib.metadata.version("espeakng-loader")

    def voices(self, language: str) -> list[Voice]:
        """Return a voice for each variant file; English has all its accents, another language itself.

        Variants that sound alike have one `base`.
        """
        language = language.lower()
        accents: tuple[str, ...] = ENGLISH if language.split("-")[0] == "en" else (language,)
        accents = tuple(sorted(accents, key=lambda accent: accent != language))
        bases = self._bases()
        return [
            Voice(self.name, name, accents, _gender(path), FOREIGN, "" if bases[name] == name else bases[name])
            for name, path in self._variants.items()
            if name not in _SKIPPED
        ]

    def _bases(self) -> dict[str, str]:
        """Return {variant: its base voice}, listened to once for each release of eSpeak (some seconds)."""
        variants = {name: sha256_of(path) for name, path in self._variants.items() if name not in _SKIPPED}
        bases: dict[str, str] = VOICES.value(partial(self._listen, list(variants)), variants=variants)
        return bases

    def _listen(self, names: list[str]) -> dict[str, str]:
        return alike_voices.base_voices(
            {name: self.speak(Request(self.name, name, _PANGRAM, ENGLISH[0])) for name in names}
        )

    def speak(self, request: Request) -> Waveform:
        """Return the sound of `request`, resampled from 22 050 Hz.

        Raises:
            AudioError: eSpeak has no such voice or language.
        """
        with fresh_library() as (library, rate_hz):
            wave = self._speak(library, request)
        return resample(wave, rate_hz, SAMPLE_RATE)

    def _speak(self, library: ctypes.CDLL, request: Request) -> Waveform:
        chunks: list[bytes] = []

        @_Callback
        def receive(samples: int | None, count: int, _events: int | None) -> int:
            if samples and count:
                chunks.append(ctypes.string_at(samples, 2 * count))
            return 0

        library.espeak_Synth.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
            ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        library.espeak_SetSynthCallback(receive)
        seed = request.seed % (1 << 31)
        library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        if sys.platform != "win32":
            ctypes.CDLL(None).srand(ctypes.c_uint(seed))  # the Klatt voices' noise
        name = f"{request.accent}+{request.voice}"
        if request.voice not in self._variants or library.espeak_SetVoiceByName(name.encode()) != 0:
            raise AudioError(f"{name}: eSpeak has no such language or variant; see `espeak-ng --voices`")
        for parameter, value in (
            (_RATE, np.clip(round(_WORDS_PER_MINUTE * request.speed), 80, 450)),
            (_VOLUME, _VOLUME_PERCENT),
            (_PITCH, np.clip(round(50 + 50 * request.pitch), 0, 99)),
            (_RANGE, np.clip(round(50 + 50 * request.inflection), 0, 99)),
        ):
            library.espeak_SetParameter(parameter, int(value), 0)
        said = f"[[{to_espeak(request.phonemes)}]]" if request.phonemes else request.text
        flags = _CHARS_UTF8 | _END_PAUSE | (_PHONEMES if request.phonemes else 0)
        data = said.encode() + b"\0"
        library.espeak_Synth(data, len(data), 0, 1, 0, flags, None, None)
        library.espeak_Synchronize()
        return np.frombuffer(b"".join(chunks), np.int16).astype(np.float32) / np.float32(FULL_SCALE)


def _gender(variant: Path) -> str | None:
    for line in variant.read_text(errors="replace").splitlines():
        words = line.split()
        if words[:1] == ["gender"] and len(words) > 1:
            return words[1]
    return None
