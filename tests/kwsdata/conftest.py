"""Projects built once: spoken words for mining and the leakage gate, a small dataset for what compares and ships it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from products import build

from kwsdata.params import Params


@dataclass(frozen=True)
class SpokenProject:
    """Where it is, and the params it was made with."""

    root: Path
    params: Params


@contextmanager
def inside(root: Path, cache: Path) -> Iterator[None]:
    """Make `root` the current directory, with a cache of its own, for as long as it takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("KWSDATA_CACHE", str(cache))
        yield


@pytest.fixture(scope="session")
def _spoken(tmp_path_factory: pytest.TempPathFactory, params: Params) -> SpokenProject:
    pytest.importorskip("espeakng_loader", reason="the extra `espeak` is not installed")
    pytest.importorskip("faiss", reason="the extra `mining` is not installed")
    from spoken import build as build_spoken

    root = tmp_path_factory.mktemp("spoken")
    with inside(root, root / "cache"):
        return SpokenProject(root, build_spoken(root, params))


@pytest.fixture
def spoken_project(_spoken: SpokenProject, monkeypatch: pytest.MonkeyPatch) -> Iterator[SpokenProject]:
    """The project as the current directory. It is shared: write outputs to tmp_path."""
    monkeypatch.chdir(_spoken.root)
    monkeypatch.setenv("KWSDATA_CACHE", str(_spoken.root / "cache"))
    yield _spoken


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory, params) -> Path:
    root = tmp_path_factory.mktemp("dataset")
    with inside(root, root / ".cache"):
        build(params)
    return root


@pytest.fixture
def built(_built: Path, project: Path) -> Path:
    """A copy of the dataset as the current directory."""
    shutil.copytree(_built, project, dirs_exist_ok=True)
    return project
