"""Pieces of work that are killed at each of their steps: how a directory is prepared, the work, what readers see.

`prepare` runs in an empty directory and leaves the old state; `work` makes the new one, also when it is repeated after
a kill; `look` tells which one a reader finds.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import products
import soundfile
import tone_world
from params_files import copy_params

from kwsdata.clips.corpus import corpus_dirs
from kwsdata.clips.decisions import DECISIONS, Decision, append_decision, load_decisions
from kwsdata.clips.exclusions import exclude, load_excluded
from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.files.atomic import read_json, write_json
from kwsdata.importers.partition import record_partition
from kwsdata.importers.run import run_import
from kwsdata.params import Params, load_params
from kwsdata.runtime.bundle import open_bundle
from kwsdata.tools.dataset.lock import lock_of, write_lock
from kwsdata.tools.dataset.members import members_of
from kwsdata.tools.dataset.trees import open_tree
from kwsdata.tools.publish.run import publish
from kwstrain.stages.bundle.stage import run as bundle
from kwstrain.stages.evaluate.stage import run as evaluate

ROOT = Path(__file__).resolve().parents[2]


class Scenario(NamedTuple):
    """One of them."""

    prepare: Callable[[], object]
    work: Callable[[], object]
    look: Callable[[], str]


def serial() -> Params:
    """Return the project's params, with one process."""
    params = load_params(ROOT / "params.yaml")
    return params.model_copy(update={"executor": params.executor.model_copy(update={"kind": "serial"})})


PARAMS = serial()


def _recordings(folder: str, names: str) -> None:
    for name in names:
        Path(folder).mkdir(exist_ok=True)
        noise = 0.1 * np.random.default_rng(ord(name)).standard_normal(4000)
        soundfile.write(Path(folder) / f"{name}.wav", noise, 16_000)


def _import(folder: str) -> None:
    options = {"name": "crowd", "params": PARAMS.import_, "executor": PARAMS.executor, "role": "speech"}
    run_import("folder", folder, licence="CC0-1.0", source="same", **options)


def _clips() -> str:
    """Return the ids that `index` would read; every sound must be there."""
    ids = ""
    for directory in corpus_dirs(Path("data/corpora")):
        for cut in shard_cuts(directory):
            load_audio(cut)
            ids += cut.id[-1]
    return ids


def _told(found: object, old: object, new: object) -> str:
    return "old" if found == old else "new" if found == new else f"neither old nor new: {found!r}"


def _before_import() -> None:
    _recordings("first", "abx")
    _recordings("second", "abc")
    _import("first")


def _before_first_import() -> None:
    _recordings("second", "abc")
    Path("data/corpora").mkdir(parents=True)


def _before_exclude() -> None:
    Path("review").mkdir()
    Path("review/excluded.txt").write_text("# by hand\ncrowd-1")


def _decide() -> None:
    if load_decisions().verdict("y", 5) != "keyword":
        append_decision(DECISIONS, Decision("y", 5, "clip", "keyword"))


def _before_decision() -> None:
    append_decision(DECISIONS, Decision("x", 5, "clip", "drop"))


def _lock() -> None:
    write_lock(lock_of(members_of(open_tree()), "computer"))


def _before_lock() -> None:
    products.build(PARAMS)
    Path("dataset.lock.json").write_text('{"old": true}\n')


def _publish(layouts: tuple[str, ...], parts: tuple[str, ...]) -> None:
    publish(load_params(Path("params.yaml")), Path("params.yaml"), Path("dist"), list(layouts), list(parts), [])


def _before_publish() -> None:
    products.build(PARAMS)
    _publish(("shar",), ("split/dev",))


def _published() -> str:
    if not Path("dist").is_dir():
        return "nothing at the target"
    mark = read_json(Path("dist/publish.json"))
    for name, row in mark["files"].items():
        if hashlib.sha256((Path("dist") / name).read_bytes()).hexdigest() != row["sha256"]:
            return f"{name} is not what publish.json says"
    return _told(mark["layouts"], ["shar"], ["shar", "webdataset"])


def _bundle(author: str) -> None:
    block = PARAMS.bundle.model_copy(update={"author": author, "openwakeword": False})
    bundle(PARAMS.model_copy(update={"bundle": block}), testsets=Path("tones"))


def _before_bundle() -> None:
    products.build(PARAMS)
    model = tone_world.write_tone_model(Path("data/models/export"))
    tones = tone_world.write_tone_testsets(Path("tones"))
    corpus = {"name": "beeps", "kind": "folder", "role": "keyword", "licence": "CC0-1.0", "citation": "none"}
    corpus |= {"source": "made here", "speakers": "known", "synthetic": True, "clips": 3}
    write_json(Path("data/index/index.json"), {"corpora": [corpus]})
    write_json(Path("data/models/trunk/trunk.json"), {"trunk": "own"})
    evaluate(PARAMS, model, tones, Path("data/evaluate"))
    _bundle("before")


def _whole() -> str:
    whole = load_params(Path("params.yaml")).split.whole
    return _told(whole, {}, {"crowd": "test"})


SCENARIOS = {
    "import": Scenario(_before_import, lambda: _import("second"), lambda: _told(_clips(), "abx", "abc")),
    "first import": Scenario(_before_first_import, lambda: _import("second"), lambda: _told(_clips(), "", "abc")),
    "partition": Scenario(
        lambda: copy_params(Path()),
        lambda: record_partition(Path("params.yaml"), "crowd", "test"),
        _whole,
    ),
    "exclude": Scenario(
        _before_exclude,
        lambda: exclude(["crowd-2", "crowd-3"], "clipped"),
        lambda: _told(load_excluded(), {"crowd-1"}, {"crowd-1", "crowd-2", "crowd-3"}),
    ),
    "decision": Scenario(
        _before_decision,
        _decide,
        lambda: _told((load_decisions().verdict("x", 5), load_decisions().verdict("y", 5)), ("drop", None),
                      ("drop", "keyword")),
    ),
    "lock": Scenario(_before_lock, _lock, lambda: _told("old" in read_json(Path("dataset.lock.json")), True, False)),
    "bundle": Scenario(
        _before_bundle,
        lambda: _bundle("after"),
        lambda: _told(open_bundle(Path("data/bundle")).info["author"], "before", "after"),
    ),
    "publish": Scenario(
        _before_publish, lambda: _publish(("shar", "webdataset"), ("split/dev", "split/test")), _published
    ),
}  # fmt: skip
