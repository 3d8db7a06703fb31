"""The cache is never wiser than the inputs: found, deleted or damaged, the outputs have the same bytes."""

import os
import shutil
from pathlib import Path

import pytest
from augmenting import eventful
from cached_steps import NETWORK, serial, write_network
from file_hashes import hashes
from products import build

from kwsdata.params import Params

OUTPUTS = ("augmented", "embeddings", "features", "models", "teach", "facts")


def run(params: Params) -> dict[str, str]:
    """Run a small pipeline of stages that keep work in the cache; return the hashes of what they wrote."""
    from kwsdata.clips.manifests import read_cuts
    from kwsdata.files.atomic import write_json
    from kwsdata.stages.augment.stage import run as augment
    from kwsdata.stages.check.copied import find_in
    from kwsdata.stages.embed.stage import run as embed
    from kwsdata.stages.featurize.stage import run as featurize
    from kwstrain.stages.teach.stage import run as teach
    from kwstrain.stages.train_teacher.stage import run as train_teacher

    for name in OUTPUTS:
        shutil.rmtree(Path("data") / name, ignore_errors=True)
    augment(eventful(params))
    embed(params)
    cuts = list(read_cuts(Path("data/split/train.jsonl.gz")))
    found = find_in(cuts, [], set(), params.check.copies, params.executor, "train")
    rows = [[facts.clip.id, facts.level_dbfs, facts.spectrum.levels.tolist()] for facts, _ in found]
    write_json(Path("data/facts/facts.json"), rows)
    featurize(params)
    train_teacher(params)
    teach(params)
    return {name: digest for part in OUTPUTS for name, digest in hashes(Path("data") / part).items()}


@pytest.fixture
def small(params, project) -> Params:
    write_network()
    params = serial(params)
    teacher = params.teacher.model_copy(update={"name": "own", "path": str(NETWORK)})
    return params.model_copy(update={"teacher": teacher})


def test_found_deleted_or_damaged_the_outputs_are_the_same(small, project):
    pytest.importorskip("faiss", reason="the extra `mine` is not installed")
    build(small)
    wanted = run(small)
    assert len(wanted) > 20
    assert run(small) == wanted
    kept = [path for path in (project / "cache").rglob("*") if path.is_file()]
    assert {path.relative_to(project / "cache").parts[0] for path in kept} >= {"augment", "embed", "check", "teach"}
    shutil.rmtree(project / "cache")
    assert run(small) == wanted
    for number, path in enumerate(sorted(path for path in (project / "cache").rglob("*") if path.is_file())):
        data = bytearray(path.read_bytes())
        os.unlink(path)  # noqa: PTH108 - outputs may be links to it
        if number % 3 == 0:
            data[len(data) // 2] ^= 0x41
        path.write_bytes(data[: len(data) // 2] if number % 3 == 1 else b"" if number % 3 == 2 else data)
    assert run(small) == wanted
