"""Export the teacher over the speech embedding as TFLite, for runtimes in the style of openWakeWord.

    in   float32 [1, window, 96], the last `window` embeddings, 80 ms each (openWakeWord's own heads: 16)
    out  float32 [1, 1], the keyword's probability

Normalisation is folded into the first layer, and the softmax of two classes is the logistic of their difference.
`teacher.onnx` takes and gives the same. D. Scripka, openWakeWord, 2023.
"""

import os
from pathlib import Path

import numpy as np
import torch
from torch import nn

from kwstrain.teachers.speech_embedding import SpeechEmbedding

Layer = tuple[np.ndarray, np.ndarray]  # weight [inside, outside], bias [outside]


def folded_layers(model: SpeechEmbedding) -> list[Layer]:
    """Return the fully connected layers of `model`, in evaluation mode, over raw embeddings; the last has one output.

    Between two of them is a ReLU; after the last, a logistic.
    """
    hidden = [module for module in model.layers if isinstance(module, nn.Linear)]
    layers = [(_array(linear.weight).T, _array(linear.bias)) for linear in hidden]
    norm = model.norm
    assert norm.running_var is not None and norm.running_mean is not None
    scale = np.tile(1 / np.sqrt(_array(norm.running_var) + norm.eps), model.receptive_field)
    shift = np.tile(_array(norm.running_mean), model.receptive_field)
    weight, bias = layers[0]
    layers[0] = (weight * scale[:, None], bias - (shift * scale) @ weight)
    weight, bias = _array(model.head.weight).T, _array(model.head.bias)
    layers.append((weight[:, 1:] - weight[:, :1], bias[1:] - bias[:1]))
    return [(weight.astype(np.float32), bias.astype(np.float32)) for weight, bias in layers]


def write_tflite(model: SpeechEmbedding, path: Path) -> None:
    """Write `model` to `path`; the same weights give the same bytes."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # it tells every user of the processor it was built for
    import tensorflow as tf

    *hidden, last = [(tf.constant(weight), tf.constant(bias)) for weight, bias in folded_layers(model)]

    @tf.function(input_signature=[tf.TensorSpec((1, model.receptive_field, model.n_mels), tf.float32, "embeddings")])
    def score(embeddings: tf.Tensor) -> tf.Tensor:
        heard = tf.reshape(embeddings, (1, -1))
        for weight, bias in hidden:
            heard = tf.nn.relu(tf.matmul(heard, weight) + bias)
        return tf.sigmoid(tf.matmul(heard, last[0]) + last[1])

    holder = tf.Module()
    holder.score = score
    converter = tf.lite.TFLiteConverter.from_concrete_functions([score.get_concrete_function()], holder)
    path.write_bytes(converter.convert())


def tflite_difference(model: SpeechEmbedding, path: Path, windows: np.ndarray) -> float:
    """Return the greatest difference of `path`'s score from PyTorch's on `windows` float32 [N, window, 96]."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    given, made = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    with torch.inference_mode():
        expected = model.score(model.window(torch.from_numpy(windows)))[:, 0].numpy()
    found = []
    for window in windows:
        interpreter.set_tensor(given, window[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(made).item())
    return float(np.abs(np.asarray(found) - expected).max())


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(np.float64)
