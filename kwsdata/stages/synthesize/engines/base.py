"""The interface of speech engines: a list of voices, and a pure function from a request to sound.

Randomness is drawn before a request is made (`kwsdata.stages.synthesize.plan`). An engine that carries hidden state
from one utterance to the next must reset it: the same request gives the same samples whatever was spoken before it, in
any process. (Between machines, neural engines agree to rounding only: their integer kernels depend on the processor.)
"""

from dataclasses import dataclass
from typing import Protocol

from kwsdata.audio import Waveform


@dataclass(frozen=True)
class Voice:
    """One base voice of an engine: the unit that partitions never share.

    `accents` are the language tags it can speak the asked language with, the plainest first; `foreign` are languages
    whose rules it can misread the text by, for speech that is not the keyword in any language; `base` is the voice that
    this one is another name of, "" if none.
    """

    engine: str
    name: str
    accents: tuple[str, ...]
    gender: str | None = None
    foreign: tuple[str, ...] = ()
    base: str = ""

    @property
    def speaker(self) -> str:
        """Who is heard, inside a corpus: "engine/name", the same for every name of one voice."""
        return f"{self.engine}/{self.base or self.name}"


@dataclass(frozen=True)
class Request:
    """One utterance to speak, with every choice made.

    Attributes:
        engine, voice: who speaks.
        text: what to say, in letters and punctuation.
        phonemes: what to say in phonemes with stress marks (see `kwsdata.stages.synthesize.phonemes`), or ""; if
            given it wins over `text`.
        accent: language tag to speak with (one of the voice's accents, or another language's).
        speed: relative to the voice's own, 2 = twice as fast.
        pitch, inflection: from -1 (low, flat) through 0 (the voice's own) to 1; engines that cannot, ignore them.
        partner: a second voice whose prosody is mixed in, or "" for none; engines that cannot, ignore it.
        seed: for engines with a noise source of their own.
    """

    engine: str
    voice: str
    text: str
    accent: str
    phonemes: str = ""
    speed: float = 1.0
    pitch: float = 0.0
    inflection: float = 0.0
    partner: str = ""
    seed: int = 0


class Engine(Protocol):
    """A speech engine: see `engines.ENGINES` for those that there are."""

    name: str
    licence: str
    version: str
    batch: int  # requests worth a minute or less: what an interruption may cost

    def voices(self, language: str) -> list[Voice]:
        """Return the voices that speak `language` ("en-us"), sorted by name; none if it cannot."""

    def speak(self, request: Request) -> Waveform:
        """Return sound [samples] at 16 kHz, not trimmed; empty if the engine produced none."""
