"""The streaming model: the same scores however the sound is cut, times as defined, tampering noticed."""

import copy
import json
import shutil
from itertools import pairwise

import numpy as np
import pytest

from kwsdata.errors import KwsError, StageInputError
from kwsdata.params import FeaturesParams
from kwsdata.runtime.detect.detector import open_detector
from kwsdata.runtime.front_ends import features_of
from kwsdata.runtime.networks.model import StreamingModel, _audible
from kwsdata.stages.mine_negatives.scoring import Scorer

BAD_STATES = [
    [{"shape": [1, 1]}],
    [{"name": "state_0"}],
    ["state_0"],
    [{"name": "state_0", "shape": [1, 1], "initial": [1, 2, 3]}],
    [{"name": "state_0", "shape": [1, 1], "initial": "loud"}],
    [{"name": "state_0", "shape": [1, 1], "dtype": "float31"}],
    [{"name": "state_0", "shape": [1, 1], "dtype": "object"}],
    [{"name": "state_0", "shape": [1 << 40]}],
]


@pytest.fixture(scope="module")
def model(tone_model_dir):
    return StreamingModel(tone_model_dir)


def run(model, wave, cuts):
    model.reset()
    edges = [0, *cuts, len(wave)]
    parts = [model.process(wave[a:b]) for a, b in pairwise(edges)]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


@pytest.mark.parametrize("seed", range(4))
def test_any_chunking_gives_the_same_scores(model, beep, seed):
    wave = beep(3.0, [(1.0, 1000, 0.1)])
    cuts = sorted(np.random.default_rng(seed).integers(0, wave.size, 12).tolist())
    whole_time, whole = run(model, wave, [])
    time_s, score = run(model, wave, cuts)
    assert np.array_equal(time_s, whole_time)
    assert np.allclose(score, whole, atol=1e-6)  # float32 rounding of sums of another length
    one_by_one = run(model, wave[:8000], list(range(1, 8000, 37)))[1]
    assert np.allclose(one_by_one, whole[: one_by_one.size], atol=1e-6)


def test_a_long_chunk_is_cut_inside(model, beep, monkeypatch):
    wave = beep(3.0, [(1.0, 1000, 0.1)])
    whole = run(model, wave, [])[1]
    monkeypatch.setattr("kwsdata.runtime.networks.model._SLICE", 1234)
    assert np.allclose(run(model, wave, [])[1], whole, atol=1e-6)


def test_decision_times_are_the_ends_of_their_last_frames(model, beep):
    time_s, score = run(model, beep(1.0), [])
    # frame k ends at 25 + 10 k ms; decision d waits for frame 2 d + 1
    assert time_s[:3] == pytest.approx([0.035, 0.055, 0.075])
    assert model.decision_s == pytest.approx(0.02)
    assert score.size == len(features_of(beep(1.0), FeaturesParams(**model.info["features"]))) // 2


def test_the_tone_is_heard_where_it_is(model, beep):
    time_s, score = run(model, beep(3.0, [(1.0, 1000, 0.1), (2.0, 3000, 0.1)]), [])
    assert score[(time_s > 1.1) & (time_s < 1.6)].min() > 0.9
    assert score[(time_s < 0.99) | (time_s > 1.7)].max() < 0.1


def test_reset_forgets(model, beep):
    loud, quiet = beep(1.0, [(0.4, 1000, 0.5)]), beep(1.0)
    fresh = run(model, quiet, [])[1]
    run(model, loud[:15000], [])
    assert np.array_equal(run(model, quiet, [])[1], fresh)


@pytest.mark.parametrize(
    "bad", [np.nan, np.inf, -np.inf, 1e10, -1e10, 1e30, 3e38, -3e38, 1e-42, 9.0], ids=lambda value: f"{value:g}"
)
@pytest.mark.parametrize("samples", [1, 400])
@pytest.mark.parametrize("chunk", [160, 16_000])
def test_one_bad_sample_does_not_stay(model, beep, bad, samples, chunk):
    wave = beep(3.0, [(2.0, 1000, 0.1)])
    time_s, clean = run(model, wave, [])
    wave = wave.copy()
    wave[16_000 : 16_000 + samples] = bad
    score = run(model, wave, range(chunk, wave.size, chunk))[1]
    assert np.isfinite(score).all()
    assert ((score >= 0) & (score <= 1)).all()
    later = time_s > 1.0 + samples / 16_000 + 0.1  # the frames that saw it, and the model's two decisions
    assert np.allclose(score[later], clean[later], atol=1e-6)


