"""The small dataset, built once and copied for each test."""

import os
import shutil
from pathlib import Path

import pytest
from products import build


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory, params) -> Path:
    root = tmp_path_factory.mktemp("dataset")
    here, cache = Path.cwd(), os.environ.get("KWSDATA_CACHE")
    os.chdir(root)
    os.environ["KWSDATA_CACHE"] = str(root / ".cache")
    try:
        build(params)
    finally:
        os.chdir(here)
        if cache is None:
            os.environ.pop("KWSDATA_CACHE")
        else:
            os.environ["KWSDATA_CACHE"] = cache
    return root


@pytest.fixture
def built(_built: Path, project: Path) -> Path:
    """A copy of the dataset as the current directory."""
    shutil.copytree(_built, project, dirs_exist_ok=True)
    return project
