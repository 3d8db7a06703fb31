"""The whole pipeline, from folders of sound to a report, on a corpus made here: what a user types, in miniature."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from file_hashes import hashes
from kills import Kill, killed, recorded
from params_files import whole_values
from sound import tone, white_noise

from kwsdata import change_params

ROOT = Path(__file__).resolve().parents[1]
RATE = 16_000


def chirp(rng: np.random.Generator, rising: bool) -> np.ndarray:
    """A "word": a glide of half a second that rises (the keyword) or falls (another word), with 0.2 s around."""
    seconds = rng.uniform(0.4, 0.6)
    time = np.arange(round(seconds * RATE)) / RATE
    low, high = rng.uniform(200, 300), rng.uniform(700, 900)
    start, end = (low, high) if rising else (high, low)
    phase = 2 * np.pi * (start * time + (end - start) * time**2 / (2 * seconds))
    wave = sum(np.sin(k * phase) / k for k in range(1, 6)) * np.hanning(time.size) * rng.uniform(0.1, 0.4)
    silence = np.zeros(RATE // 5)
    return np.concatenate([silence, wave, silence])


def write_folder(folder: Path, speakers: int, clips: int, make) -> None:
    for speaker in range(speakers):
        for clip in range(clips):
            rng = np.random.default_rng([speaker, clip, len(folder.name)])
            path = folder / f"s{speaker:02d}" / f"{clip}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, make(rng), RATE)


def talk(rng: np.random.Generator) -> np.ndarray:
    """Ten seconds of falling glides, steady tones and pauses: all that speech is here."""
    parts = []
    while sum(map(len, parts)) < 10 * RATE:
        steady = tone(rng.uniform(200, 900), rng.uniform(0.2, 0.6), 0.2)
        parts.append(chirp(rng, rising=False) if rng.random() < 0.6 else steady)
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A git and DVC project with this checkout's pipeline, small numbers, and imported corpora."""
    root = tmp_path_factory.mktemp("project")
    for name in ("dvc.yaml", "params.yaml", "params", ".dvcignore", ".gitignore", "kwsdata", "kwstrain", "review"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    for name in ("corpora", "pools", "rounds", "teachers"):
        (root / "data" / name).mkdir(parents=True)
        shutil.copy(ROOT / "data" / name / "README.md", root / "data" / name)
    for command in (
        ["git", "init", "--quiet"],
        ["git", "config", "user.name", "test"],
        ["git", "config", "user.email", "test@localhost"],
        [sys.executable, "-m", "dvc", "init", "--quiet"],
    ):
        run(root, command)
    params = whole_values()
    params["synthesize"] |= {"engines": [], "noises": params["synthesize"]["noises"] | {"clips": 12}}
    params["partitions"] |= {"train": 0.5, "dev": 0.25, "test": 0.25}
    params["simulate_rirs"] |= {"rooms": 6, "sources_per_room": 1}
    params["augment"]["copies"] = {"keyword": 2, "confusable": 0, "speech": 1, "noise": 0, "mined": 1}
    params["make_testsets"]["stream_s"] = 60
    params["model"]["dstcn"] |= {"channels": 16, "kernels": [5, 7, 9, 11]}
    params["pretrain"] |= {"trunk": "own", "held_out": 0.4, "steps": 40, "eval_every": 20, "batch_size": 32}
    params["pretrain"]["warmup_steps"] = 5
    params["train"] |= {"steps": 160, "eval_every": 80, "batch_size": 32, "warmup_steps": 10, "learning_rate": 0.01}
    params["quantize"] |= {"steps": 40, "eval_every": 40, "warmup_steps": 5, "max_relative_drop": 0.2}
    params["teacher"]["train"] |= {"steps": 80, "eval_every": 80, "batch_size": 32, "warmup_steps": 10}
    shares = {"keyword": 0.4, "speech": 0.4, "noise": 0.1, "mined": 0.1}  # no voices, so no confusable words
    for block in (params["train"], params["teacher"]["train"]):
        block["fractions"] = dict.fromkeys(block["fractions"], 0.0) | shares
    params["check"]["fail"].remove("similar_sound")  # to the gate all glides are one recording: few are compared
    params["check"]["copies"] |= {"candidates": 1, "waveforms": 0}
    params["executor"]["kind"] = "serial"  # workers start slower than all there is to do here
    change_params(params, root / "params.yaml")
    write_folder(root / "raw" / "computer", 12, 4, lambda rng: chirp(rng, rising=True))
    write_folder(root / "raw" / "talk", 12, 3, talk)
    write_folder(root / "raw" / "hiss", 8, 1, lambda rng: white_noise(int(rng.integers(99)), 5, 0.01))
    speaker = ["--speaker-pattern", r"(?P<speaker>s\d\d)/"]
    for name, role in (("computer", "keyword"), ("talk", "speech"), ("hiss", "noise")):
        kwsdata(root, "import", "folder", f"raw/{name}", "--name", name, "--role", role, "--licence", "CC0-1.0",
                "--language", "en", *speaker, *(["--label", "computer"] if role == "keyword" else []))  # fmt: skip
    shutil.rmtree(root / "raw")
    run(root, ["git", "add", "--all"])
    run(root, ["git", "commit", "--quiet", "--message", "import"])
    return root


@pytest.fixture(scope="module")
def finished(project) -> tuple[Path, float]:
    """The project after `dvc repro`, committed; and how long that took in s."""
    began = time.perf_counter()
    dvc(project, "repro")
    took_s = time.perf_counter() - began
    run(project, ["git", "add", "--all"])
    run(project, ["git", "commit", "--quiet", "--message", "baseline"])
    return project, took_s


def surroundings(root: Path) -> dict[str, str]:
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": "",  # compiled files beside the code must not count as changed code
        "KWSDATA_CACHE": str(root / "data" / ".cache"),
    }


