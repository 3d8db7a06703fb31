"""Read every clip of the dataset as a row of facts, from manifests alone.

A part is one partition of one stage's output, named after both:

    split/train  split/dev  split/test      the clips themselves, each in its partition
    augmented/train  mined/train            what was made of them for training
    testsets/dev/clean  testsets/test/...   the streams that are measured
    rirs/train  rirs/dev  rirs/test         the rooms

All of them come from corpora, whose rows are read as clips of parts called corpora/NAME.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.fields import Pairs, row_events
from kwsdata.clips.view import Fields, row_fields
from kwsdata.errors import StageInputError
from kwsdata.files.bounded_json import UNREADABLE, bounded_lines, open_unzipped, pairs_of, parse_json
from kwsdata.tools.dataset.trees import Tree

# Where the manifests of each part lie; what `*` matches is the rest of the part's name.
_MANIFESTS = (
    ("split/{}", "data/split/*.jsonl.gz"),
    ("augmented/train", "data/augmented/shar/cuts.*.jsonl.gz"),
    ("mined/train", "data/mined/shar/cuts.*.jsonl.gz"),
    ("testsets/{}", "data/testsets/*/*/cuts.*.jsonl.gz"),
    ("rirs/{}", "data/rirs/*/cuts.*.jsonl.gz"),
)
_CORPORA = ("data/corpora/*/shar/cuts.*.jsonl.gz", "data/synthetic/*/shar/cuts.*.jsonl.gz")
_NAMED = {"audio_sha256", "corpus", "label", "licence", "credits", "parent", "partition", "shard", "sources", "speaker",
          "synthetic"}  # fmt: skip
STREAM = "stream"  # the label of a test stream, which has events instead


@dataclass(frozen=True, slots=True)
class Member:
    """One clip. `audio`: the hash of its samples; `said`: ((start, end) in samples and text of each supervision);
    `sources`: (id, hash of the samples) of what was mixed in, None where that was not recorded; `credits`: (source,
    licence) of all that is heard in a clip from elsewhere; `recipe`: what else the cut tells of how it was made.
    """  # fmt: skip

    part: str
    id: str
    audio: str
    label: str
    samples: int
    speaker: str | None
    corpus: str
    licence: str
    synthetic: bool
    said: tuple[tuple[int, int, str | None], ...]
    parent: str | None
    sources: tuple[tuple[str, str], ...] | None
    credits: tuple[tuple[str, str], ...] | None
    recipe: dict[str, Any]

    @property
    def told(self) -> Fields:
        """The fields in `recipe`, typed."""
        return Fields(self.id, self.recipe)

    @property
    def parent_audio(self) -> str | None:
        """The hash of the parent's samples."""
        return self.told.parent_sha256

    @property
    def hours(self) -> float:
        """How long it lasts."""
        return self.samples / SAMPLE_RATE / 3600

    @property
    def recipe_sha256(self) -> str:
        """The hash of the recipe."""
        return hashlib.sha256(json.dumps(self.recipe, sort_keys=True).encode()).hexdigest()


def manifests_of(tree: Tree) -> dict[str, list[str]]:
    """Return {part: manifests, sorted} of what there is.

    Raises:
        StageInputError: there is no split.
    """
    parts: dict[str, list[str]] = {}
    for part, pattern in _MANIFESTS:
        for path in tree.find(pattern):
            parts.setdefault(part.format(_rest(path, pattern)), []).append(path)
    if not any(part.startswith("split/") for part in parts):
        raise StageInputError(f"{tree.name} has no data/split: type `dvc repro split` (or `dvc pull`) first.")
    return parts


def _rest(path: str, pattern: str) -> str:
    """Return which part of a stage a manifest belongs to: `clean` of test, or the name of a split's manifest."""
    before = pattern.split("*", 1)[0]
    return path.removeprefix(before).split("/cuts.", 1)[0].removesuffix(".jsonl.gz")


def members_of(tree: Tree, parts: Iterable[str] | None = None) -> Iterator[Member]:
    """Yield the clips of some parts (None: of all), in the order of parts and manifests.

    Raises:
        StageInputError: there is no split or no such part; a manifest is damaged.
    """
    manifests = manifests_of(tree)
    for part in manifests if parts is None else parts:
        if part not in manifests:
            raise StageInputError(f"{tree.name} has no part {part!r}; it has {', '.join(manifests)}.")
        for path in manifests[part]:
            for number, row in enumerate(rows_of(tree, path), start=1):
                try:
                    yield member_of(part, row)
                except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
                    raise StageInputError(
                        f"{path} of {tree.name}, line {number}: it describes no clip ({error!r}): remake it with `dvc "
                        "repro`, or fetch it with `dvc pull`."
                    ) from None


def corpus_members(tree: Tree) -> Iterator[Member]:
    """Yield the clips of all corpora, those included that no part has (rooms, clips that were left out).

    Raises:
        StageInputError: a manifest is damaged.
    """
    for pattern in _CORPORA:
        for path in tree.find(pattern):
            for row in rows_of(tree, path):
                yield member_of(f"corpora/{path.split('/')[2]}", row)


def rows_of(tree: Tree, path: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a manifest.

    Raises:
        StageInputError: it is damaged.
    """
    try:
        with tree.open(path) as raw, open_unzipped(raw) as lines:
            for _, line in bounded_lines(lines):
                yield parse_json(line)
    except UNREADABLE as error:
        raise StageInputError(
            f"{path} of {tree.name} is damaged ({error}): remake it with `dvc repro`, or fetch it with `dvc pull`."
        ) from None


def member_of(part: str, row: dict[str, Any]) -> Member:
    """Return the facts in one row of a manifest.

    Raises:
        StageInputError: its sources or credits are no pairs of texts.
    """
    clip = row_fields(row)
    recipe = clip.without(_NAMED)
    if events := row_events(row):
        recipe["events"] = events
    return Member(
        part=part,
        id=clip.id,
        audio=clip.audio_sha256_if_any or "",
        label=clip.label_if_any or STREAM,
        samples=row["recording"]["num_samples"],
        speaker=clip.speaker,
        corpus=clip.corpus_if_any or part.split("/")[0],
        licence=clip.licence or "",
        synthetic=clip.synthetic,
        said=tuple(
            (
                round(said["start"] * SAMPLE_RATE),
                round((said["start"] + said["duration"]) * SAMPLE_RATE),
                said.get("text"),
            )
            for said in row["supervisions"]
        ),
        parent=clip.parent,
        sources=_pairs(part, clip.id, "sources", clip.sources),
        credits=_pairs(part, clip.id, "credits", clip.credits),
        recipe=recipe,
    )


def _pairs(part: str, clip: str, name: str, told: Pairs | None) -> tuple[tuple[str, str], ...] | None:
    if told is None:
        return None
    pairs = pairs_of(told)
    if pairs is None:
        raise StageInputError(f"{clip} of {part}: custom[{name!r}] is no list of pairs of texts: type `dvc repro`.")
    return pairs
