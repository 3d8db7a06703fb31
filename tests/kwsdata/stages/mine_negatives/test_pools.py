"""Manifests of any origin as pools: the sound they name lies in the project or beside them."""

import os
import shutil
from pathlib import Path

import pytest
from sound import white_noise

from kwsdata.clips.manifests import make_cut, with_fields, write_cuts
from kwsdata.clips.shards import Clip, shard_cuts, write_shard
from kwsdata.errors import StageInputError
from kwsdata.stages.mine_negatives.pools import pieces_at


@pytest.fixture
def pool(project) -> Path:
    """A folder of shards in the project, and a manifest of them elsewhere."""
    cut = make_cut("a", 16_000, custom={"audio_sha256": "x", "label": "speech"})
    write_shard(project / "data/pool", 0, [Clip(cut, white_noise())])
    (project.parent / f"{project.name}-elsewhere").mkdir()
    yield project.parent / f"{project.name}-elsewhere"
    shutil.rmtree(project.parent / f"{project.name}-elsewhere")


def manifest(folder: Path, place: str | None = None) -> Path:
    (cut,) = shard_cuts(Path("data/pool"))
    if place is not None:
        cut = with_fields(cut, shard=place)
    write_cuts(folder / "cuts.jsonl.gz", [cut])
    return folder / "cuts.jsonl.gz"


def test_sound_of_the_project_or_beside_the_manifest_is_a_pool(pool):
    assert [piece.samples for piece in pieces_at(manifest(pool), 8_000, [])] == [8_000, 8_000]
    shutil.copytree("data/pool", pool / "sound")
    beside = str(next(shard_cuts(Path("data/pool"))).custom["shard"]).replace("data/pool", f"{pool}/sound")
    assert len(list(pieces_at(manifest(pool, beside), 8_000, []))) == 2
    absolute = str(next(shard_cuts(Path.cwd() / "data/pool")).custom["shard"])
    assert len(list(pieces_at(manifest(pool, absolute), 8_000, []))) == 2


@pytest.mark.parametrize(
    "place",
    ["/etc/passwd:0:100", "../secret.tar:0:100", "data/../../secret.tar:0:100", "linked/secret.tar:0:100",
     "/etc/passwd", "s3://bucket/a.tar:0:5", "C:/a.tar:0:5", "a\0b:0:5", "{pool}/../secret.tar:0:5", "pipe.wav"],
)  # fmt: skip
def test_sound_elsewhere_is_refused_by_the_cut(pool, project, place):
    os.mkfifo(project / "pipe.wav")
    (project / "linked").symlink_to(pool, target_is_directory=True)
    (pool / "secret.tar").write_bytes(b"x")
    with pytest.raises(StageInputError, match=r"pools: .*cuts.jsonl.gz: the sound of a names .* is read"):
        list(pieces_at(manifest(pool, place.format(pool=pool)), 8_000, []))
