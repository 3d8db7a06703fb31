"""What DVC writes in place and a kill cuts short is mended; what is whole stays as it is."""

import shutil
import subprocess

import pytest

from kwsdata.tools.dataset.repair import repair

LOCK = """schema: '2.0'
stages:
  index:
    cmd: kwsdata index
    deps:
    - path: data/corpora
      hash: md5
      md5: 24e0aa1a8a80aeae3c0d2a12f5b3f5f5.dir
      size: 100
      nfiles: 2
    outs:
    - path: data/index
      hash: md5
      md5: 9d1f4c2c1a80aeae3c0d2a12f5b3f5f5.dir
      size: 10
      nfiles: 1
"""
LATER = LOCK + LOCK.split("stages:\n")[1].replace("index", "split")


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    root = tmp_path_factory.mktemp("committed")
    (root / "dvc.lock").write_text(LOCK)
    (root / ".dvc/tmp").mkdir(parents=True)
    for command in ("init -q", "add dvc.lock", "-c user.name=t -c user.email=t@localhost commit -qm lock"):
        subprocess.run(["git", *command.split()], cwd=root, check=True)
    return root


@pytest.fixture
def root(committed, tmp_path):
    return shutil.copytree(committed, tmp_path / "root")


def test_what_is_whole_stays(root):
    (root / "dvc.lock").write_text(LATER)
    (root / ".dvc/tmp/rwlock").write_text('{"read": {}}')
    assert repair(root) == {}
    assert (root / "dvc.lock").read_text() == LATER
    assert (root / ".dvc/tmp/rwlock").exists()


@pytest.mark.parametrize("end", [0, 5, 30, len(LOCK) + 40, len(LATER) - 30])
def test_a_lock_cut_anywhere_is_the_committed_one_or_still_a_lock(root, end):
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from ruamel.yaml import YAML

    (root / "dvc.lock").write_text(LATER[:end])
    done = repair(root)
    text = (root / "dvc.lock").read_text()
    assert text == (LOCK if done else LATER[:end])
    COMPILED_LOCKFILE_SCHEMA(YAML(typ="safe").load(text))  # what `dvc repro` does first
    if end < 40:
        assert "half-written" in done["dvc.lock"]


def test_without_a_commit_a_broken_lock_goes(root):
    shutil.rmtree(root / ".git")
    (root / "dvc.lock").write_text(LATER[:30])
    assert "removed" in repair(root)["dvc.lock"]
    assert not (root / "dvc.lock").exists()


def test_a_half_written_lock_of_paths_goes(root):
    (root / ".dvc/tmp/rwlock").write_text('{"read": {"data')
    assert list(repair(root)) == [".dvc/tmp/rwlock"]
    assert not (root / ".dvc/tmp/rwlock").exists()