def run(root: Path, command: list[str]) -> str:
    done = subprocess.run(command, cwd=root, env=surroundings(root), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def kwsdata(root: Path, *arguments: str) -> str:
    return run(root, [sys.executable, "-m", "kwsdata", *arguments])


def dvc(root: Path, *arguments: str) -> str:
    return run(root, [sys.executable, "-m", "dvc", *arguments])


def test_from_folders_of_sound_to_a_measured_detector(finished):
    project, _ = finished
    metrics = json.loads((project / "data/report/metrics.json").read_text())
    assert metrics["keyword"] == "computer"
    test = metrics["test"]["clean"]
    assert test["n_positive"] > 0
    assert test["hours_negative"] > 0
    assert test["fnr_low95"] <= test["fnr"] <= test["fnr_high95"]
    assert test["fah"] <= test["fah_upper95"]
    # A glide that rises against one that falls: a detector that learnt nothing misses all at this few false alarms.
    assert test["fnr"] < 0.5
    assert "up to date" in dvc(project, "status")
    assert "Running stage" not in dvc(project, "repro")

    stream = next((project / "data/corpora/computer/shar").glob("recording.*.tar"))
    run(project, ["tar", "xf", str(stream), "--wildcards", "*.flac"])
    clip, other = sorted(project.glob("computer-*.flac"))[:2]
    run(project, [sys.executable, "-m", "kwstrain", "detect", clip.name, "--trace", "trace.npz"])
    trace = np.load(project / "trace.npz")
    assert trace["time_s"].shape == trace["score"].shape
    assert np.all(np.diff(trace["time_s"]) > 0)
    assert 0 <= trace["score"].min() <= trace["score"].max() <= 1
    heard = run(project, [sys.executable, "-m", "kwstrain", "detect", clip.name])
    assert run(project, [sys.executable, "-m", "kwstrain", "detect", clip.name, "--bundle", "data/bundle"]) == heard

    tested = [sys.executable, "-m", "kwstrain", "field-test", other.name, "--bundle", "data/bundle", "--json"]
    numbers = json.loads(run(project, [*tested, "--keywords", clip.name, "--out", "data/field-test"]))
    assert numbers["as_shipped"]["misses"] == (0 if heard else 1)  # as `detect` hears it
    assert (project / "data/field-test/field_test.json").is_file()


@pytest.mark.slow
def test_a_clone_pulls_the_same_and_makes_the_same_though_it_is_killed(finished, tmp_path):
    alice, took_s = finished
    dvc(alice, "remote", "add", "--default", "storage", str(tmp_path / "storage"))
    run(alice, ["git", "commit", "--quiet", "--all", "--message", "remote"])
    dvc(alice, "push")
    outputs = recorded(alice)

    bob = tmp_path / "bob"
    run(tmp_path, ["git", "clone", "--quiet", str(alice), str(bob)])
    dvc(bob, "pull")
    assert "Running stage" not in dvc(bob, "repro")
    assert recorded(bob) == outputs
    assert {path: hashes(bob / path) for path in outputs} == {path: hashes(alice / path) for path in outputs}

    # From the corpora alone, without a cache, and killed on the way.
    shutil.rmtree(bob / ".dvc/cache")
    for path in [*outputs, "data/.cache"]:
        remove(bob / path)
    (bob / "dvc.lock").unlink()
    in_this_process = (bob / "params.yaml").read_text()
    (bob / "params.yaml").write_text(in_this_process.replace("kind: serial", "kind: processes", 1))
    kills = []
    for part in np.random.default_rng(1).uniform(0.03, 0.15, 3):
        end = killed([sys.executable, "-m", "dvc", "repro"], bob, surroundings(bob), part * took_s, tmp_path / "log")
        kills += [end] if isinstance(end, Kill) else []
        kwsdata(bob, "repair")  # DVC may have been at its lock file
    assert len(kills) >= 2, (tmp_path / "log").read_text()[-3000:]
    (bob / "params.yaml").write_text(in_this_process)
    dvc(bob, "repro")
    assert recorded(bob) == outputs
    assert {path: hashes(bob / path) for path in outputs} == {path: hashes(alice / path) for path in outputs}


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def test_an_experiment_changes_the_loss_and_nothing_before_training(finished):
    project, _ = finished
    said = dvc(project, "exp", "run", "-S", "loss.gamma=2", "--name", "focal")
    ran = [line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")]
    assert ran[:4] == ["scout", "train", "quantize", "export"]
    assert set(ran[4:]) == {"evaluate", "report", "bundle", "quantization_report"}
    assert json.loads((project / "data/models/student/train.json").read_text())["loss"]["gamma"] == 2
    assert "focal" in dvc(project, "exp", "show", "--csv")
