"""A dataset goes through a remote and comes back the same; damage on the way is named, and costs nothing."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import yaml
from file_hashes import hashes
from params_files import copy_params
from remotes import REMOTES, Remote
from sound import tone

from kwsdata import change_params
from kwsdata.clips.manifests import audio_sha256
from kwsdata.clips.shards import load_audio, shard_cuts

ROOT = Path(__file__).resolve().parents[4]
CORPUS = "data/corpora/crowd"


def run(root: Path, *command: str, fails: bool = False) -> str:
    """Return what a command says, stdout and stderr; `dvc` and `kwsdata` are this environment's."""
    if command[0] in ("dvc", "kwsdata"):
        command = (sys.executable, "-m", *command)
    home = {"HOME": str(root.parent), "PYTHONPATH": str(ROOT)}  # no keys and no settings of the user's
    done = subprocess.run(command, cwd=root, env=os.environ | home, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) is fails, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose DVC cache has two versions of a corpus, four clips and five; v1.dvc and v2.dvc beside it."""
    root = tmp_path_factory.mktemp("origin") / "project"
    root.mkdir()
    for command in ("init --quiet", "config user.name test", "config user.email test@localhost"):
        run(root, "git", *command.split())
    run(root, "dvc", "init", "--quiet")
    # Workers would take longer to start than all there is to import.
    change_params({"executor": {"kind": "serial"}}, copy_params(root))
    for version, clips in (("v1", 4), ("v2", 5)):
        for number in range(clips):
            path = root.parent / "raw" / f"s{number}" / "0.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, tone(300 + 50 * number, 0.7), 16_000)
        run(root, "kwsdata", "import", "folder", str(root.parent / "raw"), "--name", "crowd", "--role", "keyword",
            "--label", "computer", "--licence", "CC0-1.0", "--speaker-pattern", r"(?P<speaker>s\d)/")  # fmt: skip
        shutil.copy(root / f"{CORPUS}.dvc", root.parent / f"{version}.dvc")
    return root


@pytest.fixture(params=REMOTES)
def remote(request, tmp_path: Path) -> Iterator[Remote]:
    (tmp_path / "served").mkdir()
    with REMOTES[request.param](tmp_path / "served" / "store") as made:
        yield made


@pytest.fixture
def pushed(origin: Path, remote: Remote, tmp_path: Path) -> Path:
    """A copy of `origin`, with both versions tagged and pushed to the remote that its committed .dvc/config names."""
    root = shutil.copytree(origin, tmp_path / "alice")
    configure(root / ".dvc/config", {"url": remote.url, "verify": "true"} | remote.options, default=True)
    configure(root / ".dvc/config.local", remote.secrets)
    for version in ("v1", "v2"):
        shutil.copy(origin.parent / f"{version}.dvc", root / f"{CORPUS}.dvc")
        run(root, "git", "add", "--all")
        run(root, "git", "commit", "--quiet", "--message", version)
        run(root, "git", "tag", version)
    run(root, "dvc", "push", "--all-commits")
    return root


def configure(path: Path, options: dict[str, str], default: bool = False) -> None:
    """Write what `dvc remote add` and `dvc remote modify` write, without a second for each option."""
    lines = ["[core]", "    remote = storage"] if default else []
    lines += ["['remote \"storage\"']", *(f"    {name} = {value}" for name, value in options.items())]
    path.write_text("\n".join(lines) + "\n")


def clone(source: Path, name: str, remote: Remote) -> Path:
    root = source.parent / name
    run(source, "git", "clone", "--quiet", ".", str(root))
    configure(root / ".dvc/config.local", remote.secrets)
    return root


def object_of(root: Path, file: str) -> str:
    """Return the path below a remote of the object that holds `file`, a path in the corpus."""
    pointer = yaml.safe_load((root / f"{CORPUS}.dvc").read_text())["outs"][0]["md5"]
    listed = json.loads((root / ".dvc/cache/files/md5" / pointer[:2] / pointer[2:]).read_text())
    (md5,) = [row["md5"] for row in listed if row["relpath"] == file]
    return f"files/md5/{md5[:2]}/{md5[2:]}"


def test_push_pull_import_and_collect(pushed, remote):
    stranger = clone(pushed, "stranger", remote)
    if remote.secrets:
        (stranger / ".dvc/config.local").unlink()
        said = run(stranger, "dvc", "pull", fails=True)
        assert "failed to connect" in said
        assert "credentials" in said or "Permission denied" in said
        assert not (stranger / CORPUS).exists()

    bob = clone(pushed, "bob", remote)
    run(bob, "dvc", "pull")
    assert hashes(bob / CORPUS) == hashes(pushed / CORPUS)
    assert json.loads(run(bob, "kwsdata", "verify"))["objects"] == len(hashes(bob / CORPUS))

    other = pushed.parent / "other"
    other.mkdir()
    run(other, "git", "init", "--quiet")
    run(other, "dvc", "init", "--quiet")
    keys = [word for name, value in remote.secrets.items() for word in ("--remote-config", f"{name}={value}")]
    run(other, "dvc", "import", str(pushed), CORPUS, "--rev", "v2", "--out", "crowd", *keys)
    assert hashes(other / "crowd") == hashes(bob / CORPUS)
    pointer = yaml.safe_load((other / "crowd.dvc").read_text())
    assert pointer["deps"][0]["repo"]["rev_lock"] == run(pushed, "git", "rev-parse", "v2^{commit}").strip()

    before = remote.names()
    old = object_of_v1(pushed)
    assert old in before
    run(pushed, "dvc", "gc", "--workspace", "--cloud", "--force")
    assert old not in remote.names() < before
    assert json.loads(run(pushed, "kwsdata", "verify", "storage"))["objects"] == len(hashes(bob / CORPUS)) + 1


def object_of_v1(root: Path) -> str:
    run(root, "git", "checkout", "--quiet", "v1")
    name = object_of(root, "shar/recording.000000.tar")
    run(root, "git", "checkout", "--quiet", "v2")
    return name


@pytest.mark.parametrize("remote", ["s3"], indirect=True)
def test_recordings_in_a_bucket_are_imported_as_those_on_disk_are(origin, remote, tmp_path, monkeypatch):
    import boto3

    raw = origin.parent / "raw"
    for name, value in remote.environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    for path in raw.rglob("*.wav"):
        client.upload_file(str(path), "wake-words", f"raw/{path.relative_to(raw)}")
    client.close()
    root = shutil.copytree(origin, tmp_path / "alice")
    run(root, "kwsdata", "import", "folder", "s3://wake-words/raw", "--name", "far", "--role", "keyword",
        "--label", "computer", "--licence", "CC0-1.0", "--speaker-pattern", r"(?P<speaker>s\d)/")  # fmt: skip
    near, far = (list(shard_cuts(root / "data/corpora" / name)) for name in ("crowd", "far"))
    assert [audio_sha256(load_audio(cut)) for cut in far] == [audio_sha256(load_audio(cut)) for cut in near]


@pytest.mark.parametrize("remote", ["directory", "s3"], indirect=True)
def test_a_truncated_or_missing_object_is_named_and_nothing_is_lost(pushed, remote):
    bob = clone(pushed, "bob", remote)
    run(bob, "git", "checkout", "--quiet", "v1")
    run(bob, "dvc", "pull")
    had = hashes(bob / CORPUS)
    shard, manifest = (object_of(pushed, f"shar/{name}") for name in ("recording.000000.tar", "cuts.000000.jsonl.gz"))

    remote.replace(shard, b"half a shard")
    run(bob, "git", "checkout", "--quiet", "v2")
    assert "Checkout failed" in run(bob, "dvc", "pull", fails=True)
    assert f"{len(had)} of {len(had)} objects in files" in run(bob, "kwsdata", "verify", fails=True)
    said = run(bob, "kwsdata", "verify", "cache", fails=True)
    assert f"1 of {len(had) + 1} objects in cache" in said
    assert f"{CORPUS}/shar/recording.000000.tar (missing)" in said
    run(bob, "git", "checkout", "--quiet", "v1")
    run(bob, "dvc", "checkout", "--force")
    assert hashes(bob / CORPUS) == had

    remote.replace(shard, None)
    remote.replace(manifest, b"")
    run(bob, "git", "checkout", "--quiet", "v2")
    assert "failed to download" in run(bob, "dvc", "pull", fails=True)
    assert hashes(bob / CORPUS) == had

    said = run(pushed, "kwsdata", "verify", "storage", fails=True)
    assert "2 of " in said
    assert f"{CORPUS}/shar/recording.000000.tar (missing) at " in said
    assert f"{CORPUS}/shar/cuts.000000.jsonl.gz (damaged, 0 bytes) at " in said
    assert manifest in said
    assert "Everything is up to date" in run(pushed, "dvc", "push")  # it is not
    assert json.loads(run(pushed, "kwsdata", "verify", "storage", "--mend"))["mended"] == 2
    run(bob, "dvc", "pull")
    assert hashes(bob / CORPUS) == hashes(pushed / CORPUS)
