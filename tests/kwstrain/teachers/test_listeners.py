"""One contract over every teacher: answers of a clip, none of them from its future."""

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sound import white_noise
from toy_teachers import Clock, loudness_teacher

from kwsdata.errors import ParamsError, StageInputError
from kwsdata.files.atomic import write_json
from kwstrain.teachers import TRAINED
from kwstrain.teachers.listeners import CERTAIN, Listener, TrainedListener, load_listener, own_teacher
from kwstrain.teachers.weights import FILE

N_MELS = 12
FRAME_HOP, FRAME_WINDOW = 160, 400
KINDS = [*TRAINED, "onnx", "probability", "entry_point"]


def trained(name: str, params) -> TrainedListener:
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        model = TRAINED[name](params.teacher, np.zeros(N_MELS))
        model.norm.running_mean.normal_()
        model.norm.running_var.uniform_(0.5, 2)
    return TrainedListener(model.requires_grad_(False), name, FRAME_HOP, FRAME_WINDOW, FRAME_WINDOW)


@pytest.fixture(scope="module", params=KINDS)
def teacher(request, params, tmp_path_factory) -> Listener:
    if request.param in TRAINED:
        return trained(request.param, params)
    if request.param == "entry_point":
        return own_teacher("toy_teachers:Clock")
    output = "log_odds" if request.param == "onnx" else "probability"
    return own_teacher(str(loudness_teacher(tmp_path_factory.mktemp("own") / "net.onnx", output)))


def clip(teacher: Listener, units: int, seed: int = 0) -> np.ndarray:
    """A clip of `units` frames, or as many hops of 10 ms of sound."""
    if teacher.hears == "wave":
        return white_noise(seed, units * 0.01)
    return np.random.default_rng(seed).normal(0, 1, (units, N_MELS)).astype(np.float32)


def samples(teacher: Listener, heard: np.ndarray) -> int:
    """The last sample that the clip has whole frames of."""
    return len(heard) if teacher.hears == "wave" else (len(heard) - 1) * FRAME_HOP + FRAME_WINDOW


