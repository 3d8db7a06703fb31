"""The C example builds with the libraries of two wheels, and says what our runtime says of the same sound."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from peers import package_dir
from sound import burst, tone, white_noise
from starts import starts

from kwsdata.audio import to_int16
from kwsdata.params import FeaturesParams
from kwsdata.runtime.front_ends import features_of
from kwsdata.runtime.networks.tflite_backend import TfliteNetwork

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "c"
MICRO = FeaturesParams(frontend="micro", n_mels=40, window_ms=30, hop_ms=10, low_hz=125, high_hz=7500)


@pytest.fixture(scope="module")
def detect(tmp_path_factory):
    pytest.importorskip("pymicro_wakeword")
    if shutil.which("cc") is None or sys.platform != "linux":
        pytest.skip("needs a C compiler, and wheels with Linux libraries")
    program = tmp_path_factory.mktemp("c") / "detect"
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([EXAMPLE / "build.sh", program], env=environment, check=True)
    return program


def run(program, wave, cutoff, window) -> list[list[str]]:
    model = package_dir("pymicro_wakeword") / "models" / "alexa.tflite"
    words = [program, model, str(cutoff), str(window)]
    done = subprocess.run(words, input=to_int16(wave).tobytes(), capture_output=True, check=True)
    return [line.split("\t") for line in done.stdout.decode().splitlines()]


@pytest.fixture(scope="module")
def wave():
    parts = [burst(1), burst(2), tone(300, 0.7, 0.3), white_noise(3, 1.0, 0.05), burst(4), burst(6)]
    return np.concatenate(parts) + white_noise(5, sum(map(len, parts)) / 16_000, 0.002)


def test_its_outputs_are_those_of_our_runtime_on_the_integers_that_esphome_makes(detect, wave):
    lines = run(detect, wave, 0, 0)
    network = TfliteNetwork(package_dir("pymicro_wakeword") / "models" / "alexa.tflite", threads=1)
    stored = (np.rint(features_of(wave, MICRO) * 25.6).astype(int) * 256 + 333) // 666 - 128
    real = (stored - network.input.zero_point) * network.input.scale
    expected = [round(network(real[i : i + 3]).item() * 256) for i in range(0, len(real) - 2, 3)]
    found = np.array([int(line[1]) for line in lines])
    assert found.size == len(expected)
    # The wheel's TFLite rounds between layers as TFLite-Micro does, ours (XNNPACK) as onnxruntime does.
    assert np.abs(found - expected).max() <= 8
    assert np.mean(found == expected) > 0.9
    assert max(expected) > 0
    assert float(lines[0][0]) == pytest.approx(0.05)  # three frames of 10 ms, the first after its window of 30 ms


def test_it_fires_by_esphomes_rule_and_is_then_silent_for_a_second(detect, wave):
    outputs = np.array([int(line[1]) for line in run(detect, wave, 0, 0)])
    sums = np.convolve(outputs, np.ones(5, int))[: outputs.size]
    cutoff = int(sums.max() // 5 - 1)
    fired = [float(line[0]) for line in run(detect, wave, cutoff, 5)]
    time_s = 0.05 + 0.03 * np.arange(outputs.size)
    first = time_s[(sums > 5 * cutoff) & (time_s > 1.0)][0]
    assert fired[0] == pytest.approx(first, abs=1e-3)
    assert np.all(np.diff(fired) >= 1.0)
    assert run(detect, wave, 255, 5) == []


def test_it_is_deaf_for_a_second_after_its_start(detect, wave):
    """With a cutoff that every output exceeds, the first detection is the first after 100 frames of 10 ms."""
    outputs = [int(line[1]) for line in run(detect, wave, 0, 0)]
    assert min(outputs) >= 0
    loud = np.concatenate([burst(seed, 0, 0.5, 0) for seed in range(8)])
    assert all(float(line[0]) > 1.0 for line in run(detect, loud, 0, 1))
    for sound in starts(0.9).values():
        assert run(detect, sound, 0, 1) == []


def test_what_is_no_model_is_refused(detect, tmp_path):
    done = subprocess.run([detect, tmp_path / "none", "230", "5"], stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 1
    assert b"usage: detect" in done.stderr
