"""Ids of sounds are found in draws by their type, wherever they lie; what no draw names is not to be had."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, NewType, Optional

import numpy as np
import pytest
from augmenting import RIRS, toy_project

from kwsdata.clips.shards import shard_cuts
from kwsdata.clips.sources import SourceId, UnnamedSourceError, source_ids
from kwsdata.files.atomic import read_jsonl_gz
from kwsdata.pools.materials import Materials
from kwsdata.pools.sounds import Sound, SoundPool
from kwsdata.rooms.bank import load_bank

SirenId = NewType("SirenId", SourceId)
Voices = list[SourceId]


@dataclass(frozen=True)
class Inner:
    who: SourceId
    gain_db: float = 0.0


@dataclass(frozen=True)
class Base:
    name: ClassVar[SourceId] = SourceId("no field")
    first: SourceId


@dataclass(frozen=True)
class Longer(Base):
    second: SourceId


@pytest.mark.parametrize(
    ("kind", "value", "ids"),
    [
        (SourceId, "a", ("a",)),
        (SourceId | None, "a", ("a",)),
        (SourceId | None, None, ()),
        (Optional[SourceId], "a", ("a",)),  # noqa: UP045 # as older code writes it
        (None | SourceId | float, 0.5, ()),
        (SirenId, "a", ("a",)),
        (Annotated[SourceId, "of a siren"], "a", ("a",)),
        (Voices, ["b", "a", "b"], ("b", "a")),
        (list[SourceId | None], ["a", None], ("a",)),
        (list[list[SourceId]], [["a"], ["b", "c"]], ("a", "b", "c")),
        (tuple[SourceId, ...], ("a", "b"), ("a", "b")),
        (tuple[str, SourceId, float], ("mp3", "a", 0.5), ("a",)),
        (list[tuple[SourceId, str]], [("a", "mp3")], ("a",)),
        (Sequence[SourceId], ["a"], ("a",)),
        (Sequence[SourceId], "abc", ()),  # a text is no list of ids
        (set[SourceId], {"b", "a"}, ("a", "b")),
        (frozenset[SourceId], frozenset("ba"), ("a", "b")),
        (dict[SourceId, float], {"a": 0.5}, ("a",)),
        (dict[str, SourceId], {"left": "a"}, ("a",)),
        (dict[str, list[SourceId]], {"left": ["a", "b"]}, ("a", "b")),
        (list[SourceId] | SourceId, "a", ("a",)),
        (list[SourceId] | dict[str, SourceId], {"left": "a"}, ("a",)),
        (Inner, Inner(SourceId("a")), ("a",)),
        (list[Inner], [Inner(SourceId("a")), Inner(SourceId("b"))], ("a", "b")),
        (Inner | None, Inner(SourceId("a")), ("a",)),
        (Base, Longer(SourceId("a"), SourceId("b")), ("a", "b")),
        (str, "a", ()),
        (list[str], ["a"], ()),
        (float, 0.5, ()),
    ],
)
def test_ids_are_found_by_their_type(kind: Any, value: Any, ids: tuple[str, ...]) -> None:
    @dataclass(frozen=True)
    class Draw:
        level_db: float
        held: kind
        codec: str = "opus"
        more: list[int] = field(default_factory=list)

    assert source_ids(Draw(1.0, value)) == ids


def test_types_in_quotation_marks_count_too() -> None:
    @dataclass(frozen=True)
    class Draw:
        held: "list[SourceId] | None"

    assert source_ids(Draw([SourceId("a")])) == ("a",)


@pytest.fixture
def materials(project) -> Materials:
    toy_project()
    cuts = list(shard_cuts(project / "data/corpora/street"))
    pool = SoundPool({c.id: Sound(c.custom["shard"], c.num_samples, c.custom["audio_sha256"]) for c in cuts})
    return Materials(load_bank(RIRS), pool)


def test_what_no_draw_names_is_not_handed_out(materials: Materials) -> None:
    room, noise, other = SourceId("room_0000-0"), SourceId("street-n0"), SourceId("street-n1")
    given = materials.only([room, noise])
    assert np.array_equal(given.noises.stretch(noise, 100, 0.0), materials.noises.stretch(noise, 100, 0.0))
    assert np.array_equal(given.rirs.wave(room), materials.rirs.wave(room))
    materials.noises.level(other)  # what the pool remembers is not handed out either
    for read in (
        lambda: given.noises.stretch(other, 100, 0.0),
        lambda: given.noises.piece(other, 100, 0.0),
        lambda: given.noises.level(other),
        lambda: given.rirs.wave(SourceId("room_0001-0")),
        lambda: given.rirs.filter(SourceId("room_0001-0")),
    ):
        with pytest.raises(UnnamedSourceError, match=r"(street-n1|room_0001-0), which no draw of its recipe names"):
            read()


def test_sounds_that_share_an_id_all_count(materials: Materials) -> None:
    room = next(iter(materials.rirs.cuts))
    same = SoundPool({room: Sound("nowhere:0:0", 1, "f" * 64)})
    assert Materials(materials.rirs, speech=same).sha256_of(room) == [
        "f" * 64,
        materials.rirs.cuts[room].custom["audio_sha256"],
    ]
    with pytest.raises(UnnamedSourceError, match="nobody, which is in none of the pools"):
        materials.sha256_of(SourceId("nobody"))
    assert len({row["id"] for row in read_jsonl_gz(RIRS / "cuts.000000.jsonl.gz")}) == len(materials.rirs.cuts)
