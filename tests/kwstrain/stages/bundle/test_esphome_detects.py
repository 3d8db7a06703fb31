"""A model trained here, quantized, and given its manifest, detects in pymicro-wakeword: unmodified, by that rule."""

import json
from pathlib import Path

import numpy as np
import pytest
from glides import WORD_S, talk
from lhotse import SupervisionSegment
from peers import micro_wake_word_scores
from starts import starts

from kwsdata.audio import to_int16
from kwsdata.clips.manifests import make_cut
from kwsdata.clips.shards import Clip, write_shards
from kwsdata.features.store import ClipRow, write_store
from kwsdata.files.atomic import sha256_of, write_json
from kwsdata.params import Params
from kwsdata.runtime.front_ends import features_of
from kwsdata.runtime.networks.model import StreamingModel
from kwstrain.quantization.integers import integers_of
from kwstrain.quantization.store import load_folded
from kwstrain.stages.bundle.esphome import check_contract
from kwstrain.stages.bundle.stage import ESPHOME, models_in
from kwstrain.stages.export.tflite import write_tflite
from kwstrain.stages.quantize.stage import run as quantize
from kwstrain.stages.train.stage import run as train

DEV = [(1.5 + 1.6 * k, k % 2 == 0) for k in range(24)]  # rising and falling words in turn


def micro_params(params) -> Params:
    values = params.model_dump(by_alias=True)
    values["features"] |= {"frontend": "micro", "window_ms": 30}
    values["model"] |= {"name": "dstcn"}
    values["model"]["dstcn"] |= {"channels": 16, "stem_kernel": 5, "stride": 2, "kernels": [5, 9, 13]}
    values["train"] |= {"steps": 160, "eval_every": 80, "batch_size": 32, "warmup_steps": 10, "learning_rate": 0.01}
    values["train"] |= {"ema_decay": 0.9, "accelerator": "cpu", "mel_mask_bins": 2}
    values["train"]["fractions"] = {"keyword": 0.4, "confusable": 0.4, "speech": 0.2, "noise": 0.0, "mined": 0.0}
    values["quantize"] |= {"steps": 0}
    values["quantize"]["calibration"] |= {"train_windows": 48, "dev_windows": 16}
    values["executor"] |= {"kind": "serial"}
    values["keyword"] |= {"text": "größe", "language": "de"}
    return Params.model_validate(values)


def write_features(params, root):
    """Write stores of single words, and of one dev stream."""

    def frames_of(at_s):  # frame k is complete at 160 k + 480 samples
        return tuple(int((second - 0.03) / 0.01) + 1 for second in (at_s, at_s + WORD_S))

    def rows():
        for seed in range(90):
            label = ("keyword", "confusable", "speech")[seed % 3]
            words = [(1.0, label == "keyword")] if label != "speech" else []
            word = frames_of(1.0) if words else None
            yield (
                ClipRow(f"c{seed}", label, 0, 0, 0, word, "s", "c"),
                features_of(talk(seed, 2.0, words), params.features),
            )

    info = {"hop_samples": 160, "window_samples": 480, "silence": [0.0] * 40}
    write_store(root / "train", [rows()], 40, info)
    events = [frames_of(at_s) for at_s, rising in DEV if rising]
    stream = ClipRow("dev", "stream", 0, 0, 0, None, None, None, events=events)
    write_store(root / "dev", [[(stream, features_of(talk(500, 41.0, DEV), params.features))]], 40, info)


def write_export(params, directory, quantized):
    """Write an export of the quantized student alone; model.onnx is a file that nothing here runs."""
    directory.mkdir()
    (directory / "model.onnx").write_bytes(b"not run")
    write_tflite(integers_of(load_folded(quantized)), "stream", directory / "model.int8.tflite")
    about = {"runtime": "tflite", "form": "stream", "arithmetic": "int8", "states": []}
    about["sha256"] = sha256_of(directory / "model.int8.tflite")
    info = {"format": 1, "keyword": "computer", "stride": 2, "features": params.features.model_dump(), "states": []}
    info |= {"sha256": sha256_of(directory / "model.onnx"), "files": {"model.int8.tflite": about}, "warm_up_s": 0.2}
    write_json(directory / "model.json", info)


def write_evaluation(directory, model_sha256):
    numbers = dict.fromkeys(("fnr", "fah", "misses", "n_positive", "false_alarms", "hours_negative"), 0)
    point = {"threshold": 0.5, "smooth": 1, "n": 1, "m": 1, "lockout_s": 1.0, "chosen_on": "dev/clean", "max_fah": 1.0}
    write_json(directory / "operating_point.json", point | {"warm_up_s": 0.2, "model_sha256": model_sha256})
    write_json(directory / "metrics.json", {"dev": {"clean": numbers}, "test": {"clean": numbers}})


def write_testsets(root):
    """Write one stream for dev, and the same for test."""
    wave = talk(500, 41.0, DEV)
    for partition in ("dev", "test"):
        cut = make_cut(f"{partition}-clean", wave.size, custom={"set": "clean", "partition": partition})
        for at_s, rising in DEV:
            if rising:
                said = SupervisionSegment(f"{partition}-{at_s}", cut.id, at_s, WORD_S, custom={"event": "keyword"})
                cut.supervisions.append(said)
        write_shards(root / partition / "clean", [Clip(cut, wave)], 1)
    write_json(root / "testsets.json", {"sets": {"dev/clean": {}, "test/clean": {}}})


