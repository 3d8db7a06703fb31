"""The fields of a clip that are ours, for writing, and where they lie in a cut, a supervision and the JSON of a row.

What each one means: the property of its name in `kwsdata.clips.view`, which reads them. Fields stay in the order in
which they were written: manifests are compared by their bytes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypedDict, cast

Pairs = Sequence[Sequence[str]]  # as JSON has them: [[text, text], ...]

KEYWORD_EVENT = "keyword"
CONDITIONS = ("snr_db", "t60_s")  # what a stream, or an event of it, is heard in
LICENCE_NAMES = ("licence", "license", "licences", "licenses")  # of the field, in the cuts of others


class ClipFields(TypedDict, total=False):
    """Our fields of a cut, for writing; None takes a field away. What each one means: the properties of its name."""

    corpus: str
    licence: str | None
    role: str
    audio_sha256: str
    speaker: str | None
    person: str | None
    label: str
    partition: str
    shard: str
    synthetic: bool | None
    engine: str
    kind: str
    request: dict[str, Any]
    origin: str
    channel: int
    part: str
    genres: list[str]
    vocals: bool
    parent: str
    parent_sha256: str
    parent_corpus: str | None
    recipe: dict[str, Any]
    sources: Pairs | None
    credits: Pairs
    elsewhere: bool
    mined: dict[str, Any]
    weight: float
    gain: float
    t60_s: float | None
    t60_measured_s: float
    distance_m: float
    dimensions: list[float]
    method: str
    set: str
    snr_db: float
    segments: Sequence["StreamSegment"]


class EventFields(TypedDict, total=False):
    """Our fields of a keyword's supervision in a test stream, for writing."""

    event: str
    source: str
    recipe: dict[str, Any]
    snr_db: float
    t60_s: float


class StreamSegment(NamedTuple):
    """What sounds from `start_s` to `end_s` of a test stream: the clip (or noise), its label and its corpus."""

    start_s: float
    end_s: float
    source: str
    label: str
    corpus: str | None = None

    def row(self) -> dict[str, Any]:
        """Return it for a JSON file; without a corpus where it has none."""
        return {name: value for name, value in self._asdict().items() if value is not None}


def given(fields: ClipFields) -> ClipFields:
    """Return the fields that are not None."""
    return cast(ClipFields, {name: value for name, value in fields.items() if value is not None})


def fields_in(told: Any) -> Any:
    """Return the fields of a cut or a supervision from elsewhere, or of its JSON, unchecked; None where it has none."""
    return told.get("custom") if isinstance(told, Mapping) else getattr(told, "custom", None)


def row_events(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the fields of each supervision of a row that has some."""
    return [said["custom"] for said in row["supervisions"] if said.get("custom")]


def with_row_fields(row: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of a manifest with `fields` as all that ours are."""
    return {**row, "custom": dict(fields)}
