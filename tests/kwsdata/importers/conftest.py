"""One import in a line, for tests that try many."""

import json
from pathlib import Path

import pytest
from lhotse import CutSet

from kwsdata.importers.run import run_import
from kwsdata.params import ExecutorParams

SERIAL = ExecutorParams(kind="serial", workers=1, scheduler=None, store=None)


class Importing:
    """Imports into a directory of its own, and reads back what is there."""

    def __init__(self, out: Path, limits, download) -> None:
        self.out = out
        self.limits = limits
        self.download = download

    def __call__(self, kind, path, name="tiny", **asked):
        asked = {"params": self.limits, "executor": SERIAL, "download": self.download, "out_root": self.out} | asked
        return run_import(kind, path, name=name, **asked)

    def cuts(self, name="tiny"):
        return {cut.id: cut for cut in CutSet.from_shar(in_dir=self.out / name / "shar")}

    def rejects(self, name="tiny") -> dict[str, str]:
        return {row["key"]: row["reason"] for row in json.loads((self.out / name / "rejects.json").read_text())}


@pytest.fixture
def importing(tmp_path, params):
    """Half of a tiny tree may be bad."""
    return Importing(
        tmp_path / "corpora", params.import_.model_copy(update={"max_reject_fraction": 0.5}), params.download
    )
