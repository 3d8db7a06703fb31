"""CONTRIBUTING.md is followed to the letter in a copy of the project; nothing else is touched, and the result works."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from augmenting import eventful, toy_project
from imports import ROOT

from kwsdata.clips.shards import shard_cuts
from kwsdata.stages.augment.stage import run as augment


@dataclass
class Step:
    """One edit that the page asks for: `text` as a new file, or before, after or in place of the only line `anchor`."""

    file: str
    text: str
    where: str | None
    anchor: str | None

    def do(self, root: Path) -> None:
        path = root / self.file
        if self.where is None:
            assert not path.exists()
            path.parent.mkdir(exist_ok=True)
            path.write_text(self.text)
            return
        lines = path.read_text().split("\n")
        (at,) = [number for number, line in enumerate(lines) if line == self.anchor]
        rest = at + (self.where == "in place of")
        at += self.where == "after"
        path.write_text("\n".join([*lines[:at], *self.text.removesuffix("\n").split("\n"), *lines[max(at, rest) :]]))


def steps_of(recipe: str) -> list[Step]:
    """Return the edits of the section `recipe` of CONTRIBUTING.md."""
    page = (ROOT / "CONTRIBUTING.md").read_text()
    (section,) = re.findall(rf"^## {recipe}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    steps = []
    for block in re.finditer(r"^ *```(?:python|yaml|text)\n(.*?)^ *```\n", section, re.DOTALL | re.MULTILINE):
        asked = section[: block.start()]
        found = list(re.finditer(r"`([\w/]+\.(?:py|yaml))`(?:, (after|before|in place of)\s+`([^`]+)`)?", asked))[-1]
        text = "\n".join(line[3:] for line in block[1].split("\n"))
        steps.append(Step(found[1], text, found[2], found[3]))
    return steps


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project's files, as a commit would have them."""
    root = tmp_path / "copy"
    asked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(asked, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
    return root


def run(root: Path, *arguments: str, cwd: Path | None = None) -> str:
    """Run Python on the code of the copy; return what it prints."""
    environment = os.environ | {"PYTHONPATH": str(root)}
    made = subprocess.run(
        [sys.executable, *arguments], cwd=cwd or root, env=environment, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
    return made.stdout


def follow(copy: Path, recipe: str, files: set[str], *checked: str) -> None:
    """Do what the section `recipe` says in the copy; it touches `files`, and the folders `checked` stay in style."""
    steps = steps_of(recipe)
    assert {step.file for step in steps} == files
    for step in steps:
        step.do(copy)
    run(copy, "scripts/make_reference.py")
    run(copy, "-m", "ruff", "check", *checked)
    run(copy, "-m", "ruff", "format", "--check", *checked)


def clips(folder: Path) -> dict[str, tuple[str, dict, list]]:
    """Return {clip: (hash of its samples, recipe, sources)}."""
    found = {}
    for cut in shard_cuts(folder):
        custom = cut.custom or {}
        found[cut.id] = (custom["audio_sha256"], custom["recipe"], custom["sources"])
    return found


@pytest.mark.slow
def test_an_effect_is_added_in_three_places(copy: Path, project: Path, params) -> None:
    steps = steps_of("Add an effect")
    assert {step.file for step in steps} == {
        "kwsdata/effects/crosstalk.py",
        "kwsdata/effects/chain.py",
        "kwsdata/params/effects.py",
        "params.yaml",
    }
    toy_project()
    likely = eventful(params)
    augment(likely)
    before = clips(project / "data/augmented")
    for step in steps:
        step.do(copy)
    run(copy, "-m", "ruff", "format", "-q", "kwsdata")
    run(copy, "scripts/make_reference.py")
    held = [
        "tests/kwsdata/effects/test_contract.py",
        "tests/test_pipeline.py::test_every_file_a_stage_loads_is_its_dep",
    ]
    told = run(copy, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-k", "crosstalk or chain or augment", *held)
    assert told.count("[crosstalk] PASSED") >= 6
    assert "[augment] PASSED" in told
    run(copy, "-m", "ruff", "check", "kwsdata")

    added = yaml.safe_load((copy / "params.yaml").read_text())["augment"]["effects"]["crosstalk"]
    values = likely.model_dump(by_alias=True, mode="json")
    values["augment"]["effects"]["crosstalk"] = added
    (project / "params.yaml").write_text(yaml.safe_dump(values))
    run(copy, "-m", "kwsdata", "augment", cwd=project)
    after = clips(project / "data/augmented")
    mixed = {clip for clip, (_, recipe, _) in after.items() if "crosstalk" in recipe}
    assert 10 < len(mixed) < len(after) - 10
    assert after.keys() == before.keys()
    for clip, (audio, recipe, sources) in after.items():
        draw = recipe.pop("crosstalk", None)
        assert recipe == before[clip][1]  # no other draw
        if draw is None:
            assert (audio, sources) == (before[clip][0], before[clip][2])
        else:
            assert audio != before[clip][0]
            assert draw["voice"] in [source for source, _ in sources]
    clip = next(clip for clip in sorted(mixed) if clip.startswith("words-"))
    page = json.loads(run(copy, "-m", "kwsdata", "inspect", clip, "--no-browser", cwd=project))
    assert [line for line in page["done"] if line.startswith("Another speaker at an SNR of")]
    trace = json.loads(run(copy, "-m", "kwsdata", "trace", clip, cwd=project))
    assert "talk" in [share["source"] for share in trace["sources"]]


@pytest.mark.slow
def test_an_importer_is_added_in_two_places_and_a_tree_for_the_tests(copy: Path) -> None:
    files = {
        "kwsdata/importers/vctk.py",
        "kwsdata/importers/__init__.py",
        "tests/support/corpus_trees.py",
    }
    follow(copy, "Add an importer", files, "kwsdata", "tests")
    contract = "tests/kwsdata/importers/test_contract.py"
    told = run(copy, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-k", "vctk or every_kind", contract)
    assert told.count("[vctk] PASSED") >= 8
    assert "test_every_kind_is_tried_here PASSED" in told
    assert "vctk" in run(copy, "-m", "kwsdata", "import", "--help")


@pytest.mark.slow
def test_a_loss_is_added_in_three_places(copy: Path) -> None:
    files = {
        "kwstrain/losses/poly.py",
        "kwstrain/losses/registry.py",
        "kwsdata/params/training.py",
        "params/kwstrain.yaml",
    }
    follow(copy, "Add a loss", files, "kwsdata", "kwstrain")
    told = run(copy, "-m", "pytest", "-v", "-p", "no:cacheprovider", "tests/kwstrain/losses/test_contract.py")
    assert told.count("[poly] PASSED") == 3
    made = """
import torch
from kwsdata.params import load_params
from kwstrain.losses.registry import build_loss

params = load_params().loss.model_copy(update={"name": "poly", "epsilon": 2.0})
logits, target = torch.tensor([[0.0, 1.0]]), torch.tensor([0])
p = torch.softmax(logits, -1)[0, 0]
print(float(build_loss(params, [0.5, 0.5]).each(logits, target) - (-p.log() + 2 * (1 - p))))
"""
    assert abs(float(run(copy, "-c", made))) < 1e-6


@pytest.mark.slow
def test_a_family_of_students_is_added_in_three_places_and_shapes_for_the_tests(copy: Path) -> None:
    files = {
        "kwstrain/models/cnn.py",
        "kwstrain/models/__init__.py",
        "kwsdata/params/training.py",
        "params/kwstrain.yaml",
        "tests/kwstrain/models/test_contract.py",
    }
    follow(copy, "Add a family of students", files, "kwsdata", "kwstrain", "tests")
    held = ["tests/kwstrain/models/test_contract.py", "tests/kwstrain/quantization/test_folded.py"]
    told = run(copy, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-k", "cnn or every", *held)
    assert told.count("PASSED") >= 30
    assert "test_without_quantization_it_is_the_student[cnn] PASSED" in told
    assert "test_every_student_folds PASSED" in told


@pytest.mark.slow
def test_a_decoder_is_added_in_three_places_and_a_number_for_the_tests(copy: Path) -> None:
    files = {
        "kwsdata/runtime/votes/leaky.py",
        "kwsdata/runtime/votes/__init__.py",
        "kwsdata/params/training.py",
        "params/kwstrain.yaml",
        "tests/kwsdata/runtime/test_votes.py",
    }
    follow(copy, "Add a decoder", files, "kwsdata", "kwstrain", "tests")
    held = [
        "tests/kwsdata/runtime/test_votes.py",
        "tests/kwsdata/runtime/test_decoder.py",
        "tests/kwsdata/test_params.py",
    ]
    told = run(copy, "-m", "pytest", "-v", "-p", "no:cacheprovider", *held)
    assert told.count("[leaky] PASSED") == 4
    made = """
import numpy as np
from kwsdata.params import load_params
from kwsdata.runtime.decoder import Decoder, DecoderConfig

first = DecoderConfig(load_params().streaming, 0.5, 0.0)
assert "leak" not in first.row() and "vote" not in first.row()
rule = first.rule.model_copy(update={"vote": "leaky", "leak": 0.5})
config = DecoderConfig.from_row(DecoderConfig(rule, 0.7, 0.0).row())
assert config.rule == rule
print(*(event.time_s for event in Decoder(config).push([0.1, 0.2, 0.3, 0.4], [0, 1, 1, 1])))
"""
    assert run(copy, "-c", made).split() == ["0.3"]  # 1/2, 3/4: the second score of 1 passes 0.7


@pytest.mark.slow
def test_a_stage_is_added_in_four_places(copy: Path, project: Path, params) -> None:
    files = {
        "kwsdata/stages/loudness/__init__.py",
        "kwsdata/stages/loudness/stage.py",
        "kwsdata/cli.py",
        "kwsdata/tools/made.py",
        "kwsdata/params/data.py",
        "kwsdata/params/__init__.py",
        "params/kwsdata.yaml",
        "dvc.yaml",
    }
    follow(copy, "Add a stage", files, "kwsdata", "kwstrain")
    run(copy, "scripts/stage_deps.py")
    held = ["tests/test_pipeline.py", "tests/test_cli.py", "tests/test_imports.py", "tests/kwsdata/test_params.py"]
    asked = "loudness or short or map or waits or has_a_default"
    told = run(copy, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-k", asked, *held)
    assert told.count("[loudness] PASSED") >= 5
    assert "[kwsdata-loudness] PASSED" in told
    stage = yaml.safe_load((copy / "dvc.yaml").read_text())["stages"]["loudness"]
    assert stage["params"] == [{"params/kwsdata.yaml": ["loudness"]}]
    assert {"kwsdata/stages/loudness", "kwsdata/clips"} <= set(stage["deps"])

    toy_project()
    for partition in ("dev", "test"):
        shutil.copy("data/split/train.jsonl.gz", f"data/split/{partition}.jsonl.gz")
    values = params.model_dump(by_alias=True, mode="json") | {"loudness": {"quiet_dbfs": -45}}
    (project / "params.yaml").write_text(yaml.safe_dump(values))
    told = run(copy, "-m", "kwsdata", "loudness", cwd=project)
    found = json.loads((project / "data/loudness/loudness.json").read_text())
    assert found["train"]["clips"] > 10
    assert told.startswith(f"loudness: quiet clips: train {found['train']['quiet']} of {found['train']['clips']}")
