"""Score the streaming TFLite file with TFLite's reference kernels, as a microcontroller does.

TFLite-Micro multiplies by a fixed-point factor and rounds twice, where XNNPACK and onnxruntime multiply in float and
round once. The numbers agree up to a step here and there, which this counts; no runtime is wrong.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from kwsdata.params import FeaturesParams
from kwsdata.runtime.front_ends import make_frontend
from kwstrain.models.ops import FEATURES
from kwstrain.quantization.network import FoldedStudent
from kwstrain.stages.quantization_report.compare import EDGES


def reference_difference(
    model_dir: Path, network: FoldedStudent, frames: np.ndarray, seconds: float, features: FeaturesParams
) -> dict[str, Any]:
    """Return how far the reference kernels' scores are from the network's over `frames` [frames, n_mels], in 1/256."""
    stride = network.stride
    count = min(len(frames), round(seconds * 16_000 / make_frontend(features).hop)) // stride
    frames = frames[: count * stride]
    with torch.inference_mode():
        expected = np.rint(256 * network.score(network(torch.from_numpy(frames)[None])[0])[0].numpy()).astype(int)
    found = reference_scores(model_dir / "model.int8.tflite", network, frames)
    steps = np.abs(found - expected)
    return {
        "decisions": int(steps.size),
        "greatest": int(steps.max(initial=0)),
        "counts": np.histogram(steps, EDGES)[0].tolist(),
    }


def reference_scores(path: Path, network: FoldedStudent, frames: np.ndarray) -> np.ndarray:
    """Return the scores, int64 [decisions] in 1/256, of a streaming file over `frames`, by the reference kernels."""
    assert network.scales is not None
    run = Interpreter(str(path), num_threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    run.allocate_tensors()
    given, made = run.get_input_details()[0]["index"], run.get_output_details()[0]["index"]
    q = network.scales[FEATURES].quantized(frames).reshape(-1, network.stride, network.n_mels)
    scores = np.empty(len(q), np.int64)
    for place, step in enumerate(q):
        run.set_tensor(given, step[None])
        run.invoke()
        scores[place] = int(run.get_tensor(made)[0, 0])
    return scores
