"""A teacher over the speech embedding, trained on sound, in the runtime that openWakeWord has: unmodified, the same."""

import numpy as np
import onnxruntime
import pytest
from glides import RATE, WORD_S, talk
from peers import open_wake_word_scores

from kwsdata.features.store import ClipRow, write_store
from kwsdata.files.atomic import sha256_of
from kwsdata.params import Params
from kwsdata.runtime.embedders import GoogleSpeech
from kwsdata.runtime.networks.model import StreamingModel
from kwstrain.stages.train_teacher.stage import run


@pytest.fixture(scope="module")
def head(params, tmp_path_factory):
    """A small head that knows a rising glide from a falling one: (its directory, teacher.json)."""
    root = tmp_path_factory.mktemp("openwakeword")
    speech = GoogleSpeech()
    # Frame number `end` is the first whose window ends after the word.
    start, end = (round((at - speech.window / RATE) * RATE / speech.hop) + 1 for at in (2.0, 2.0 + WORD_S))

    def rows(seeds):
        for seed in seeds:
            label = ("keyword", "confusable", "speech")[seed % 3]
            wave = talk(seed, 3.2, [(2.0, label == "keyword")] if label != "speech" else [])
            yield ClipRow(f"c{seed}", label, 0, 0, 0, (start, end), "s", "c"), speech.embed(wave)

    silence = speech.embed(np.zeros(speech.window, np.float32))[0]
    info = {"hop_samples": speech.hop, "window_samples": speech.window, "silence": silence.tolist()}
    info |= {"context_samples": speech.window}
    write_store(root / "e" / "train", [rows(range(60))], speech.dim, info)
    dev = [row for row in rows(range(60, 84)) if row[0].label != "speech"]
    streams = [
        (ClipRow(row.id, "stream", 0, 0, 0, None, None, None, events=[(start, end)] * (row.label == "keyword")), x)
        for row, x in dev
    ]
    write_store(root / "e" / "dev", [streams], speech.dim, info)
    values = params.model_dump(by_alias=True)
    values["teacher"]["speech_embedding"] = {"window": 16, "hidden": [16, 8], "dropout": 0.1}
    values["teacher"]["train"] |= {"steps": 120, "eval_every": 40, "batch_size": 32, "warmup_steps": 10}
    values["teacher"]["train"] |= {"learning_rate": 0.005, "ema_decay": 0.9, "accelerator": "cpu"}
    values["teacher"]["train"]["fractions"] = {
        "keyword": 0.4,
        "confusable": 0.4,
        "speech": 0.2,
        "noise": 0.0,
        "mined": 0.0,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KWSDATA_CACHE", str(root / "cache"))
        teacher = run(Params.model_validate(values), root / "e", root / "e", root / "teacher")
    return root / "teacher", teacher


@pytest.fixture(scope="module")
def stream():
    """Ten seconds with a rising glide at 3 s and 8 s, and a falling one at 5.5 s."""
    return talk(99, 10.0, [(3.0, True), (5.5, False), (8.0, True)])


def described(directory, info, name, backend):
    return {
        "format": 1,
        "keyword": info["keyword"],
        "file": name,
        "sha256": sha256_of(directory / name),
        "backend": backend,
        "hears": "embedded",
        "stride": 1,
        "receptive_field_frames": info["receptive_field_frames"],
    }


def test_the_files_keep_the_contract(head):
    directory, _ = head
    (given,) = onnxruntime.InferenceSession(str(directory / "teacher.onnx")).get_inputs()
    assert given.shape[1:] == [16, 96]
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(str(directory / "teacher.tflite"))
    interpreter.allocate_tensors()
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (given["shape"].tolist(), given["dtype"]) == ([1, 16, 96], np.float32)
    assert (made["shape"].tolist(), made["dtype"]) == ([1, 1], np.float32)


def test_it_detects_in_their_runtime_and_scores_as_in_ours(head, stream):
    pytest.importorskip("pyopen_wakeword")
    directory, info = head
    theirs = open_wake_word_scores(directory / "teacher.tflite", stream)
    scores = {}
    for name, backend in (("teacher.tflite", "tflite_clip"), ("teacher.onnx", "onnx_clip")):
        model = StreamingModel(directory, info=described(directory, info, name, backend))
        time_s, scores[name] = model.process(stream)
        np.testing.assert_allclose(scores[name], theirs, atol=1e-4)
    # The word ends half a second after its start; its vectors pass through a window of 1.3 s.
    heard = {at_s: theirs[(time_s > at_s + WORD_S - 0.1) & (time_s < at_s + WORD_S + 0.5)] for at_s in (3.0, 5.5, 8.0)}
    assert heard[3.0].max() > 0.5
    assert heard[8.0].max() > 0.5
    assert heard[5.5].max() < 0.5
