"""Plan who says what and how: every random choice of the stage.

A line's choices depend on its engine, kind, voice and number alone, so that more clips or another keyword change no
other line; general sentences stay the same for every keyword that is not in them.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeAlias

import numpy as np

from kwsdata.clips.partitions import Partition, partition_of
from kwsdata.draws import rng_for
from kwsdata.params import Params
from kwsdata.params.synthesis import EngineParams, EspeakParams, KokoroParams
from kwsdata.stages.synthesize.accents import accented, accents
from kwsdata.stages.synthesize.confusables import Confusable, contains, sounds_of
from kwsdata.stages.synthesize.engines import Request, Voice
from kwsdata.stages.synthesize.phonemes import SYMBOLS, distances, segments
from kwsdata.stages.synthesize.pronounce import is_english, pronounce
from kwsdata.stages.synthesize.sentences import rough_sounds, sentence_without
from kwsdata.text import says

CORPUS = "synthetic-speech"
Kind: TypeAlias = Literal["keyword", "confusable", "partial", "sentence"]
_MARKS = ("", ".", "!", "?", ",")


@dataclass(frozen=True)
class Line:
    """One clip to be: its key, what kind of phrase it is, the words said, who says it, and the engine's request."""

    key: str
    kind: Kind
    says: str
    voice: Voice
    request: Request


def speaker_key(voice: Voice) -> str:
    """Return the speaker of a voice's clips as it stands in cuts and decides the partition."""
    return f"{CORPUS}:{voice.speaker}"


def plan_engine(
    params: Params,
    name: str,
    voices: Sequence[Voice],
    confusables: Sequence[Confusable],
    partials: Sequence[Confusable],
) -> list[Line]:
    """Return every line of one engine: keywords, then what sounds like it, then sentences; voices in turn."""
    if not voices:
        return []
    return _Planner(params, name, voices).lines(confusables, partials)


