"""The states of a streaming network at a stream's start, as model.json describes them: what silence leaves."""

from collections.abc import Sequence
from typing import Any

import numpy as np


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
    return np.ascontiguousarray(np.broadcast_to(value, state["shape"]))
