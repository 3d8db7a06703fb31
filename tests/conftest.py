"""Fixtures every test may use: the project's own params, the real recordings where they are, tiny corpora."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DVC_TEST", "true")  # no analytics, no look for a newer version: half a second a command

settings.register_profile("repeatable", derandomize=True, deadline=None)  # the same examples in every run
settings.register_profile("search", deadline=None)  # HYPOTHESIS_PROFILE=search pytest ...: other examples in every run
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

ROOT = Path(__file__).resolve().parents[1]


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


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory as the current one, with its own cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KWSDATA_CACHE", str(tmp_path / "cache"))
    return tmp_path