class _Planner:
    def __init__(self, params: Params, engine: str, voices: Sequence[Voice]) -> None:
        self.all, self.params, self.engine = params, params.synthesize, engine
        self.settings: EngineParams = getattr(params.synthesize, engine)
        self.keyword, self.language = params.keyword.text, params.keyword.language.lower()
        self.sounds = sounds_of(self.keyword, self.language)
        self.voices = list(voices)
        self.peers: dict[Partition, list[str]] = defaultdict(list)
        for voice in voices:
            self.peers[self._partition(voice)].append(voice.name)

    def lines(self, confusables: Sequence[Confusable], partials: Sequence[Confusable]) -> list[Line]:
        lines = [self._keyword(number) for number in range(self.settings.positives)]
        if confusables or partials:
            counts = {"confusable": 0, "partial": 0}
            for number in range(self.settings.confusables):
                lines.append(self._near(number, confusables, partials, counts))
        return lines + self._sentences()

    def _partition(self, voice: Voice) -> Partition:
        return partition_of(speaker_key(voice), self.all.partitions)

    def _voice(self, number: int) -> tuple[Voice, int]:
        return self.voices[number % len(self.voices)], number // len(self.voices)

    def _rng(self, kind: str, number: int) -> np.random.Generator:
        voice, turn = self._voice(number)
        return rng_for(self.params.seed, "synthesize", self.engine, kind, voice.name, turn)

    def _keyword(self, number: int) -> Line:
        rng = self._rng("keyword", number)
        text = self.keyword + str(rng.choice(_MARKS))
        return self._accented(self._line("keyword", number, self.keyword, text, "", rng), number)

    def _near(
        self, number: int, confusables: Sequence[Confusable], partials: Sequence[Confusable], counts: dict[str, int]
    ) -> Line:
        rng = self._rng("near", number)
        whole = not partials or (bool(confusables) and rng.random() >= self.params.partial_share)
        kind: Kind = "confusable" if whole else "partial"
        phrase = self._in_turn(confusables if whole else partials, counts[kind], kind)
        counts[kind] += 1
        mark = str(rng.choice(_MARKS))
        if whole and rng.random() < self.params.carrier_share:  # inside a sentence
            before, after = (sentence_without(rng, 1, partial(says, self.keyword)) for _ in range(2))
            text = f"{before[:-1]}, {phrase.text}, {after[0].lower()}{after[1:]}"
            return self._line(kind, number, text, text, "", rng)
        by_sounds = kind == "partial" and is_english(self.language)  # eSpeak takes sounds of English alone
        phonemes = f"{phrase.phonemes}{mark}" if by_sounds else ""
        return self._accented(self._line(kind, number, phrase.text, phrase.text + mark, phonemes, rng), number)

    def _accented(self, line: Line, number: int) -> Line:
        """Return `line`, or with `synthesize.accents.probability` the same words with an accent; English alone has any.

        A phrase that sounds like the keyword comes no nearer to it by its accent.
        """
        settings = self.params.accents
        voice, turn = self._voice(number)
        rng = rng_for(self.params.seed, "synthesize", self.engine, "accent", line.kind, voice.name, turn)
        if not is_english(self.language) or rng.random() >= settings.probability:
            return line
        meant = line.request.phonemes or pronounce(line.request.text, self.language)
        accent = accents()[int(rng.integers(len(accents())))]
        said = accented(meant, accent, settings.max_distance, rng)
        if line.kind != "keyword" and self._apart(said) < self._apart(meant):
            return line
        return replace(line, request=replace(line.request, phonemes=said))

    def _apart(self, phonemes: str) -> float:
        """Return how far the keyword is from the nearest stretch of `phonemes`."""
        return float(distances(self.sounds, [segments(phonemes)], inside=True)[0])

    def _in_turn(self, phrases: Sequence[Confusable], count: int, kind: str) -> Confusable:
        """Return phrase number `count` of an order that is shuffled afresh each time round."""
        turn, place = divmod(count, len(phrases))
        order = rng_for(self.params.seed, "synthesize", "order", self.engine, kind, turn).permutation(len(phrases))
        return phrases[int(order[place])]

    def _sentences(self) -> list[Line]:
        count = self.settings.sentences
        heard: set[str] = set()

        def unwanted(text: str) -> bool:
            return text in heard or says(self.keyword, text)

        while True:
            drawn = [self._sentence(number, unwanted) for number in range(count)]
            sounds = [rough_sounds(text) or SYMBOLS[0] for text, _ in drawn]
            found = {drawn[row][0] for row in np.flatnonzero(contains(self.sounds, sounds))}
            if not found:
                break
            heard |= found
        lines = []
        for number, (text, rng) in enumerate(drawn):
            foreign = isinstance(self.settings, EspeakParams) and rng.random() < self.settings.foreign_share
            lines.append(self._line("sentence", number, text, text, "", rng, foreign))
        return lines

    def _sentence(self, number: int, unwanted: Callable[[str], bool]) -> tuple[str, np.random.Generator]:
        rng = self._rng("sentence", number)
        clauses = int(rng.integers(self.settings.clauses.low, self.settings.clauses.high + 1))
        return sentence_without(rng, clauses, unwanted), rng

    def _line(
        self,
        kind: Kind,
        number: int,
        said: str,
        text: str,
        phonemes: str,
        rng: np.random.Generator,
        foreign: bool = False,
    ) -> Line:
        voice, _ = self._voice(number)
        tags = voice.foreign if foreign and voice.foreign else voice.accents
        accent = tags[0] if tags is voice.accents and rng.random() < 0.5 else str(rng.choice(tags))
        pitch = inflection = 0.0
        partner = ""
        speed = round(self.settings.speed.draw(rng), 4)
        if isinstance(self.settings, EspeakParams):
            pitch = round(self.settings.pitch.draw(rng), 4)
            inflection = round(self.settings.inflection.draw(rng), 4)
        if isinstance(self.settings, KokoroParams):
            peers = [name for name in self.peers[self._partition(voice)] if name != voice.name]
            if peers and rng.random() < self.settings.mix_probability:
                partner = str(rng.choice(peers))
        request = Request(
            engine=self.engine,
            voice=voice.name,
            text=text,
            accent=accent,
            phonemes=phonemes,
            speed=speed,
            pitch=pitch,
            inflection=inflection,
            partner=partner,
            seed=int(rng.integers(1 << 31)),
        )
        return Line(f"{self.engine}-{kind}-{number:05d}", kind, said, voice, request)
