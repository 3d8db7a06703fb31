"""Score the same streams with every arithmetic: one task a stream, its features computed once.

float32    model.onnx, which is the trained student to float rounding
torch      the fine-tuned network, fake-quantized: `FoldedStudent` in integer arithmetic, what fake quantization means
onnx       model.int8.onnx in onnxruntime
tflite     model.int8.tflite in LiteRT with XNNPACK
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lhotse import MonoCut

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.pieces import tars_of
from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.errors import StageInputError
from kwsdata.execution.executor import run_tasks
from kwsdata.files.site import reach
from kwsdata.params import ExecutorParams, FeaturesParams
from kwsdata.runtime.front_ends import features_of, frame_end_s, make_frontend
from kwsdata.runtime.networks.backend import open_backend
from kwsdata.runtime.networks.description import read_model_json
from kwstrain.evaluation.streams import Keyword, TestStream, keywords_of, listed_sets
from kwstrain.quantization.store import load_folded
from kwstrain.training.dev import stream_scores

FLOAT, TORCH, ONNX, TFLITE = "float32", "torch", "onnx", "tflite"
FILES = {FLOAT: "model.onnx", ONNX: "model.int8.onnx", TFLITE: "model.int8.tflite"}
INT8 = (TORCH, ONNX, TFLITE)
ARITHMETICS = (FLOAT, *INT8)


@dataclass(frozen=True)
class Stream:
    """One stream: time_s float64 [decisions], and the score float32 [decisions] in each arithmetic."""

    partition: str
    set: str
    cut_id: str
    duration_s: float
    time_s: np.ndarray
    score: dict[str, np.ndarray]
    warm_up_s: float
    keywords: list[Keyword]

    def scored(self, arithmetic: str) -> TestStream:
        """Return the stream as `evaluate` knows it."""
        own = (self.partition, self.set, self.cut_id, self.duration_s, self.time_s)
        return TestStream(*own, self.score[arithmetic], self.warm_up_s, self.keywords)


@dataclass(frozen=True)
class _Task:
    cut: MonoCut
    partition: str
    set: str
    model_dir: Path
    quantized: Path
    features: FeaturesParams


def score_streams(
    testsets: Path, model_dir: Path, quantized: Path, features: FeaturesParams, executor: ExecutorParams
) -> list[Stream]:
    """Return every stream of every set, dev before test.

    Raises:
        StageInputError: a set has no stream, or a model is missing or damaged.
    """
    tasks = []
    for partition, name in listed_sets(testsets):
        cuts = list(shard_cuts(testsets / partition / name))
        if not cuts:
            raise StageInputError(f"{testsets / partition / name} holds no stream: type `dvc repro make_testsets`.")
        tasks += [_Task(cut, partition, name, model_dir, quantized, features) for cut in cuts]
    reads = {model_dir, quantized, *tars_of(task.cut for task in tasks)}
    return list(run_tasks(_score, tasks, executor, "quantization_report", reads))


def _score(task: _Task) -> Stream:
    wave = load_audio(task.cut)
    frames = features_of(wave, task.features)
    network, model_dir = load_folded(reach(task.quantized)), reach(task.model_dir)
    frames = frames[: len(frames) // network.stride * network.stride]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        scores = {TORCH: stream_scores(network, frames)}
    finally:
        torch.set_num_threads(before)
    for arithmetic, file in FILES.items():
        info = read_model_json(model_dir, file)
        scores[arithmetic] = open_backend(model_dir / file, info, network.silence.numpy()).score(frames)
    last = (np.arange(scores[TORCH].size) + 1) * network.stride - 1
    time_s = np.asarray(frame_end_s(last, make_frontend(task.features)), np.float64)
    seconds = wave.size / SAMPLE_RATE
    warm_up_s = float(read_model_json(model_dir)["warm_up_s"])
    return Stream(task.partition, task.set, task.cut.id, seconds, time_s, scores, warm_up_s, keywords_of(task.cut))
