"""Licences of synthetic voices, as their makers state them; a voice that is not listed is unknown.

The licence of a speech engine's program is not that of its sound: eSpeak NG and Piper are GPL-3 programs, whose output
is not a copy of them. A neural voice is trained on recordings, and its model card names the terms.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from kwsdata.clips.view import Fields

# (engine, pattern of voices): (licence, who to credit). The first that fits counts.
_VOICES = {
    ("kokoro", "*"): ("Apache-2.0", "Kokoro-82M, hexgrad, https://huggingface.co/hexgrad/Kokoro-82M"),
    ("noise", "*"): ("Apache-2.0", "noise computed by kwsdata, no recording"),
    ("espeak", "*"): ("engine-output", "eSpeak NG, https://github.com/espeak-ng/espeak-ng"),
    ("piper", "en_US-joe-medium"): (
        "CC0-1.0",
        "Piper's voice joe (its model card: CC0; fine-tuned from the voice lessac, whose recordings have terms of "
        "their own), https://huggingface.co/rhasspy/piper-voices",
    ),
}


def voice_source(corpus: str, clip: Fields) -> tuple[str, str] | None:
    """Return (source, licence) of a clip that an engine spoke, or None where none did.

    The source is "corpus:engine", and of Piper, whose voices have licences of their own, "corpus:piper:voice".
    """
    engine, voice = clip.engine, clip.voice
    if engine is None:
        return None
    source = f"{corpus}:{engine}:{voice}" if engine == "piper" else f"{corpus}:{engine}"
    return source, next((licence for licence, _ in _of(engine, voice)), "unknown")


def credit_of(source: str) -> str | None:
    """Return who is to be credited for the voices of a source; None if no engine's.

    It is called "corpus:engine[:voice]", with the names before it of those who published it in between.
    """
    _, *names = source.split(":")
    places = (_of(engine, voice) for engine, voice in zip(names, [*names[1:], ""], strict=False))
    return next((credit for place in places for _, credit in place), None)


def _of(engine: str, voice: str) -> Iterator[tuple[str, str]]:
    return (terms for (name, pattern), terms in _VOICES.items() if name == engine and fnmatchcase(voice, pattern))