@settings(max_examples=15, deadline=None)
@given(units=st.integers(1, 300))
def test_every_length_has_the_answers_that_fit(teacher, units):
    heard = clip(teacher, units)
    said = teacher(heard)
    count = max(0, (samples(teacher, heard) - teacher.window) // teacher.hop + 1)
    assert said.log_odds.shape == (count,)
    assert said.embedding.shape == (count, teacher.dim)
    assert said.log_odds.dtype == said.embedding.dtype == np.float32
    assert np.isfinite(said.log_odds).all()
    assert np.abs(said.log_odds).max(initial=0) <= CERTAIN


def test_no_answer_knows_its_future(teacher):
    heard = clip(teacher, 300)
    changed = heard.copy()
    place = len(heard) * 2 // 3
    changed[place:] += 1
    first_changed = place if teacher.hears == "wave" else (place - 1) * FRAME_HOP + FRAME_WINDOW
    before = (first_changed - teacher.window) // teacher.hop + 1  # answers that have heard no changed sample
    one, other = teacher(heard).log_odds, teacher(changed).log_odds
    np.testing.assert_allclose(one[:before], other[:before], atol=1e-5)
    if teacher.identity != "clock":
        assert np.abs(one[before + 1 :] - other[before + 1 :]).max() > 1e-3


def test_an_answer_depends_on_no_more_than_its_context(teacher):
    if teacher.context is None:  # nobody knows: so no answer is taken where a stream starts after the clip does
        assert teacher.identity == "clock"
        return
    heard = clip(teacher, 400)
    changed, place = heard.copy(), len(heard) // 2
    changed[:place] += 1
    last_changed = place if teacher.hears == "wave" else (place - 1) * FRAME_HOP + FRAME_WINDOW
    one, other = teacher(heard).log_odds, teacher(changed).log_odds
    free = -((teacher.window - teacher.context - last_changed) // teacher.hop)  # the first that hears no changed sample
    assert 0 < free < one.size
    np.testing.assert_allclose(one[free:], other[free:], atol=1e-5)
    assert np.abs(one[:free] - other[:free]).max() > 1e-3


def test_the_same_clip_has_the_same_answers_and_an_identity(teacher):
    heard = clip(teacher, 200)
    assert np.array_equal(teacher(heard).log_odds, teacher(heard).log_odds)
    assert isinstance(teacher.identity, str) and teacher.identity


@pytest.mark.parametrize("name", TRAINED)
def test_a_trained_teacher_answers_as_it_streams_once_its_window_is_full(name, params):
    listener = trained(name, params)
    model = listener._model
    heard = clip(listener, 400)
    with torch.inference_mode():
        logits, state, start = [], None, 0
        for count in (3, 10, 1, 400):
            piece = heard[start : start + count * model.stride]
            whole = len(piece) // model.stride * model.stride
            if whole:
                out, state = model(torch.from_numpy(piece[:whole])[None], state)
                logits.append(out[0])
            start += count * model.stride
    streamed = torch.cat(logits)
    full = -(-model.receptive_field // model.stride)
    expected = (streamed[:, 1] - streamed[:, 0]).numpy()
    said = listener(heard)
    assert said.log_odds.shape == expected.shape
    np.testing.assert_allclose(said.log_odds[full:], expected[full:], atol=1e-5)
    head = model.head.weight.detach().numpy()
    from_embedding = said.embedding @ (head[1] - head[0]) + float(model.head.bias[1] - model.head.bias[0])
    np.testing.assert_allclose(said.log_odds, from_embedding, atol=1e-5)


@pytest.mark.parametrize("name", TRAINED)
def test_costs_are_those_of_its_matrices(name, params):
    model = TRAINED[name](params.teacher, np.zeros(N_MELS))
    per_window = model.macs_per_second(0.01) * 0.01 * model.stride
    assert per_window >= sum(p.numel() for p in model.parameters() if p.ndim == 2)


def test_probabilities_become_log_odds(tmp_path):
    one = own_teacher(str(loudness_teacher(tmp_path / "a.onnx", "log_odds")))
    other = own_teacher(str(loudness_teacher(tmp_path / "b.onnx", "probability")))
    wave = white_noise(0, 2.0, level=0.05)
    np.testing.assert_allclose(other(wave).log_odds, one(wave).log_odds, atol=1e-4)
    assert one(wave).log_odds[3:].mean() == pytest.approx(1.5, abs=0.2)  # 1000 (0.05^2 - 0.001)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("no_such_module:f", "cannot be loaded"),
        ("toy_teachers:nothing", "cannot be loaded"),
        ("toy_teachers:Forgetful", "without identity, hop, window, dim"),
    ],
)
def test_entry_points_that_are_no_teachers_are_explained(path, words):
    with pytest.raises(ParamsError, match=words):
        own_teacher(path)


def test_an_onnx_file_must_say_what_its_number_is(tmp_path):
    with pytest.raises(StageInputError, match="log_odds"):
        own_teacher(str(loudness_teacher(tmp_path / "a.onnx", "grades")))


def test_weights_that_are_missing_or_of_another_teacher_are_explained(tmp_path, params):
    info = {"teacher": "speech_embedding", "params": params.teacher.model_dump(), "n_mels": N_MELS}
    write_json(tmp_path / "teacher.json", info)
    with pytest.raises(StageInputError, match="train_teacher"):
        load_listener(tmp_path)
    torch.save(trained("conformer", params)._model.state_dict(), tmp_path / FILE)
    with pytest.raises(StageInputError, match="cannot be read"):
        load_listener(tmp_path)


@pytest.mark.parametrize("trusted", [None, "teacher_of_a_stranger:load", "toy_teachers:Clock"])
def test_code_that_a_fetched_teacher_names_runs_only_if_params_name_it_too(tmp_path, monkeypatch, trusted):
    monkeypatch.syspath_prepend(tmp_path)
    code = "from pathlib import Path\nfrom toy_teachers import Clock\nPath('ran').touch()\ndef make(): return Clock()\n"
    (tmp_path / "teacher_of_a_stranger.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "teacher_of_a_stranger", raising=False)
    name = "teacher_of_a_stranger:make"
    write_json(tmp_path / "t" / "teacher.json", {"teacher": "own", "path": name})
    with pytest.raises(StageInputError, match=rf"asks to run the code '{name}', which params\.yaml does not name"):
        load_listener(tmp_path / "t", trusted)
    assert not (tmp_path / "ran").exists()
    assert load_listener(tmp_path / "t", name).hop == Clock().hop
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("path", [None, 5, ["toy_teachers:Clock"], {"a": 1}])
def test_a_teacher_without_a_path_is_refused(tmp_path, path):
    write_json(tmp_path / "teacher.json", {"teacher": "own", "path": path})
    with pytest.raises(StageInputError, match="names no teacher"):
        load_listener(tmp_path, "toy_teachers:Clock")


@pytest.mark.parametrize("path", ["../elsewhere.onnx", "/etc/x:y.onnx", "a:b.onnx"])
def test_a_network_is_only_taken_from_the_teachers_own_directory(tmp_path, path):
    loudness_teacher(tmp_path / "elsewhere.onnx")
    write_json(tmp_path / "t" / "teacher.json", {"teacher": "own", "path": path})
    with pytest.raises(StageInputError, match=r"t/own\.json is missing"):
        load_listener(tmp_path / "t")


def test_a_process_keeps_a_teacher_until_another_takes_its_place(tmp_path):
    write_json(tmp_path / "teacher.json", {"teacher": "own", "path": "own.onnx"})
    loudness_teacher(tmp_path / "own.onnx")
    first = load_listener(tmp_path)
    assert load_listener(tmp_path) is first
    loudness_teacher(tmp_path / "own.onnx", "probability")
    assert load_listener(tmp_path).identity != first.identity
