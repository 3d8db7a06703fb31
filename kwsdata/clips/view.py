"""The typed view of a clip: our fields in the `custom` of a Lhotse cut, by name, type and unit.

`kwsdata.clips.fields` lists every field that is written; `Fields`, `ClipView` and `EventView` read them. No other
module spells a key of `custom`.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, cast

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.fields import CONDITIONS, KEYWORD_EVENT, LICENCE_NAMES, ClipFields, Pairs, StreamSegment
from kwsdata.errors import StageInputError

if TYPE_CHECKING:
    from lhotse import MonoCut, SupervisionSegment

_MIXED_IN = "what was mixed into it"


class Fields:
    """Our fields of one clip, read-only, from a cut's `custom` or from a row that holds it.

    Properties without `_if_any` of fields that every clip of a stage has raise a StageInputError where it is missing;
    optional ones are None.
    """

    __slots__ = ("_told", "id")

    def __init__(self, clip_id: str, told: Mapping[str, Any] | None) -> None:
        self.id = clip_id
        self._told: Mapping[str, Any] = told or {}

    def __contains__(self, name: str) -> bool:
        return name in self._told

    def only(self, names: Collection[str]) -> dict[str, Any]:
        """Return the fields among `names`, in the order in which they were written."""
        return {name: value for name, value in self._told.items() if name in names}

    def without(self, names: Collection[str] = ()) -> dict[str, Any]:
        """Return all fields but `names`, in the order in which they were written."""
        return {name: value for name, value in self._told.items() if name not in names}

    def _needed(self, name: str, mend: str = "remake it with `dvc repro`") -> Any:
        if name not in self._told:
            raise StageInputError(f"cut {self.id} has no custom[{name!r}]: {mend}.")
        return self._told[name]

    # What the clip's corpus declares.

    @property
    def corpus(self) -> str:
        """The corpus it was imported or made as."""
        return str(self._needed("corpus"))

    @property
    def corpus_if_any(self) -> str | None:
        """See `corpus`."""
        return self._told.get("corpus")

    @property
    def licence(self) -> str | None:
        """Its own licence: the corpus's, unless the clip said another one."""
        return self._told.get("licence")

    @property
    def licences_said(self) -> list[Any]:
        """What a cut from elsewhere says of its licence, under any of `LICENCE_NAMES`; unchecked."""
        return [self._told[name] for name in LICENCE_NAMES if self._told.get(name) is not None]

    @property
    def role(self) -> str | None:
        """What its corpus is for: keyword, speech, noise or rir."""
        return self._told.get("role")

    @property
    def speaker(self) -> str | None:
        """Who is heard ("corpus:name"), the noise's source, or the room: the unit that partitions never share."""
        return self._told.get("speaker")

    @property
    def person(self) -> str | None:
        """Who that is in every corpus of one speaker namespace; only where a corpus has one."""
        return self._told.get("person")

    @property
    def who(self) -> str | None:
        """The identity of who is heard: `person` where the corpus has a namespace, else `speaker`."""
        name = self.person or self.speaker
        return str(name) if name else None

    @property
    def is_person(self) -> bool:
        """Whether who is heard is a person: no noise source or synthetic voice."""
        return "noise" not in (self.label_if_any, self.role) and not self.synthetic

    @property
    def synthetic(self) -> bool:
        """Whether no recording it is: a voice of an engine, or computed noise."""
        return bool(self._told.get("synthetic"))

    @property
    def engine(self) -> str | None:
        """The engine that made it, of a synthetic clip."""
        return self._told.get("engine")

    @property
    def voice(self) -> str:
        """The engine's voice that spoke it; empty where none is told."""
        return str((self._told.get("request") or {}).get("voice", ""))

    @property
    def kind(self) -> str | None:
        """Of a synthetic clip: keyword, confusable, partial, sentence, or the kind of noise."""
        return self._told.get("kind")

    @property
    def origin(self) -> str | None:
        """The file or row that it was imported from, where its id does not say."""
        return self._told.get("origin")

    @property
    def channel(self) -> int | None:
        """The channel (from 1) of the imported file that was taken, where it was not all of them."""
        return self._told.get("channel")

    # What it is, and where.

    @property
    def audio_sha256(self) -> str:
        """The hash of its int16 samples: the clip's identity, whatever its file was. In hex."""
        return str(self._needed("audio_sha256"))

    @property
    def audio_sha256_if_any(self) -> str | None:
        """See `audio_sha256`."""
        return self._told.get("audio_sha256")

    @property
    def place(self) -> str:
        """Where its FLAC bytes are, "path.tar:offset:size" (see `kwsdata.clips.shards`): the field `shard`."""
        place = self._told.get("shard")
        if not place:
            raise StageInputError(
                f"cut {self.id} has no custom['shard']: read it through `kwsdata.clips.shards.shard_cuts`."
            )
        return str(place)

    @property
    def place_if_any(self) -> str | None:
        """See `place`."""
        return self._told.get("shard")

    @property
    def label(self) -> str:
        """What `index` calls it: keyword, confusable, speech, noise or rir; or mined."""
        return str(self._needed("label"))

    @property
    def label_if_any(self) -> str | None:
        """See `label`."""
        return self._told.get("label")

    @property
    def label_or_role(self) -> str | None:
        """Its label, or what its corpus is for where nothing was labelled."""
        return self._told.get("label", self._told.get("role"))

    @property
    def partition(self) -> str | None:
        """What `split` says: train, dev or test."""
        return self._told.get("partition")

    @property
    def weight(self) -> float:
        """How often training draws it, beside a clip of weight 1."""
        return float(self._told.get("weight", 1.0))

    # What it was made of.

    @property
    def parent(self) -> str | None:
        """The clip that it is an augmented copy of, or was cut from."""
        return self._told.get("parent")

    @property
    def parent_sha256(self) -> str | None:
        """The parent's `audio_sha256`: ids may be shared, sounds are not."""
        return self._told.get("parent_sha256")

    @property
    def parent_corpus(self) -> str | None:
        """The corpus of the recording that a mined window was cut from."""
        return self._told.get("parent_corpus")

    @property
    def recipe(self) -> dict[str, Any]:
        """Every draw that made it, by effect (of a room: its geometry); empty where nothing was drawn."""
        return self._told.get("recipe") or {}

    @property
    def copy(self) -> int:
        """Which copy of its parent it is: 0 is the clip itself, from 1 on augmented."""
        return int(self.recipe.get("copy", 0))

    @property
    def sources(self) -> Pairs | None:
        """[id, audio_sha256] of every further sound and room in a clip that was made here; None where not recorded."""
        return self._told.get("sources")

    @property
    def credits(self) -> Pairs | None:
        """[source, licence] of all that is heard in a clip that was made elsewhere."""
        return self._told.get("credits")

    @property
    def elsewhere(self) -> bool:
        """Of a mined window: whether its recording is of a pool, and need be in no manifest here."""
        return bool(self._told.get("elsewhere"))

    @property
    def mined(self) -> dict[str, Any]:
        """Why a window was mined: similarity, margin, score (0 to 1), nearest clip of the keyword, `at_s`."""
        return self._told.get("mined") or {}

    @property
    def made_of(self) -> list[list[str]]:
        """[id, hash of its samples] of each sound that a cut from elsewhere was made of; none if it credits all.

        The hash is empty where an older version did not write it down.
        """
        if self.credits:
            return []
        parent = [[str(self.parent), str(self.parent_sha256 or "")]] if self.parent else []
        unwritten = "sources" not in self and any(self._told.get(name) for name in ("recipe", "segments"))
        return [*parent, *([[_MIXED_IN, ""]] if unwritten else []), *(list(pair) for pair in self.sources or [])]

    def told_elsewhere(self) -> ClipFields:
        """Return what a clip that is cut from this recording of a pool says of its sources.

        `elsewhere`: the recording need be in no manifest of the project.
        """
        kept = cast(ClipFields, {name: self._told[name] for name in ("credits", "engine", "request") if name in self})
        sources = self.made_of
        return ClipFields(elsewhere=True) | kept | (ClipFields(sources=sources) if sources else ClipFields())

    # Rooms.

    @property
    def gain(self) -> float:
        """What a stored impulse response is multiplied with to have its level again."""
        return float(self._needed("gain"))

    @property
    def t60_s(self) -> float | None:
        """The reverberation time that a simulated room was to have, in seconds."""
        return self._told.get("t60_s")

    @property
    def t60_measured_s(self) -> float:
        """The reverberation time that its response has, in seconds."""
        return float(self._needed("t60_measured_s"))

    @property
    def method(self) -> str:
        """How the response came about: measured, or the name of the simulation."""
        return str(self._needed("method"))

    @property
    def room(self) -> dict[str, float]:
        """What is told to people of a room: `t60_measured_s`, and `distance_m` from the speaker to the microphone."""
        return {name: self._told[name] for name in ("t60_measured_s", "distance_m") if name in self}

    # Test streams.

    @property
    def is_stream(self) -> bool:
        """Whether it is a test stream, which has segments and events instead of a label."""
        return "segments" in self

    @property
    def segments(self) -> list[StreamSegment]:
        """What sounds when in a test stream."""
        return [StreamSegment(*row) for row in self._told.get("segments", [])]

    @property
    def conditions(self) -> dict[str, float]:
        """The SNR in dB (`snr_db`) and reverberation time (`t60_s`) of a whole stream, where it has them."""
        return self.only(CONDITIONS)


