"""The interface of embedders, and how their ONNX sessions are opened."""

from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime

from kwsdata.audio import Waveform
from kwsdata.errors import StageInputError


class Embedder(Protocol):
    """Vector j of a wave sees samples [j hop, j hop + window) of it and nothing else."""

    name: str
    identity: str  # a hash of everything that decides the vectors
    dim: int
    window: int  # samples
    hop: int  # samples

    def embed(self, wave: Waveform) -> np.ndarray:
        """Return float32 [(samples - window) // hop + 1, dim] of `wave` [samples] at 16 kHz; none if it is shorter."""
        ...


def count_windows(samples: int, window: int, hop: int) -> int:
    """Return how many windows fit into `samples`."""
    return max(0, (samples - window) // hop + 1)


def open_session(model: Path | bytes, what: str) -> onnxruntime.InferenceSession:
    """Return a one-threaded CPU session (data workers are processes with one thread each).

    Raises:
        StageInputError: `model` (a path, or a graph's bytes) is missing or not ONNX.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # pieces differ in length: each would keep a plan of its own
    source = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        raise StageInputError(f"{what} cannot be loaded: {error}") from None
