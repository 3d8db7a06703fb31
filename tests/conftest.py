"""Fixtures every test may use: the project's own params, the real recordings where they are, tiny corpora."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DVC_TEST", "true")  # no analytics, no look for a newer version: half a second a command

settings.register_profile("repeatable", derandomize=True, deadline=None)  # the same examples in every run
settings.register_profile("search", deadline=None)  # HYPOTHESIS_PROFILE=search pytest ...: other examples in every run
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

ROOT = Path(__file__).resolve().parents[1]
# Files that take longest begin first, so that no worker is left with one when the others have ended. pytest-xdist needs
# `--dist loadfile --no-loadscope-reorder` for it: by itself it begins with the files of most tests.
LONGEST = (
    "test_end_to_end.py",
    "kwsdata/tools/dataset/test_remotes.py",
    "kwstrain/stages/train_teacher/test_train_teacher.py",
    "test_kills.py",
    "kwsdata/stages/check/test_check.py",
    "kwstrain/stages/export/test_export.py",
    "kwsdata/stages/synthesize/test_stage.py",
    "kwsdata/stages/augment/test_stage.py",
    "test_cluster.py",
    "kwsdata/tools/dataset/test_diff.py",
    "kwstrain/stages/train/test_train.py",
    "kwsdata/tools/test_rounds.py",
    "kwsdata/stages/mine_negatives/test_planted.py",
    "kwsdata/tools/publish/test_layouts.py",
    "test_cache_contract.py",
    "kwstrain/experiments/test_experiments.py",
    "kwsdata/execution/test_dvc.py",
)
_PLACES = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put `LONGEST` first; refuse names that are others in each process, which no two workers would agree on."""
    items.sort(key=lambda item: _PLACES.get(item.path, len(_PLACES)))
    if told := [item.nodeid for item in items if re.search(r" at 0x[0-9a-f]{6,}", item.nodeid)]:
        raise pytest.UsageError(f"give `ids` that say what the values are, not where they lie in memory: {told[0]}")


@pytest.fixture(scope="session")
def params():
    from kwsdata.params import load_params

    return load_params(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The real recordings beside the checkout; tests that need them skip where they are absent."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"no real recordings at {path}")
    return path


@pytest.fixture(scope="session")
def archives(tmp_path_factory) -> tuple[Path, Path]:
    """The wheel of this checkout, and its source archive."""
    from wheels import build

    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def installed(archives, tmp_path_factory) -> Path:
    """The folder that the wheel was installed in, without what it depends on."""
    from wheels import install

    return install(archives[0], tmp_path_factory.mktemp("installed") / "site")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory as the current one, with its own cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KWSDATA_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture(scope="session")
def project_params():
    """The repository's own params.yaml, with one process."""
    from kwsdata.params import load_params

    params = load_params(ROOT / "params.yaml")
    return params.model_copy(update={"executor": params.executor.model_copy(update={"kind": "serial"})})


@pytest.fixture(scope="session")
def tone_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported model of the contract's shape that detects 1 kHz."""
    from tone_world import write_tone_model

    return write_tone_model(tmp_path_factory.mktemp("tone_model"))


@pytest.fixture(scope="session")
def beep() -> Callable[..., Any]:
    """`beep(seconds, [(at_s, hz, level)], seed)`: noise at -60 dBFS with tones of BEEP_S in it, float32 [samples]."""
    from tone_world import sound_with_beeps

    return sound_with_beeps


@pytest.fixture(scope="session")
def tone_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Test sets of 60 s streams: beeps as keywords, in segments; in test a quiet keyword and a false friend."""
    from tone_world import write_tone_testsets

    return write_tone_testsets(tmp_path_factory.mktemp("tone_world") / "testsets")