class ClipView(Fields):
    """A cut with our fields, and what Lhotse's own say of it, in our units."""

    __slots__ = ("cut",)

    def __init__(self, cut: "MonoCut") -> None:
        super().__init__(cut.id, cut.custom)
        self.cut = cut

    @property
    def samples(self) -> int:
        """Its length at 16 kHz."""
        return int(self.cut.recording.num_samples)

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return float(self.cut.duration)

    @property
    def said(self) -> "SupervisionSegment | None":
        """What is said in it and by whom: Lhotse's supervision, the first one; None where nothing is."""
        return self.cut.supervisions[0] if self.cut.supervisions else None

    @property
    def text(self) -> str | None:
        """What is said in it."""
        return self.said.text if self.said is not None else None

    @property
    def span_s(self) -> tuple[float, float] | None:
        """[start, end) in seconds of what is said: of a keyword, where it sounds. None where nothing is."""
        return (self.said.start, self.said.end) if self.said is not None else None

    @property
    def span(self) -> tuple[int, int] | None:
        """`span_s` in samples at 16 kHz."""
        if self.said is None:
            return None
        start = round(self.said.start * SAMPLE_RATE)
        return start, start + round(self.said.duration * SAMPLE_RATE)

    @property
    def events(self) -> list["EventView"]:
        """The keywords of a test stream, and any other supervision."""
        return [EventView(said) for said in self.cut.supervisions]


