"""A tiny world in which the keyword is a 1 kHz tone: a model that hears it, and test sets that hold it.

The model keeps the contract of an exported one (`kwsdata.runtime`) with weights one can read: the mean log-mel energy
about 1 kHz less that above 2 kHz, averaged over two decisions (that is its state), through a sigmoid.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.manifests import make_cut
from kwsdata.clips.shards import Clip, write_shards
from kwsdata.files.atomic import sha256_of, write_json
from kwsdata.params import FeaturesParams

FEATURES = FeaturesParams(frontend="logmel", n_mels=40, window_ms=25, hop_ms=10, low_hz=60, high_hz=7600)
STRIDE = 2
BEEP_S = 0.6


def write_tone_model(directory: Path) -> Path:
    centre_mels = np.linspace(2595 * np.log10(1 + 60 / 700), 2595 * np.log10(1 + 7600 / 700), 42)[1:-1]
    centre_hz = 700 * (10 ** (centre_mels / 2595) - 1)
    near, far = np.abs(centre_hz - 1000) < 150, centre_hz > 2000
    weight = (near / near.sum() - far / far.sum()).astype(np.float32)[:, None]
    constants = {
        "weight": weight,
        "to_decisions": np.array([1, -1, STRIDE], np.int64),
        "half": np.array(0.5, np.float32),
        "centre": np.array(5.0, np.float32),
        "first": np.array([0], np.int64),
        "second": np.array([1], np.int64),
        "minus_one": np.array([-1], np.int64),
        "end": np.array([2**31 - 1], np.int64),
        "axis_1": np.array([1], np.int64),
        "axis_2": np.array([2], np.int64),
    }
    nodes = [
        helper.make_node("MatMul", ["features", "weight"], ["frame"]),
        helper.make_node("Reshape", ["frame", "to_decisions"], ["grouped"]),
        helper.make_node("ReduceMean", ["grouped", "axis_2"], ["level"], keepdims=0),
        helper.make_node("Concat", ["state_0", "level"], ["with_past"], axis=1),
        helper.make_node("Slice", ["with_past", "first", "minus_one", "axis_1"], ["past"]),
        helper.make_node("Slice", ["with_past", "minus_one", "end", "axis_1"], ["state_0_out"]),
        helper.make_node("Add", ["past", "level"], ["sum"]),
        helper.make_node("Mul", ["sum", "half"], ["mean"]),
        helper.make_node("Sub", ["mean", "centre"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tone",
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, "frames", 40]),
            helper.make_tensor_value_info("state_0", TensorProto.FLOAT, [1, 1]),
        ],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, [1, "decisions"]),
            helper.make_tensor_value_info("state_0_out", TensorProto.FLOAT, [1, 1]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    directory.mkdir(parents=True, exist_ok=True)
    onnx.save(model, directory / "model.onnx")
    write_json(
        directory / "model.json",
        {
            "format": 1,
            "keyword": "beep",
            "model": "tone",
            "features": FEATURES.model_dump(),
            "stride": STRIDE,
            "warm_up_s": 0.2,
            "receptive_field_frames": 2 * STRIDE,
            "states": [{"name": "state_0", "shape": [1, 1]}],
            "n_params": 40,
            "macs_per_second": 4000,
            "opset": 18,
            "sha256": sha256_of(directory / "model.onnx"),
            "parity": {"max_abs_difference": 0.0},
        },
    )
    return directory


def sound_with_beeps(seconds: float, beeps: list[tuple[float, float, float]] = (), seed: int = 0) -> np.ndarray:
    wave = np.random.default_rng(seed).normal(0, 1e-3, round(seconds * SAMPLE_RATE)).astype(np.float32)
    t = np.arange(round(BEEP_S * SAMPLE_RATE)) / SAMPLE_RATE
    for at_s, hz, level in beeps:
        first = round(at_s * SAMPLE_RATE)
        tone = (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)[: max(0, wave.size - first)]
        wave[first : first + tone.size] += tone
    return wave


def write_tone_testsets(root: Path) -> Path:
    """Test/clean: six keywords at 0.1 of full scale, one too quiet, a 1 kHz false friend in a segment of its own."""
    layout = {
        ("dev", "clean"): [[5, 15, 25, 35, 45], [8, 18, 28]],
        ("test", "clean"): [[6, 16, 26], [9, 19, 29, 50]],
        ("test", "noise_reverb"): [[7, 17, 27, 37]],
    }
    sets = {}
    for (partition, name), streams in layout.items():
        clips = []
        for number, starts in enumerate(streams):
            quiet = partition == "test" and name == "clean" and number == 1
            beeps = [(at, 1000.0, 0.0005 if quiet and at == 50 else 0.1) for at in starts]
            beeps += [(at + 5.0, 3000.0, 0.1) for at in starts]  # another word
            if quiet:
                beeps.append((40.0, 1000.0, 0.05))  # sounds like the keyword and is not
            clips.append(_stream(partition, name, number, starts, sound_with_beeps(60.0, beeps, number)))
        write_shards(root / partition / name, clips, 1)
        sets[f"{partition}/{name}"] = {
            "hours": round(len(streams) / 60, 4),
            "n_positive": sum(map(len, streams)),
            "negatives": {"hum": round(len(streams) / 60, 4)},
            "positives": {"beeps": sum(map(len, streams))},
            "people": False,
            "negatives_people": False,
        }
    write_json(root / "testsets.json", {"sets": sets})
    return root


def _stream(partition: str, name: str, number: int, starts: list[float], wave: np.ndarray) -> Clip:
    cut_id = f"{partition}-{name}-{number:03d}"
    segments = [[0.0, 30.0, "hum-a", "noise"], [30.0, 45.0, "hum-b", "speech"], [45.0, 60.0, "hum-c", "noise"]]
    custom = {"set": name, "partition": partition, "segments": segments}
    if name != "clean":
        custom |= {"snr_db": 10.0, "t60_s": 0.4}
    cut = make_cut(cut_id, wave.size, custom=custom)
    for place, at in enumerate(starts):
        first, count = round(at * SAMPLE_RATE), round(BEEP_S * SAMPLE_RATE)
        event = make_cut(cut_id, wave.size, text="beep", speaker="tone", span=(first, first + count)).supervisions[0]
        event.id = f"{cut_id}-{place}"
        event.custom = {"event": "keyword", "source": f"beep-{place}"}
        cut.supervisions.append(event)
    return Clip(cut, wave)
