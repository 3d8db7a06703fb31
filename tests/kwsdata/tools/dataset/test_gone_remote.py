"""A remote on a disk that is not mounted is not one that lacks everything: mending would fill the disk below."""

import subprocess
import sys

import pytest

from kwsdata.execution.dvc import track
from kwsdata.tools.dataset.objects import VerifyError, verify


def test_a_remote_whose_folder_is_gone_is_said_to_be_gone(project):
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], check=True)
    (project / "data").mkdir()
    (project / "data/x").write_text("x")
    track(project / "data/x")
    with (project / ".dvc/config").open("a") as file:
        file.write(f"['remote \"storage\"']\n    url = {project / 'disk'}\n")
    for mend in (False, True):
        with pytest.raises(VerifyError, match=r"the folder of storage, .*disk, does not exist: mount the disk"):
            verify("storage", mend=mend)
        assert not (project / "disk").exists()
    (project / "disk").mkdir()
    with pytest.raises(VerifyError, match="1 of 1 objects in storage are not what git records"):
        verify("storage")
    assert verify("storage", mend=True)["mended"] == 1
    assert verify("storage") == {"place": "storage", "objects": 1, "bytes": 1}