def test_loud_sound_is_heard_as_it_is(model, beep):
    wave = beep(2.0, [(1.0, 1000, 1.0)]) * np.float32(3)
    assert np.array_equal(wave, _audible(wave))


def test_no_sound_gives_no_decision(model):
    model.reset()
    time_s, score = model.process(np.zeros(0, np.float32))
    assert time_s.shape == score.shape == (0,)


def test_a_changed_model_file_is_noticed(tone_model_dir, tmp_path):
    shutil.copytree(tone_model_dir, tmp_path / "m")
    graph = tmp_path / "m" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
    with pytest.raises(StageInputError, match="not the file that was exported"):
        StreamingModel(tmp_path / "m")


@pytest.mark.parametrize("initial", [0, 20.0, [20.0], [[20.0]]])
def test_a_stream_starts_with_the_states_that_the_description_has(tone_model_dir, tmp_path, beep, initial):
    """Its state is the level before: where it was high, the first score is. Mining's scorer starts the same."""
    shutil.copytree(tone_model_dir, tmp_path / "m")
    info = json.loads((tmp_path / "m" / "model.json").read_text())
    info["states"][0]["initial"] = initial
    (tmp_path / "m" / "model.json").write_text(json.dumps(info))
    changed, wave = StreamingModel(tmp_path / "m"), beep(0.5)
    first = changed.process(wave)[1]
    assert (first[0] > 0.9) == (initial != 0)
    assert first[1] < 0.1
    np.testing.assert_allclose(Scorer(tmp_path / "m").score(wave), first, atol=1e-6)
    changed.reset()
    assert np.array_equal(changed.process(wave)[1], first)


@pytest.mark.parametrize(
    ("change", "says"),
    [({"format": 2}, "format 2"), ({"stride": None}, "lacks stride"), ({"states": []}, "takes.*model.json says")]
    + [({"warm_up_s": None}, "lacks warm_up_s for model.onnx: type `dvc repro export`")]
    + [
        ({"states": states}, "describes no states of .*model.onnx|cannot be used for model.onnx .states")
        for states in BAD_STATES
    ],
)
def test_a_model_json_that_does_not_fit_is_refused(tone_model_dir, tmp_path, change, says):
    shutil.copytree(tone_model_dir, tmp_path / "m")
    info = json.loads((tmp_path / "m" / "model.json").read_text()) | change
    (tmp_path / "m" / "model.json").write_text(json.dumps({k: v for k, v in info.items() if v is not None}))
    with pytest.raises(StageInputError, match=says):
        StreamingModel(tmp_path / "m")


VALUES = [None, -1, 0, 1e308, "", "x", "../../etc/passwd", [], {}, True, float("nan"), [[[]]], 10**12, 10**400]


def _places(value, above=()):
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield (*above, key)
        yield from _places(inner, (*above, key))


def _changes(value):
    """Each place of a description removed, and with each of the values; and each value in its place."""
    for place in _places(value):
        for put in ("remove", *VALUES):
            changed = copy.deepcopy(value)
            around = changed
            for key in place[:-1]:
                around = around[key]
            if put == "remove":
                del around[place[-1]]
            else:
                around[place[-1]] = put
            yield changed
    yield from VALUES


def test_a_description_of_anybodys_runs_or_is_refused_in_words(tone_model_dir, tmp_path):
    """By detecting, by mining and by whoever reads the operating point: no other exception."""
    shutil.copytree(tone_model_dir, tmp_path / "m")
    described, point = tmp_path / "m" / "model.json", tmp_path / "point.json"
    info = json.loads(described.read_text())
    info["files"] = {"model.onnx": {"runtime": "onnx", "form": "stream", "sha256": info["sha256"]}}
    decoder = {"threshold": 0.5, "n": 3, "m": 5, "smooth": 1, "lockout_s": 1.0, "warm_up_s": 0.2}
    good = decoder | {"model_sha256": info["sha256"]}
    second = np.zeros(8000, np.float32)
    ran = refused = 0
    for changed, setting in [*((one, good) for one in _changes(info)), *((info, one) for one in _changes(good))]:
        described.write_text(json.dumps(changed))
        point.write_text(json.dumps(setting))
        for listen in (
            lambda: list(open_detector(tmp_path / "m", point).events([second])),
            lambda: Scorer(tmp_path / "m").score(second),
        ):
            try:
                listen()
                ran += 1
            except KwsError:
                refused += 1
    assert ran > 200
    assert refused > 200


def test_a_missing_model_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(StageInputError, match="dvc repro"):
        StreamingModel(tmp_path)
