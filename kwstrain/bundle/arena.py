"""How much memory TensorFlow Lite for Microcontrollers takes to run a model: tried, with its own interpreter.

The interpreter here is the x86-64 build of the package `tflite-micro`: its pointers are twice as wide as an ESP32's,
its kernels are the reference ones. ESP-NN's kernels take scratch memory of their own, so a device may want more.
docs/deploy.md compares this number with what microWakeWord's shipped manifests ask for.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kwsdata.errors import MissingExtraError, StageInputError

ALIGNMENT = 16  # bytes


def arena_bytes(path: Path) -> int:
    """Return the smallest arena, in bytes and a multiple of 16, in which the model of `path` can be set up.

    Raises:
        MissingExtraError: the package `tflite-micro` is not installed.
        StageInputError: the interpreter cannot run the model, however much memory it gets.
    """
    try:
        from tflite_micro.python.tflite_micro.runtime import Interpreter
    except ImportError:
        raise MissingExtraError("tflite-micro", "esphome", "the tensor arena's size") from None
    model = path.read_bytes()

    def fits(blocks: int) -> bool:
        try:
            Interpreter.from_bytes(model, arena_size=ALIGNMENT * blocks)
        except RuntimeError:
            return False
        return True

    with _quiet():  # it reports every failed attempt
        low, high = 0, max(1, 20 * len(model) // ALIGNMENT)
        if not fits(high):
            raise StageInputError(f"{path} does not run in TensorFlow Lite for Microcontrollers: see its operators.")
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if fits(middle) else (middle, high)
    return ALIGNMENT * high


@contextmanager
def _quiet() -> Iterator[None]:
    """Send what C code writes to stderr nowhere."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
