"""Backends against the runtimes they stand beside, on the models those ship: the same numbers from the same sound."""

import numpy as np
import pytest
from peers import micro_wake_word_scores, open_wake_word_scores, package_dir
from sound import burst, tone, white_noise

from kwsdata.errors import MissingExtraError, StageInputError
from kwsdata.files.atomic import sha256_of
from kwsdata.runtime.networks.backend import open_backend
from kwsdata.runtime.networks.model import StreamingModel

SILENCE = np.zeros(40, np.float32)
MICRO = {"frontend": "micro", "n_mels": 40, "window_ms": 30, "hop_ms": 10, "low_hz": 125, "high_hz": 7500}


@pytest.fixture(scope="module")
def wave():
    """Four seconds of bursts, tones and noise at changing levels."""
    parts = [burst(1), 0.1 * burst(2), tone(300, 0.7, 0.3), white_noise(3, 0.8, 0.02), burst(4), np.zeros(8000)]
    return (np.concatenate(parts) + white_noise(5, sum(map(len, parts)) / 16_000, 0.002)).astype(np.float32)


@pytest.fixture
def alexa():
    """microWakeWord's shipped model: (its directory, its description, its manifest)."""
    pytest.importorskip("pymicro_wakeword")
    directory = package_dir("pymicro_wakeword") / "models"
    info = {"format": 1, "keyword": "alexa", "file": "alexa.tflite", "backend": "tflite_stream"}
    info |= {"sha256": sha256_of(directory / "alexa.tflite"), "features": MICRO, "stride": 3}
    return directory, info, directory / "alexa.json"


def test_a_micro_wake_word_model_scores_as_in_its_own_runtime(alexa, wave):
    directory, info, manifest = alexa
    ours = StreamingModel(directory, info=info).process(wave)[1]
    theirs = micro_wake_word_scores(manifest, wave)
    assert ours.size == theirs.size > 100
    assert np.ptp(ours) > 0
    # Their TFLite rounds between layers as TFLite-Micro does, ours (XNNPACK) as onnxruntime does.
    assert np.abs(ours - theirs).max() <= 8 / 256
    assert np.mean(ours == theirs) > 0.9


def test_its_state_is_gone_after_a_reset_and_kept_between_chunks(alexa, wave):
    directory, info, _ = alexa
    model = StreamingModel(directory, info=info)
    whole = model.process(wave)[1]
    model.reset()
    assert np.array_equal(model.process(wave)[1], whole)
    model.reset()
    cuts = np.split(wave, [777, 5000, 5001, 30_000])
    assert np.array_equal(np.concatenate([model.process(cut)[1] for cut in cuts]), whole)


@pytest.mark.parametrize("after", ["another model", "nothing", "removed"])
def test_a_file_that_is_replaced_while_it_runs_changes_nothing(alexa, wave, tmp_path, after):
    """A reset loads the bytes that were compared with their hash, not what lies at the path by then."""
    directory, info, _ = alexa
    path = tmp_path / "alexa.tflite"
    path.write_bytes((directory / "alexa.tflite").read_bytes())
    model = StreamingModel(tmp_path, info=info)
    before = model.process(wave)[1]
    if after == "another model":
        path.write_bytes((directory / "hey_jarvis.tflite").read_bytes())
    elif after == "nothing":
        path.write_bytes(b"")
    else:
        path.unlink()
    model.reset()
    assert np.array_equal(model.process(wave)[1], before)


@pytest.mark.parametrize("kind", ["tflite_stream", "onnx_stream"])
def test_a_file_with_another_hash_is_never_loaded(tmp_path, kind):
    (tmp_path / "x").write_bytes(b"not what was described")
    info = {"backend": kind, "stride": 3, "states": [], "sha256": "0" * 64}
    with pytest.raises(StageInputError, match=r"is not the file that was exported: its SHA-256 is .* description says"):
        open_backend(tmp_path / "x", info, SILENCE)


def test_an_open_wake_word_head_scores_as_in_its_own_runtime(wave):
    pytest.importorskip("pyopen_wakeword")
    directory = package_dir("pyopen_wakeword") / "models"
    info = {"format": 1, "keyword": "alexa", "file": "alexa.tflite", "backend": "tflite_clip", "stride": 1}
    info |= {"sha256": sha256_of(directory / "alexa.tflite"), "hears": "embedded", "receptive_field_frames": 16}
    model = StreamingModel(directory, info=info)
    time_s, ours = model.process(wave)
    theirs = open_wake_word_scores(directory / "alexa.tflite", wave)
    assert ours.size == theirs.size > 40
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert time_s[:2] == pytest.approx([0.03, 0.11])
    model.reset()
    cuts = np.split(wave, [1, 600, 1280, 20_000])
    assert np.array_equal(np.concatenate([model.process(cut)[1] for cut in cuts]), ours)


def test_what_does_not_fit_is_refused(alexa, tmp_path):
    directory, info, _ = alexa
    path = directory / "alexa.tflite"
    with pytest.raises(StageInputError, match=r"takes \[1, 3, 40\], model.json says a stride of 2"):
        open_backend(path, info | {"stride": 2}, SILENCE)
    with pytest.raises(StageInputError, match="a window of 16"):
        open_backend(path, info | {"backend": "tflite_clip", "receptive_field_frames": 16}, SILENCE)
    with pytest.raises(StageInputError, match="no backend is named 'abacus'"):
        open_backend(path, info | {"backend": "abacus"}, SILENCE)
    (tmp_path / "x.tflite").write_bytes(b"nothing")
    with pytest.raises(StageInputError, match=r"x\.tflite cannot be loaded"):
        open_backend(tmp_path / "x.tflite", {**info, "sha256": None}, SILENCE)
    with pytest.raises(StageInputError, match="does not run on frames of 41 numbers, 3 a decision"):
        open_backend(path, info, np.zeros(41, np.float32))


def test_a_runtime_that_is_not_installed_names_its_extra(alexa, monkeypatch):
    import sys

    directory, info, _ = alexa
    for name in [name for name in sys.modules if "ai_edge_litert" in name or "networks.tflite" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(MissingExtraError, match=r"kwsdata\[runtime\]"):
        open_backend(directory / "alexa.tflite", info, SILENCE)
