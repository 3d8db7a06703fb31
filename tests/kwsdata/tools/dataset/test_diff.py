"""Differences between two revisions of a dataset under git and DVC, read without a checkout."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kwsdata.cli import app
from kwsdata.clips.manifests import read_cuts, with_fields, write_cuts
from kwsdata.tools.dataset.diff import diff
from kwsdata.tools.dataset.join import outer_join
from kwsdata.tools.dataset.repair import repair
from kwsdata.tools.dataset.trace import trace
from kwsdata.tools.dataset.trees import RevisionError, open_tree

TRAIN = Path("data/split/train.jsonl.gz")
DEV = Path("data/split/dev.jsonl.gz")

# The stages do nothing: their outputs are there, and `dvc commit` records them.
DVC_YAML = """stages:
  split: {cmd: kwsdata split, outs: [data/split]}
  augment: {cmd: kwsdata augment, deps: [data/split/train.jsonl.gz], outs: [data/augmented]}
  make_testsets: {cmd: kwsdata make-testsets, outs: [data/testsets]}
  simulate_rirs: {cmd: kwsdata simulate-rirs, outs: [data/rirs]}
"""


def run(*command: str) -> str:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def commit(message: str) -> None:
    run("dvc", "commit", "--force", "--quiet")
    run("git", "add", "--all")
    run("git", "commit", "--quiet", "--message", message)
    run("git", "tag", message)


@pytest.fixture(scope="module")
def _versions(_built, tmp_path_factory):
    """v0 without dvc.lock, v1, and v2 with: a clip gone, one moved, one relabelled, one with other samples."""
    root = tmp_path_factory.mktemp("versions")
    shutil.copytree(_built, root, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        return root, _commit_versions()


@pytest.fixture
def versions(_versions, project):
    """A copy of it as the current directory; returns the ids of the clips."""
    root, ids = _versions
    shutil.copytree(root, project, dirs_exist_ok=True, symlinks=True)
    return ids


def _commit_versions() -> dict[str, str]:
    run("git", "init", "--quiet", "--initial-branch", "main")
    run("git", "config", "user.name", "test")
    run("git", "config", "user.email", "test@localhost")
    run("dvc", "init", "--quiet")
    run("dvc", "config", "core.analytics", "false")
    Path("dvc.yaml").write_text(DVC_YAML)
    Path(".gitignore").write_text("/cache\n/data/corpora\n/data/split\n/data/augmented\n/data/testsets\n/data/rirs\n")
    run("git", "add", "dvc.yaml", "params.yaml", ".gitignore", ".dvc")
    run("git", "commit", "--quiet", "--message", "v0")
    run("git", "tag", "v0")
    commit("v1")
    train, dev = list(read_cuts(TRAIN)), list(read_cuts(DEV))
    gone, moved, renamed, other = train[0], train[1], train[2], train[3]
    changed = [
        with_fields(renamed, label="confusable"),
        with_fields(other, audio_sha256="0" * 64),
        *train[4:],
    ]
    write_cuts(TRAIN, changed)
    write_cuts(DEV, [*dev, with_fields(moved, partition="dev")])
    commit("v2")
    run("dvc", "checkout", "--quiet")
    return {"gone": gone.id, "moved": moved.id, "renamed": renamed.id, "other": other.id}


def test_a_clip_gone_moved_relabelled_and_with_other_samples(versions):
    found = diff(open_tree("v1"), open_tree("v2"), 10)
    train, dev = found["parts"]["split/train"], found["parts"]["split/dev"]
    assert (train["added"], train["removed"], train["changed"]) == (0, 1, 2)
    assert train["changes"] == {"audio": 1, "label": 1}
    assert train["cuts"] == [14, 12]
    assert train["labels"]["keyword"] == [6, 3]
    assert dev["changed"] == 1
    assert found["cuts"]["split/dev"]["changed"] == [{"id": versions["moved"], "part": ["split/train", "split/dev"]}]
    assert found["cuts"]["split/train"]["removed"] == [versions["gone"]]
    assert {cut["id"] for cut in found["cuts"]["split/train"]["changed"]} == {versions["renamed"], versions["other"]}
    assert not found["parts"]["augmented/train"]["changed"]


def test_a_revision_equals_itself_and_the_files_it_was_made_of(versions):
    assert diff(open_tree("v2"), open_tree("v2"), 10)["identical"]
    assert diff(open_tree("v2"), open_tree(), 10)["identical"]


def test_nothing_is_checked_out(versions):
    before = {path: path.stat().st_mtime_ns for path in Path("data").rglob("*") if path.is_file()}
    diff(open_tree("v1"), open_tree("v2"), 10)
    assert {path: path.stat().st_mtime_ns for path in Path("data").rglob("*") if path.is_file()} == before
    assert not run("git", "status", "--porcelain")


@pytest.fixture
def below(_built, project, monkeypatch):
    """A dataset whose project is a directory of a greater git repository, as the current directory; v1 is committed."""
    root = project / "team" / "voice words"
    root.parent.mkdir()
    shutil.copytree(_built, root)
    run("git", "init", "--quiet", "--initial-branch", "main")
    run("git", "config", "user.name", "test")
    run("git", "config", "user.email", "test@localhost")
    monkeypatch.chdir(root)
    run("dvc", "init", "--quiet", "--subdir")
    Path("dvc.yaml").write_text(DVC_YAML)
    Path(".gitignore").write_text("/.cache\n/data/corpora\n/data/split\n/data/augmented\n/data/testsets\n/data/rirs\n")
    commit("v1")
    return root


def test_a_project_in_a_directory_of_a_repository_has_its_history(below):
    found = diff(open_tree("v1"), open_tree(), 10)
    assert found["identical"]
    assert found["parts"]["split/train"]["cuts"] == [14, 14]
    shown = CliRunner().invoke(app, ["stats", "--rev", "v1", "--json"])
    assert shown.stdout == CliRunner().invoke(app, ["stats", "--json"]).stdout != ""
    cut_id = next(iter(read_cuts(TRAIN))).id
    head = run("git", "rev-parse", "HEAD").strip()
    assert [trace(open_tree(rev), cut_id)["made"]["commit"] for rev in ("v1", None)] == [head, head]
    lock = Path("dvc.lock").read_text()
    Path("dvc.lock").write_text(lock[:30])
    assert "last commit" in repair()["dvc.lock"]
    assert Path("dvc.lock").read_text() == lock


def test_without_git_a_revision_cannot_be_looked_up(built, monkeypatch):
    monkeypatch.setenv("PATH", str(built / "nothing"))
    with pytest.raises(RevisionError, match="git is not installed"):
        open_tree("HEAD")


def test_a_row_that_describes_no_clip_is_named(built):
    with gzip.open(TRAIN, "ab") as file:
        file.write(b'{"id": "x"}\n')
    shown = CliRunner().invoke(app, ["stats"])
    assert shown.exit_code == 1
    assert shown.output.startswith(f"error: {TRAIN} of workspace, line 15: it describes no clip")


def test_a_revision_without_a_lock_says_so(versions):
    with pytest.raises(RevisionError, match=r"v0 .* has no dvc.lock"):
        open_tree("v0")


def test_an_unknown_revision_says_so(versions):
    with pytest.raises(RevisionError, match="'v9' is no revision"):
        open_tree("v9")


def test_a_revision_whose_data_is_gone_says_what_to_fetch(versions):
    run("dvc", "gc", "--workspace", "--force", "--quiet")
    with pytest.raises(RevisionError, match="neither in DVC.s cache nor on a remote"):
        diff(open_tree("v1"), open_tree("v2"), 10)


def test_the_command_prints_a_table_or_json(versions):
    shown = CliRunner().invoke(app, ["diff", "v1", "v2", "--json"])
    assert json.loads(shown.stdout)["parts"]["split/train"]["removed"] == 1
    shown = CliRunner().invoke(app, ["diff", "v1"])
    assert shown.exit_code == 0
    assert versions["moved"] in shown.stdout
    shown = CliRunner().invoke(app, ["diff", "v0"])
    assert shown.exit_code == 1
    assert shown.output.startswith("error: v0")


def test_a_join_pairs_every_key_whatever_the_order():
    left = [[f"k{number}", number] for number in range(500)]
    right = [[f"k{number}", -number] for number in range(699, 199, -1)]
    pairs = list(outer_join(left, right))
    assert len(pairs) == 700
    assert sum(old is None for old, _ in pairs) == 200
    assert sum(new is None for _, new in pairs) == 200
    assert all(old[1] == -new[1] for old, new in pairs if old and new)
