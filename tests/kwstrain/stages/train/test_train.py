"""Training learns, repeats itself, survives interruption, and hears what params.yaml says."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from feature_stores import INFO, N_MELS, SILENCE
from file_hashes import hashes
from said import names_said
from torch.multiprocessing import ProcessRaisedException

from kwsdata.errors import ParamsError, StageInputError
from kwsdata.features.store import ClipRow, FeatureStore, write_store
from kwsdata.runtime.decoder import Decoder, DecoderConfig
from kwstrain.models import MODELS, build_model
from kwstrain.models.weights import load_student
from kwstrain.stages.train.stage import run
from kwstrain.training import launch, loop
from kwstrain.training.checkpoint import work_directory
from kwstrain.training.dev import DevSet, stream_scores
from kwstrain.training.steps import Average, learning_rate

WARM_UP_S = 0.1  # half of 20 frames, the shortest ridge
ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def trained(ridges, small, tmp_path_factory):
    """The small student, trained once: (its directory, train.json)."""
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp("trained")
        patch.setenv("KWSDATA_CACHE", str(directory / "cache"))
        return directory / "student", run(small, ridges, directory / "student")


@pytest.fixture
def brief(small, change):
    """Few steps, for what needs no skill."""
    return change(small, train={"steps": 9, "eval_every": 3, "patience": 9})


def test_it_learns_to_tell_the_keyword_from_its_mirror_image(trained):
    directory, summary = trained
    # 40 keywords among as many confusables. A coin would miss most: hits at the false alarms allowed are worth nothing.
    assert summary["dev"]["n_positive"] == 40
    assert summary["dev"]["fnr"] <= 0.1
    assert summary["dev"]["fah"] <= 1.0
    assert json.loads((directory / "train.json").read_text()) | {"timing": summary["timing"]} == summary


def test_another_family_learns_it_too_by_its_name_alone(ridges, small, change, project):
    summary = run(change(small, model={"name": "mobilenetv3"}), ridges, project / "out")
    assert summary["model"]["name"] == "mobilenetv3"
    assert summary["dev"]["fnr"] <= 0.1
    assert summary["receptive_field_ms"] == (summary["receptive_field_frames"] - 1) * 10 + 25


def test_an_untrained_student_does_not_pass_for_a_trained_one(ridges, small):
    dev = DevSet(FeatureStore(ridges / "dev"), small.streaming, small.evaluate, WARM_UP_S)
    assert dev.measure(build_model(small.model, SILENCE).eval()).point.fnr > 0.5


@pytest.mark.parametrize("patience", [None, 9])
def test_the_kept_weights_are_those_of_the_last_row_or_the_best(patience, ridges, small, change, project, monkeypatch):
    """The learning rate falls to 0, so that the last is seldom the worst: what dev says of the first is made best."""
    measure, results = DevSet.measure, []

    def first_is_best(dev, model):
        results.append(measure(dev, model))
        return replace(results[-1], point=replace(results[-1].point, fnr=-1.0)) if len(results) == 1 else results[-1]

    monkeypatch.setattr(DevSet, "measure", first_is_best)
    directory = project / "out"
    summary = run(change(small, train={"patience": patience}), ridges, directory)
    monkeypatch.undo()
    rows = [json.loads(line) for line in (directory / "history.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [80, 160, 240]
    assert summary["best_step"] == (240 if patience is None else 80)
    best, said = (rows[-1], results[-1]) if patience is None else (rows[0], results[0])
    dev = DevSet(FeatureStore(ridges / "dev"), small.streaming, small.evaluate, WARM_UP_S)
    measured = dev.measure(load_student(directory, small.model, N_MELS))
    assert measured.point.fnr == said.point.fnr
    assert measured.point.threshold == pytest.approx(best["dev_threshold"], abs=1e-5)
    assert (directory / "dvclive" / "plots" / "metrics" / "dev_fnr.tsv").read_text().count("\n") == 4


def test_dev_is_what_the_decoder_that_ships_would_do(trained, ridges, small):
    directory, summary = trained
    dev, model = DevSet(FeatureStore(ridges / "dev"), small.streaming, small.evaluate, WARM_UP_S), None
    model, hits, alarms = load_student(directory, small.model, N_MELS), 0, 0
    for clip in dev.store.clips:
        scores = stream_scores(model, dev.store.frames(clip))
        time_s = (np.arange(1, scores.size + 1) * 2 - 1) * 0.01 + 0.025
        decoder = Decoder(DecoderConfig(small.streaming, summary["dev"]["threshold"], 0.0))
        fired = [event.time_s for event in decoder.push(time_s, scores)]
        spans = [(a * 0.01 + 0.025, b * 0.01 + 0.025 + small.evaluate.tolerance_s) for a, b in clip.events]
        hits += sum(any(a <= t <= b for t in fired) for a, b in spans)
        alarms += sum(not any(a <= t <= b for a, b in spans) for t in fired)
    assert 40 - hits == summary["dev"]["misses"]
    assert alarms == summary["dev"]["false_alarms"]


def test_dev_scores_do_not_depend_on_the_chunks(ridges, small):
    store = FeatureStore(ridges / "dev")
    frames, model = store.frames(store.clips[0]), build_model(small.model, SILENCE).eval()
    np.testing.assert_allclose(stream_scores(model, frames, [2, 400, 64] * 8), stream_scores(model, frames), atol=1e-5)


def test_same_seed_same_weights_and_another_seed_others(brief, ridges, project, change):
    first, again = run(brief, ridges, project / "a"), run(brief, ridges, project / "b")
    assert first["weights_sha256"] == again["weights_sha256"]
    assert hashes(project / "a") == hashes(project / "b")  # logs too: nothing tells when, or how long
    assert {"student.pt", "train.json", "dvclive/metrics.json"} <= hashes(project / "a").keys()
    assert first["timing"]["seconds"] > 0
    other = run(change(brief, train={"seed": 2}), ridges, project / "c")
    assert other["weights_sha256"] != first["weights_sha256"]


@pytest.mark.parametrize("name", MODELS)
def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(
    brief, ridges, project, change, monkeypatch, name
):
    brief = change(brief, model={"name": name})
    whole = run(brief, ridges, project / "whole")
    measure, calls = DevSet.measure, []

    def interrupted(dev, model):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return measure(dev, model)

    monkeypatch.setattr(DevSet, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(brief, ridges, project / "resumed")
    assert not (project / "resumed").exists()
    work = work_directory(brief, ridges)
    assert (work / "checkpoint.pt").exists()
    resumed = run(brief, ridges, project / "resumed")
    assert len(calls) == 4  # steps 3; 6, interrupted; 6; 9
    assert resumed["weights_sha256"] == whole["weights_sha256"]
    assert hashes(project / "resumed") == hashes(project / "whole")
    assert not work.exists()


def test_a_damaged_checkpoint_is_no_checkpoint(brief, ridges, project):
    work = work_directory(brief, ridges)
    work.mkdir(parents=True)
    (work / "checkpoint.pt").write_bytes(b"half a file")
    with names_said() as names:
        assert run(brief, ridges, project / "out")["steps"] == 9
    assert names == {"train"}


def test_gamma_reaches_training(brief, ridges, project, change):
    plain = run(brief, ridges, project / "a")
    focal = run(change(brief, loss={"gamma": 2.0}), ridges, project / "b")
    assert focal["loss"]["gamma"] == 2
    assert focal["weights_sha256"] != plain["weights_sha256"]
    last = [json.loads((project / name / "history.jsonl").read_text().splitlines()[-1]) for name in ("a", "b")]
    assert last[0]["weight_by_loss_quantile"] == pytest.approx([1.0] * 4)
    assert last[1]["weight_by_loss_quantile"][0] < last[1]["weight_by_loss_quantile"][-1] < 1
    named = change(brief, loss={"name": "ce"})
    assert run(named, ridges, project / "c")["weights_sha256"] == plain["weights_sha256"]


def test_it_stops_when_dev_no_longer_gets_better(brief, ridges, project, change, monkeypatch):
    result = DevSet(FeatureStore(ridges / "dev"), brief.streaming, brief.evaluate, WARM_UP_S).measure(
        build_model(brief.model, SILENCE).eval()
    )
    monkeypatch.setattr(DevSet, "measure", lambda dev, model: result)
    summary = run(change(brief, train={"steps": 300, "patience": 2}), ridges, project / "out")
    assert (summary["steps"], summary["best_step"]) == (9, 3)


def test_training_leaves_torch_as_it_was(brief, ridges, project):
    before = torch.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    run(brief, ridges, project / "out")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before[1:]


def test_bf16_and_mixup_train(brief, ridges, project, change):
    params = change(brief, train={"precision": "bf16-mixed", "mixup_probability": 0.5}, loss={"gamma": 1.5})
    summary = run(params, ridges, project / "out")
    rows = [json.loads(line) for line in (project / "out" / "history.jsonl").read_text().splitlines()]
    assert all(0 < row["loss"] < 2 for row in rows)
    assert summary["steps"] == 9


@pytest.mark.slow
def test_two_processes_train_one_student(brief, ridges, project, change):
    one = run(change(brief, train={"steps": 2, "eval_every": 2}), ridges, project / "one")
    two = run(change(brief, train={"steps": 2, "eval_every": 2, "devices": 2}), ridges, project / "two")
    assert two["steps"] == 2
    rows = [json.loads((project / name / "history.jsonl").read_text()) for name in ("one", "two")]
    # Other draws of the same world, from the same first weights: nearly the same loss, other weights.
    assert rows[1]["loss"] == pytest.approx(rows[0]["loss"], rel=0.3)
    assert one["weights_sha256"] != two["weights_sha256"]


@pytest.mark.slow
def test_torchrun_makes_the_student_that_two_devices_make(brief, ridges, project, change):
    train = {"steps": 2, "eval_every": 2, "devices": 2, "accelerator": "cpu"}
    params = change(brief, train=train, scout={"alarms_per_clip": 0})
    run(params, ridges, project / "spawned")
    (project / "params.yaml").write_text(yaml.safe_dump(params.model_dump(by_alias=True, mode="json")))
    shutil.copytree(ridges, project / "data/features")
    (project / "data/teach").mkdir()
    (project / "data/teach/teach.json").write_text('{"teacher": null, "unlabelled": [], "dim": 0}')
    (project / "data/models/trunk").mkdir(parents=True)
    (project / "data/models/trunk/trunk.json").write_text('{"trunk": null}')
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "kwstrain", "train"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert hashes(project / "data/models/student") == hashes(project / "spawned")


def test_torchrun_with_another_number_of_processes_is_explained(brief, ridges, project, monkeypatch):
    for name, value in (("TORCHELASTIC_RUN_ID", "x"), ("WORLD_SIZE", "2"), ("LOCAL_WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    with pytest.raises(ParamsError, match="started 2 processes, and train.devices = 1"):
        launch.make_fabric(brief)


def test_an_error_in_one_of_two_processes_is_one_line(brief, ridges, project, change, monkeypatch):
    trace = "\n-- Process 1 terminated:\nTraceback\nkwsdata.errors.StageInputError: no clips: add\n"

    def fail(*_):
        raise ProcessRaisedException(trace, 1, 4242)

    monkeypatch.setattr(launch.Fabric, "launch", fail)
    with pytest.raises(loop.TrainingError, match=r"^no clips: add$"):
        run(change(brief, train={"devices": 2}), ridges, project / "out")


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"devices": 3}, "does not divide"), ({"accelerator": "abacus"}, "abacus"), ({"precision": "7-bit"}, "7-bit")],
)
def test_settings_that_cannot_be_are_explained(brief, ridges, project, change, changes, words):
    with pytest.raises(ParamsError, match=words):
        run(change(brief, train=changes), ridges, project / "out")


def test_a_loss_that_is_no_number_is_explained(brief, ridges, project, change):
    with pytest.raises(loop.TrainingError, match=r"learning_rate"):
        run(change(brief, train={"learning_rate": 1e30}), ridges, project / "out")


def test_dev_without_keywords_and_missing_stores_are_explained(brief, ridges, project):
    write_store(
        project / "f/dev", [[(ClipRow("a", "stream", 0, 0, 0, None, None, None), np.zeros((900, 16)))]], 16, INFO
    )
    with pytest.raises(StageInputError, match=r"train is missing"):
        run(brief, project / "f", project / "out")
    with pytest.raises(StageInputError, match="no keyword"):
        DevSet(FeatureStore(project / "f/dev"), brief.streaming, brief.evaluate, WARM_UP_S)


def test_learning_rate_warms_up_then_falls_to_nothing(small):
    params = small.train
    rates = [learning_rate(step, params) for step in range(params.steps)]
    assert rates[0] == pytest.approx(params.learning_rate / 10, rel=1e-3)
    assert max(rates) == pytest.approx(params.learning_rate, rel=0.01)
    assert np.argmax(rates) == params.warmup_steps - 1
    assert np.all(np.diff(rates[params.warmup_steps :]) < 0)
    assert rates[-1] < params.learning_rate / 1000


def test_the_average_follows_the_model(small):
    model = build_model(small.model, SILENCE)
    average = Average(model, decay=0.9)
    start = average.model.head.weight.clone()
    with torch.no_grad():
        model.head.weight.add_(1.0)
    for step in range(300):
        average.update(model, step)
        if step == 0:  # decay (1 + 0) / (10 + 0)
            torch.testing.assert_close(average.model.head.weight, start + 0.9)
    torch.testing.assert_close(average.model.head.weight, start + 1.0)
    assert not average.model.head.weight.requires_grad
