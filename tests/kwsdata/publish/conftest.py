"""The small dataset of `products`, built once and copied for each test; see tests/kwsdata/dataset/conftest.py."""

import os
import shutil
from pathlib import Path

import pytest
from products import build

from kwsdata.params import load_params
from kwsdata.publish.run import publish


@pytest.fixture(scope="session")
def _whole(tmp_path_factory: pytest.TempPathFactory, params) -> Path:
    root = tmp_path_factory.mktemp("publish")
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
def built(_whole: Path, project: Path) -> Path:
    """A copy of the dataset as the current directory."""
    shutil.copytree(_whole, project, dirs_exist_ok=True)
    return project


@pytest.fixture
def publishing(built):
    """`publish` with the params on disk: publishing(out, layouts, parts, exclude)."""

    def run(out=Path("dist"), layouts=("shar", "webdataset", "hf"), parts=("split", "augmented"), exclude=()):
        path = Path("params.yaml")
        return publish(load_params(path), path, Path(out), list(layouts), list(parts), exclude)

    return run
