"""Check that an exported graph gives its model's scores, frame by frame and in one piece."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from kwsdata.draws import rng_for
from kwstrain.models import State, StreamingModel

SECONDS = 61.0
FAST_CALLS = 500


@dataclass(frozen=True)
class Parity:
    """Greatest absolute differences of the score, over `decisions` decisions."""

    decisions: int
    step_by_step: float  # graph against model, one decision at a time, both with state
    one_piece: float  # graph against model, all frames in one call
    across: float  # graph step by step against model in one piece
    states: float  # states, step by step, as a share of the state's greatest value: all that the scores come from
    step_us: float  # median time of one call for one decision, one thread

    @property
    def worst(self) -> float:
        """The greatest of all."""
        return max(self.step_by_step, self.one_piece, self.across, self.states)


class Session:
    """The graph in onnxruntime on one thread, with its state kept between calls."""

    def __init__(self, path: Path, model: StreamingModel) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._initial = [tensor.numpy() for tensor in model.initial_state(1)]
        self.reset()

    def reset(self) -> None:
        """Start a new stream."""
        self.state = self._initial

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Return the scores [decisions] of the next frames [frames, n_mels]."""
        given = {f"state_{number}": value for number, value in enumerate(self.state)}
        score, *self.state = self._session.run(None, {"features": frames[None]} | given)
        return score[0]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Give torch one thread: thousands of tiny steps would spend their time waking a second one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@_one_thread()
def measure(path: Path, model: StreamingModel, frames: np.ndarray) -> Parity:
    """Compare the graph at `path` with `model` on a stream of `frames` float32 [frames, n_mels]."""
    stride = model.stride
    frames = frames[: len(frames) // stride * stride]
    session = Session(path, model)
    graph_whole = session(frames)
    session.reset()
    model_whole, _ = _scores(model, frames, None)
    state: State | None = None
    graph_steps, model_steps, seconds, states = [], [], [], 0.0
    for start in range(0, len(frames), stride):
        step = frames[start : start + stride]
        began = time.perf_counter()
        graph_steps.append(session(step))
        seconds.append(time.perf_counter() - began)
        score, state = _scores(model, step, state)
        model_steps.append(score)
        states = max(states, *(_relative(a, b.numpy()) for a, b in zip(session.state, state, strict=True)))
    graph_stepped, model_stepped = np.concatenate(graph_steps), np.concatenate(model_steps)
    return Parity(
        decisions=len(graph_stepped),
        step_by_step=float(np.abs(graph_stepped - model_stepped).max()),
        one_piece=float(np.abs(graph_whole - model_whole).max()),
        across=float(np.abs(graph_stepped - model_whole).max()),
        states=states,
        step_us=round(float(np.median(seconds)) * 1e6, 1),
    )


def _scores(model: StreamingModel, frames: np.ndarray, state: State | None) -> tuple[np.ndarray, State]:
    with torch.inference_mode():
        logits, state = model(torch.from_numpy(frames)[None], state)
        return model.score(logits)[0].numpy(), state


def _relative(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max() / max(1.0, np.abs(other).max()))


def probe_sound(seconds: float = SECONDS) -> np.ndarray:
    """Return sound to compare on: noise and tone bursts at many levels, digital silence too; float32 [samples]."""
    rng = rng_for(0, "parity")
    pieces, total = [], 0
    while total < seconds * 16_000:
        count = int(rng.integers(1600, 8000))
        time_s = np.arange(count) / 16_000
        kind = rng.integers(3)
        piece = rng.normal(0, 0.3, count) if kind == 0 else np.sin(2 * np.pi * rng.uniform(80, 4000) * time_s)
        pieces.append(piece * (0.0 if kind == 2 else 10 ** rng.uniform(-3, 0)))
        total += count
    return np.clip(np.concatenate(pieces), -1, 1).astype(np.float32)
