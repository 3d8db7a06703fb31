"""Measure how much memory TensorFlow Lite for Microcontrollers needs to run a model.

The interpreter here is the x86-64 build of the package `tflite-micro`: its pointers are twice as wide as an ESP32's,
its kernels are the reference ones. ESP-NN's kernels take scratch memory of their own, so a device may want more.
docs/deploy.md compares this number with what microWakeWord's shipped manifests ask for. At some sizes that are too
small the interpreter crashes: each is tried in a process of its own (`kwstrain.stages.bundle.arena_probe`).
"""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from kwsdata.errors import MissingExtraError, StageInputError

ALIGNMENT = 16  # bytes


def arena_bytes(path: Path) -> int:
    """Return the smallest arena, in bytes and a multiple of 16, in which the model of `path` is set up and runs.

    Raises:
        MissingExtraError: the package `tflite-micro` is not installed.
        StageInputError: the interpreter cannot run the model, however much memory it gets.
    """
    if find_spec("tflite_micro") is None:
        raise MissingExtraError("tflite-micro", "esphome", "the tensor arena's size")
    script = Path(__file__).with_name("arena_probe.py")
    low, high = 0, max(1, 20 * path.stat().st_size // ALIGNMENT)
    try:
        with subprocess.Popen(
            [sys.executable, "-P", str(script), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # every failed attempt is reported there
            text=True,
            bufsize=1,
        ) as probe:
            if not _fits(probe, high):
                raise StageInputError(
                    f"{path} does not run in TensorFlow Lite for Microcontrollers: see its operators."
                )
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if _fits(probe, middle) else (middle, high)
    except BrokenPipeError:
        raise StageInputError(
            f"the arena of {path} cannot be measured: `python {script} {path}` ends without an answer. Type it, and a "
            "size in bytes, to see why."
        ) from None
    return ALIGNMENT * high


def _fits(probe: subprocess.Popen[str], blocks: int) -> bool:
    assert probe.stdin is not None and probe.stdout is not None
    probe.stdin.write(f"{ALIGNMENT * blocks}\n")
    answer = probe.stdout.readline().strip()
    if answer not in ("fits", "too small"):
        raise BrokenPipeError
    return answer == "fits"
