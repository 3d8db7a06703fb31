"""A project of spoken words, built once, for the tests of mining and of the leakage gate."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kwsdata.params import Params


@dataclass(frozen=True)
class SpokenProject:
    """Where it is, and the params it was made with."""

    root: Path
    params: Params


@pytest.fixture(scope="session")
def _spoken(tmp_path_factory: pytest.TempPathFactory, params: Params) -> SpokenProject:
    pytest.importorskip("espeakng_loader", reason="the extra `espeak` is not installed")
    pytest.importorskip("faiss", reason="the extra `mining` is not installed")
    from spoken import build

    root = tmp_path_factory.mktemp("spoken")
    here = Path.cwd()
    cache = os.environ.get("KWSDATA_CACHE")
    os.chdir(root)
    os.environ["KWSDATA_CACHE"] = str(root / "cache")
    try:
        return SpokenProject(root, build(root, params))
    finally:
        os.chdir(here)
        if cache is None:
            os.environ.pop("KWSDATA_CACHE")
        else:
            os.environ["KWSDATA_CACHE"] = cache


@pytest.fixture
def spoken_project(_spoken: SpokenProject, monkeypatch: pytest.MonkeyPatch) -> Iterator[SpokenProject]:
    """The project as the current directory. It is shared: write outputs to tmp_path."""
    monkeypatch.chdir(_spoken.root)
    monkeypatch.setenv("KWSDATA_CACHE", str(_spoken.root / "cache"))
    yield _spoken
