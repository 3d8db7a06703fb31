"""A push to a hub on loopback over the real protocol, and the dataset loaded from there by name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from local_hub import TOKEN, local_hub
from typer.testing import CliRunner

from kwsdata.cli import app
from kwsdata.files.atomic import sha256_of
from kwsdata.tools.publish.hub import HubError, push, repo_of

pytest.importorskip("huggingface_hub")

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of huggingface_hub's own upload

REPO = "acme/computer"

# What somebody else types, with the name alone.
LOAD = """
import hashlib, io, json, sys, datasets, soundfile
found = {}
for split, rows in datasets.load_dataset("acme/computer", "split").items():
    for row in rows.cast_column("audio", datasets.Audio(decode=False)):
        steps, rate = soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="int16")
        found[row["id"]] = [split, hashlib.sha256(steps.tobytes()).hexdigest() == row["audio_sha256"]]
json.dump(found, sys.stdout)
"""


@pytest.fixture
def hub(monkeypatch):
    from huggingface_hub import constants

    with local_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield running


def ours(directory: str = "dist") -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in Path(directory).rglob("*")
        if path.is_file()
    }


def on(hub) -> dict[str, bytes]:
    return {path: data for path, data in hub.files(REPO).items() if path != ".gitattributes"}


def test_one_flag_pushes_and_a_name_loads_it_back(publishing, hub, tmp_path):
    shown = CliRunner().invoke(app, ["publish", "dist", "--format", "hf", "--push", REPO, "--private"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["commit_url"].startswith(f"{hub.url}/datasets/{REPO}/commit/")
    assert on(hub) == ours()
    assert hub.private[REPO]
    assert len(hub.commits[REPO]) == 2  # the empty one, and ours: nobody can meet half a dataset
    environment = os.environ | {"HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run([sys.executable, "-c", LOAD], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == 22
    assert all(whole for _, whole in found.values())


def test_a_hub_as_destination_leaves_nothing_on_disk(built, hub):
    before = set(Path().iterdir())
    shown = CliRunner().invoke(app, ["publish", f"hf://{REPO}", "--format", "shar", "--part", "split/dev"])
    assert shown.exit_code == 0, shown.output
    assert {path.split("/")[0] for path in on(hub)} == {"README.md", "params.yaml", "publish.json", "shar"}
    assert set(Path().iterdir()) == before


def test_a_second_push_replaces_all_of_the_first(publishing, hub):
    publishing(layouts=["shar", "hf"])
    push(Path("dist"), REPO)
    publishing(layouts=["hf"], exclude=["talk"])
    push(Path("dist"), REPO)
    assert on(hub) == ours()
    assert not any(path.startswith("shar") for path in on(hub))


def test_a_dataset_of_somebody_else_is_left_alone(publishing, hub):
    publishing(layouts=["hf"])
    hub.commits[REPO] = [{"thesis.csv": b"years of work"}]
    hub.private[REPO] = False
    with pytest.raises(HubError, match=r"holds a dataset that `kwsdata publish` did not write \(thesis.csv"):
        push(Path("dist"), REPO)
    assert hub.commits[REPO] == [{"thesis.csv": b"years of work"}]


def test_a_hub_that_fails_is_left_as_it_was(publishing, hub, monkeypatch):
    publishing(layouts=["hf"])
    push(Path("dist"), REPO)
    before = on(hub)
    publishing(layouts=["hf"], exclude=["talk"])
    hub.fail_commits = True
    with pytest.raises(HubError, match=r"acme/computer on http://127.0.0.1:\d+ was not changed: .*whole in dist"):
        push(Path("dist"), REPO)
    assert on(hub) == before
    hub.fail_commits = False
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match="hf auth login"):
        push(Path("dist"), REPO)


def test_no_hub_is_one_clear_error(publishing, monkeypatch):
    publishing(layouts=["shar"], parts=["split"])
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(HubError, match=r"on http://127.0.0.1:1 was not changed"):
        push(Path("dist"), REPO)
    assert sha256_of(Path("dist/README.md"))


def test_names_of_places_on_a_hub():
    assert repo_of("hf://acme/computer") == repo_of("hf://datasets/acme/computer") == repo_of("acme/computer") == REPO
    for wrong in ("hf://computer", "acme/computer/more", "hf://"):
        with pytest.raises(HubError, match="write hf://OWNER/NAME"):
            repo_of(wrong)