@pytest.fixture(scope="module")
def shipped(params, tmp_path_factory):
    """What the bundle has in esphome/: (the manifest's path, the model's description, the bundle's entry)."""
    pytest.importorskip("pymicro_wakeword")
    pytest.importorskip("tflite_micro")
    root, params = tmp_path_factory.mktemp("esphome"), micro_params(params)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("KWSDATA_CACHE", str(root / "cache"))
        write_features(params, root / "features")
        train(params, root / "features", root / "student")
        quantize(params, root / "student", root / "features", out=root / "quantized")
    write_export(params, root / "export", root / "quantized")
    write_evaluation(root / "evaluate", sha256_of(root / "export" / "model.onnx"))
    write_testsets(root / "testsets")
    (root / "bundle").mkdir()
    models, esphome = models_in(params, root / "export", root / "evaluate", root / "testsets", root / "bundle")
    assert esphome is not None
    info = models["model.int8.tflite"] | {"file": Path(esphome["manifest"]).stem + ".tflite"}
    return root / "bundle" / ESPHOME / esphome["manifest"], info, esphome


def test_it_keeps_the_contract_and_finds_dev(shipped):
    manifest, _, entry = shipped
    check_contract(manifest.with_suffix(".tflite"))
    written = json.loads(manifest.read_text())
    assert {key: entry[key] for key in written["micro"]} == written["micro"]
    assert (written["type"], written["version"], written["wake_word"]) == ("micro", 2, "größe")
    assert written["trained_languages"] == ["de"]
    assert manifest.name == "grosse-d179961a.json" and written["model"] == "grosse-d179961a.tflite"
    assert entry["dev"]["misses"] <= 2 and entry["dev"]["false_alarms"] == 0
    assert entry["test"] == entry["dev"]  # the same sound
    assert entry["test"]["n_positive"] == 12


def test_the_arena_of_the_manifest_is_the_least_that_runs(shipped):
    from tflite_micro.python.tflite_micro.runtime import Interpreter

    manifest, _, entry = shipped
    model, size = manifest.with_suffix(".tflite").read_bytes(), entry["tensor_arena_size"]
    run = Interpreter.from_bytes(model, arena_size=size)
    run.set_input(np.zeros((1, entry["stride"], 40), np.int8), 0)
    run.invoke()
    with pytest.raises(RuntimeError):
        Interpreter.from_bytes(model, arena_size=size - 16)


def test_it_starts_in_their_runtime_as_after_silence_and_again_after_a_reset(shipped):
    """What ESPHome cannot be given from outside is in the file. Ten seconds of silence change nothing."""
    from pymicro_wakeword import MicroWakeWord

    manifest, _, entry = shipped
    model = MicroWakeWord.from_config(manifest)
    rng = np.random.default_rng(3)
    sound = rng.uniform(0, 20, (60 * entry["stride"], 1, 1, 40)).astype(np.float32)
    quiet = np.zeros((1000 // entry["stride"] * entry["stride"], 1, 1, 40), np.float32)

    def outputs(frames):
        scores = []
        for number, frame in enumerate(frames, start=1):
            model.process_streaming_prob(frame[0])
            if number % entry["stride"] == 0:
                scores.append(model._probabilities[-1])
        return scores

    fresh = outputs(sound)
    assert np.ptp(fresh) > 0
    model.reset()
    assert len(set(outputs(quiet))) == 1
    assert outputs(sound) == fresh
    model.reset()
    assert outputs(sound) == fresh


@pytest.mark.parametrize("name", ["silence", "dither", "one sample", "hiss at -90 dBFS", "hiss at -40 dBFS", "dc"])
def test_quiet_starts_set_nothing_off_in_their_runtime(shipped, name):
    """Unlike ESPHome, `pymicro-wakeword` is not deaf at first: here the state and the training alone do it."""
    from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures

    features, model = MicroWakeWordFeatures(), MicroWakeWord.from_config(shipped[0])
    sound = to_int16(starts()[name]).tobytes()
    assert not any(model.process_streaming(value) for value in features.process_streaming(sound))


def test_it_detects_in_their_runtime_and_scores_as_in_ours(shipped):
    from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures

    manifest, info, _ = shipped
    wave = talk(77, 12.0, [(2.0, True), (4.0, False), (6.0, True), (8.0, False)])
    ours = StreamingModel(manifest.parent, info=info).process(wave)[1]
    theirs = micro_wake_word_scores(manifest, wave)
    # Their TFLite rounds between layers as TFLite-Micro does, ours (XNNPACK) as onnxruntime does.
    assert np.abs(ours - theirs).max() <= 8 / 256
    assert np.mean(ours == theirs) > 0.95
    assert np.ptp(theirs) > 0.5
    features, model = MicroWakeWordFeatures(), MicroWakeWord.from_config(manifest)
    frames = enumerate(features.process_streaming(to_int16(wave).tobytes()))
    fired = np.array([0.03 + 0.01 * frame for frame, value in frames if model.process_streaming(value)])
    for at_s in (2.0, 6.0):
        assert np.any((fired > at_s) & (fired < at_s + WORD_S + 0.5))
    for at_s in (4.0, 8.0):
        assert not np.any((fired > at_s) & (fired < at_s + WORD_S + 1.0))
