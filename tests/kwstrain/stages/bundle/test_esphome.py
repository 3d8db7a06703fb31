"""ESPHome's contract and rule: the shipped models keep it, others are refused, and the cutoff is what it reads."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
from decoders import rule
from peers import package_dir

from kwsdata.errors import StageInputError
from kwsdata.params import StreamingParams
from kwsdata.runtime.decoder import votes
from kwstrain.evaluation.det import StreamScores
from kwstrain.stages.bundle.arena import arena_bytes
from kwstrain.stages.bundle.esphome import (
    EspHomeError,
    _rule,
    check_contract,
    choose_cutoff,
    probability_of,
    threshold_of,
)

SHIPPED = ("alexa", "hey_jarvis", "hey_mycroft", "okay_nabu")


@pytest.fixture
def shipped():
    pytest.importorskip("pymicro_wakeword")
    return package_dir("pymicro_wakeword") / "models"


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models_keep_the_contract(shipped, name):
    check_contract(shipped / f"{name}.tflite")


@pytest.mark.parametrize("name", SHIPPED[:2])
def test_the_arena_measured_is_about_what_shipped_manifests_ask_for(shipped, name):
    """Theirs was measured on an ESP32, whose pointers are narrower and whose kernels take more scratch memory."""
    pytest.importorskip("tflite_micro")
    asked = json.loads((shipped / f"{name}.json").read_text())["micro"]["tensor_arena_size"]
    assert 0.85 * asked <= arena_bytes(shipped / f"{name}.tflite") <= asked


STAND_IN = """
import os, signal
import numpy as np
class Interpreter:
    @classmethod
    def from_bytes(cls, model, arena_size):
        need, ends = map(int, model.split()[:2])
        if arena_size < need:
            if arena_size % 48 == 0:
                os.kill(os.getpid(), signal.SIGSEGV)
            raise RuntimeError("failed to allocate")
        if ends:
            os.kill(os.getpid(), signal.SIGABRT)
        return cls()
    def get_input_details(self, place):
        return {"shape": (1, 2), "dtype": np.int8}
    def set_input(self, value, place):
        pass
    def invoke(self):
        pass
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """An interpreter that crashes at every third size that is too small, as the real one does at some."""
    package = tmp_path / "packages" / "tflite_micro/python/tflite_micro"
    package.mkdir(parents=True)
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").touch()
    (package / "runtime.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'packages'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    return package


@pytest.mark.parametrize("need", [1, 16, 17, 1000, 2399, 2400])
def test_a_size_at_which_the_interpreter_crashes_is_too_small(stand_in, tmp_path, need):
    (tmp_path / "model.tflite").write_bytes(f"{need} 0 ".encode().ljust(120))
    assert arena_bytes(tmp_path / "model.tflite") == -(-need // 16) * 16


@pytest.mark.parametrize("model", [b"100000 0", b"16 1"])
def test_a_model_that_never_runs_is_refused(stand_in, tmp_path, model):
    (tmp_path / "model.tflite").write_bytes(model.ljust(100))
    with pytest.raises(StageInputError, match=r"model\.tflite does not run"):
        arena_bytes(tmp_path / "model.tflite")


def test_a_probe_that_does_not_start_is_said(stand_in, tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"16 0".ljust(100))
    (stand_in / "runtime.py").write_text("raise ImportError('another ABI')")
    with pytest.raises(
        StageInputError, match=r"cannot be measured: `python .*arena_probe\.py .* ends without an answer"
    ):
        arena_bytes(tmp_path / "model.tflite")


def test_a_model_of_another_contract_is_refused():
    pytest.importorskip("pyopen_wakeword")
    head = package_dir("pyopen_wakeword") / "models" / "alexa.tflite"
    with pytest.raises(EspHomeError) as error:
        check_contract(head)
    assert "takes float32 [1, 16, 96], not int8 [1, stride, 40]" in str(error.value)
    assert "gives float32 [1, 1], not uint8 [1, 1]" in str(error.value)


@pytest.mark.parametrize("cutoff", [0, 1, 127, 200, 230, 254])
def test_the_cutoff_written_is_the_one_that_is_read(cutoff):
    assert int(probability_of(cutoff) * 255) == cutoff
    # pymicro-wakeword compares q / 256 with the probability: less than a step of the output above ESPHome.
    assert cutoff <= probability_of(cutoff) * 256 < cutoff + 1.01


@pytest.mark.parametrize("window", [1, 4, 5, 8])
def test_the_rule_measured_is_the_rule_that_runs(window):
    """The decoder with the threshold, against ESPHome's integer arithmetic, where sums lie on the edge."""
    rng = np.random.default_rng(window)
    q = np.clip(np.repeat(rng.integers(0, 256, 300), 3) + rng.integers(-2, 3, 900), 0, 255)
    vote = votes(q.astype(np.float32) / 256, rule(1, 1, window))
    sums = np.convolve(q, np.ones(window, int))[: q.size]
    for cutoff in range(255):
        fires = sums > cutoff * window
        assert np.array_equal(vote >= np.float32(threshold_of(cutoff, window)), fires)


def stream(rng, events, seconds=1800, step_s=0.02):
    """Scores in steps of 1/256: noise, brief high peaks without a word, longer ones at words."""
    time_s = np.arange(1, round(seconds / step_s)) * step_s
    q = rng.integers(0, 30, time_s.size)
    for at_s in rng.uniform(0, seconds, 40):
        q[(time_s > at_s) & (time_s < at_s + 0.11)] = 250
    for at_s in events:
        q[(time_s > at_s + 0.3) & (time_s < at_s + 0.5)] = 240
    score = (q / 256).astype(np.float32)

    def scores(streaming: StreamingParams) -> StreamScores:
        vote = votes(score, streaming)
        return StreamScores(time_s, vote, [(at_s, at_s + 0.6) for at_s in events], seconds)

    return SimpleNamespace(scores=scores, q=q, time_s=time_s, events=events)


def test_the_cutoff_is_chosen_on_dev_by_their_rule(params):
    """A mean over 4 decisions lets brief peaks through, one over 8 does not: the search must find that out."""
    rng = np.random.default_rng(1)
    dev = [stream(rng, [100.0 * k + 50 for k in range(17)])]
    window, cutoff, point = choose_cutoff({("dev", "clean"): dev}, params)
    assert (window, point.misses, point.false_alarms) == (8, 0, 0)
    q, times = dev[0].q, dev[0].time_s
    fires = np.convolve(q, np.ones(window, int))[: q.size] > cutoff * window
    at_words = [fires[(times > at_s) & (times < at_s + 0.6)].any() for at_s in dev[0].events]
    outside = fires & ~np.any([(times > at_s) & (times < at_s + 1.1) for at_s in dev[0].events], axis=0)
    assert all(at_words)
    assert not outside.any()
    assert _rule(window).lockout_s == 1.0