class EventView:
    """One supervision of a test stream, with our fields of it."""

    __slots__ = ("_told", "said")

    def __init__(self, said: "SupervisionSegment") -> None:
        self.said = said
        self._told: Mapping[str, Any] = said.custom or {}

    @property
    def is_keyword(self) -> bool:
        """Whether the keyword is said in it."""
        return self._told.get("event") == KEYWORD_EVENT

    @property
    def span_s(self) -> tuple[float, float]:
        """[start, end) in seconds of the stream."""
        return self.said.start, self.said.end

    @property
    def source(self) -> str | None:
        """The clip that sounds there."""
        return self._told.get("source")

    @property
    def recipe(self) -> dict[str, Any]:
        """Its room, its noise and its SNR, as drawn; empty where nothing was."""
        return self._told.get("recipe") or {}

    @property
    def conditions(self) -> dict[str, float]:
        """The SNR in dB (`snr_db`) and reverberation time (`t60_s`) it is heard in, where they are its own."""
        return {name: value for name, value in self._told.items() if name in CONDITIONS}

    def told(self) -> dict[str, Any]:
        """Return all its fields."""
        return dict(self._told)


def row_fields(row: Mapping[str, Any]) -> Fields:
    """Return our fields of one row of a manifest, read without Lhotse: `row` is the JSON of a cut."""
    return Fields(row["id"], row.get("custom"))
