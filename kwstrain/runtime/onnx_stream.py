"""ONNX with explicit state: any number of decisions in a call.

    in    features [1, frames, n_mels], frames a multiple of the stride; state_0, state_1, ...
    out   score [1, decisions]; state_0_out, state_1_out, ...

`features` and `score` are float32. At a stream's start the states are those of silence: the description has them.
"""

from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.errors import StageInputError
from kwsdata.states import initial_states
from kwstrain.runtime.onnx_session import open_session


class OnnxStream:
    """See `kwstrain.runtime.backend.Backend`."""

    def __init__(self, path: Path, info: dict[str, Any], threads: int, silence: np.ndarray) -> None:
        self._session = open_session(path, threads, info.get("sha256"))
        try:
            self._initial = initial_states(info["states"])
        except (KeyError, TypeError, ValueError) as error:
            raise StageInputError(
                f"model.json describes no states of {path} ({error!r}): type `dvc repro export`."
            ) from None
        wanted = {"features", *self._initial}
        found = {entry.name for entry in self._session.get_inputs()}
        if wanted != found:
            raise StageInputError(
                f"{path} takes {sorted(found)}, model.json says {sorted(wanted)}: type `dvc repro export`."
            )
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
