"""Publishing the small dataset."""

from pathlib import Path

import pytest

from kwsdata.params import load_params
from kwsdata.tools.publish.run import publish


@pytest.fixture
def publishing(built):
    """`publish` with the params on disk: publishing(out, layouts, parts, exclude)."""

    def run(out=Path("dist"), layouts=("shar", "webdataset", "hf"), parts=("split", "augmented"), exclude=()):
        path = Path("params.yaml")
        return publish(load_params(path), path, Path(out), list(layouts), list(parts), exclude)

    return run
