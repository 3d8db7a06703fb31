"""The states of a streaming network at a stream's start, as model.json describes them: what silence leaves."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

LARGEST = 1 << 20  # numbers in a state: those of a student are some thousands


def initial_states(states: Sequence[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Return each state by name, in its shape.

    Args:
        states: `name` and `shape`; `initial`: numbers that broadcast to the shape, else 0; `dtype`, else float32.

    Raises:
        KeyError, TypeError, ValueError: they are no such description.
    """
    return {state["name"]: _filled(state) for state in states}


def _filled(state: dict[str, Any]) -> np.ndarray:
    value = np.asarray(state.get("initial", 0), state.get("dtype", "float32"))
    if value.dtype.kind not in "fiu" or math.prod(state["shape"]) > LARGEST:
        raise ValueError(f"{state['name']} is of {value.dtype}, or has more than {LARGEST} numbers")
    return np.ascontiguousarray(np.broadcast_to(value, state["shape"]))
