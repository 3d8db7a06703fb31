"""Try arena sizes, each in a process of its own: TensorFlow Lite for Microcontrollers ends the process at some.

    python kwstrain/stages/bundle/arena_probe.py MODEL  reads sizes in bytes, one a line; answers `fits` or `too small`

A size at which the interpreter crashes is too small: where it has room, it sets up the model and runs it. The process
loads the interpreter once and forks for each size.
"""

import os
import sys
from pathlib import Path

import numpy as np
from tflite_micro.python.tflite_micro.runtime import Interpreter


def fits(model: bytes, size: int) -> bool:
    """Return whether the interpreter sets `model` up in `size` bytes, and runs it once."""
    child = os.fork()
    if child == 0:
        try:
            interpreter = Interpreter.from_bytes(model, arena_size=size)
            about = interpreter.get_input_details(0)
            interpreter.set_input(np.zeros(about["shape"], about["dtype"]), 0)
            interpreter.invoke()
            os._exit(0)
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def main(model: bytes) -> None:
    """Answer the sizes that come in."""
    for line in sys.stdin:
        print("fits" if fits(model, int(line)) else "too small", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).read_bytes())
