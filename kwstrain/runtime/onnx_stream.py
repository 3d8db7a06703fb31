"""ONNX with explicit state: any number of decisions in a call.

    in    features [1, frames, n_mels], frames a multiple of the stride; state_0, state_1, ...
    out   score [1, decisions]; state_0_out, state_1_out, ...

`features` and `score` are float32. A state is of the dtype that the description names, and starts as its `initial`: one
number, or one a channel (the last axis); float32 and 0 where it does not say.
"""

from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.errors import StageInputError
from kwstrain.runtime.onnx_session import open_session


class OnnxStream:
    """See `kwstrain.runtime.backend.Backend`."""

    def __init__(self, path: Path, info: dict[str, Any], threads: int, silence: np.ndarray | None) -> None:
        self._session = open_session(path, threads)
        wanted = {"features"} | {state["name"] for state in info["states"]}
        found = {entry.name for entry in self._session.get_inputs()}
        if wanted != found:
            raise StageInputError(
                f"{path} takes {sorted(found)}, model.json says {sorted(wanted)}: type `dvc repro export`."
            )
        self._initial = {state["name"]: _initial(state) for state in info["states"]}
        self._outputs = ["score", *(f"{name}_out" for name in self._initial)]
        self.reset()

    def reset(self) -> None:
        """See `Backend`."""
        self._states = self._initial

    def score(self, frames: np.ndarray) -> np.ndarray:
        """See `Backend`."""
        score, *states = self._session.run(self._outputs, {"features": frames[None]} | self._states)
        self._states = dict(zip(self._initial, states, strict=True))
        return np.asarray(score[0], np.float32)


def _initial(state: dict[str, Any]) -> np.ndarray:
    value = np.asarray(state.get("initial", 0), state.get("dtype", "float32"))
    return np.ascontiguousarray(np.broadcast_to(value, state["shape"]))
