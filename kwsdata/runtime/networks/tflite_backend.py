"""Backends of TFLite files: streaming with the state inside, as microcontrollers run it, and whole windows.

streaming   in    [1, stride, n_mels], int8 (or float32): one decision in a call
            out   [1, 1], uint8 or int8 (or float32): the keyword's probability
window      in    [1, window, dim]
            out   [1, 1]
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from kwsdata.errors import StageInputError
from kwsdata.runtime.networks.description import read_model_file
from kwsdata.runtime.networks.windowed import Windowed


class TfliteStream:
    """See `kwsdata.runtime.networks.backend.Backend`."""

    def __init__(self, path: Path, info: dict[str, Any], threads: int, silence: np.ndarray) -> None:
        self._network = TfliteNetwork(path, threads, info.get("sha256"))
        self._stride = int(info["stride"])
        shape = self._network.input.shape
        if shape[:2] != (1, self._stride):
            raise StageInputError(f"{path} takes {list(shape)}, model.json says a stride of {self._stride}.")
        self._fresh = True

    def reset(self) -> None:
        """See `Backend`."""
        if not self._fresh:
            self._network.restart()
            self._fresh = True

    def score(self, frames: np.ndarray) -> np.ndarray:
        """See `Backend`."""
        self._fresh = False
        steps = [self._network(frames[start : start + self._stride]) for start in range(0, len(frames), self._stride)]
        return np.asarray([step.item() for step in steps], np.float32)


class TfliteClip(Windowed):
    """See `Windowed`."""

    def open(self, path: Path, threads: int, sha256: str | None) -> None:
        """See `Windowed`."""
        self._network = TfliteNetwork(path, threads, sha256)
        shape = self._network.input.shape
        if shape[:2] != (1, self._window):
            raise StageInputError(f"{path} takes {list(shape)}, model.json says a window of {self._window}.")

    def run(self, window: np.ndarray) -> float:
        """See `Windowed`."""
        return float(self._network(window).item())


class Tensor(NamedTuple):
    """An input or output: real = scale (stored - zero_point); scale 0 where it is stored as float32."""

    place: int
    shape: tuple[int, ...]
    dtype: type
    scale: float
    zero_point: int

    def stored(self, values: np.ndarray) -> np.ndarray:
        """Return real `values` as they are stored, in this tensor's shape."""
        if self.scale:
            limits = np.iinfo(self.dtype)
            steps = np.rint(values / np.float32(self.scale)) + self.zero_point  # as ONNX's QuantizeLinear rounds
            values = np.clip(steps, limits.min, limits.max)
        return values.astype(self.dtype).reshape(self.shape)

    def real(self, stored: np.ndarray) -> np.ndarray:
        """Return stored values as float32."""
        values = stored.astype(np.float32)
        return (values - np.float32(self.zero_point)) * np.float32(self.scale) if self.scale else values


class TfliteNetwork:
    """A .tflite file that runs: real values in, real values out."""

    def __init__(self, path: Path, threads: int, sha256: str | None = None) -> None:
        """Read `path`, whose SHA-256 is `sha256` where one is given.

        Raises:
            StageInputError: it is missing, another file, not TFLite, or not of one input and one output.
        """
        self._path, self._threads = Path(path), threads
        self._model = read_model_file(path, sha256)
        self.restart()

    def restart(self) -> None:
        """Load the model anew: its internal state is as at first. The interpreter has no other way to reset it.

        The file is not read again: it may be another one by now.
        """
        try:
            # With XNNPACK, whose int8 kernels compute onnxruntime's very numbers (docs/quantization.md).
            self._interpreter = Interpreter(model_content=self._model, num_threads=self._threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise StageInputError(f"{self._path} cannot be loaded: {error}") from None
        given, made = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if (len(given), len(made)) != (1, 1):
            raise StageInputError(f"{self._path} has {len(given)} inputs and {len(made)} outputs, not one of each.")
        self.input, self.output = _tensor(given[0]), _tensor(made[0])

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the real output for real `values` of the input's size."""
        self._interpreter.set_tensor(self.input.place, self.input.stored(values))
        self._interpreter.invoke()
        return self.output.real(self._interpreter.get_tensor(self.output.place))


def _tensor(details: dict[str, Any]) -> Tensor:
    scale, zero_point = details["quantization"]
    shape = tuple(int(size) for size in details["shape"])
    return Tensor(details["index"], shape, details["dtype"], float(scale), int(zero_point))
