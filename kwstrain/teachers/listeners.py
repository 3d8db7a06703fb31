"""Run a teacher on a clip: one interface for trained teachers and a user's own.

Answer j has heard the clip's samples up to j hop + window, and depends on the last `context` of them. `hears` says what
the clip is given as: frames of the store `features` or `embedded` [frames, n_mels], or its `wave` [samples].
"""

import importlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch

from kwsdata.audio import Waveform
from kwsdata.draws import digest_of
from kwsdata.errors import ParamsError, StageInputError
from kwsdata.files.atomic import read_json, sha256_of, stamp_of
from kwsdata.runtime.embedders import OnnxEmbedder
from kwstrain.answers import CERTAIN
from kwstrain.teachers.weights import FILE, load_teacher
from kwstrain.teachers.windowed import WindowedTeacher


class TeacherOutput(NamedTuple):
    """Answers to one clip: log_odds float32 [answers], of the keyword; embedding float32 [answers, dim]."""

    log_odds: np.ndarray
    embedding: np.ndarray


class Listener(Protocol):
    """What every teacher offers."""

    hears: str
    identity: str  # a hash of everything that decides the answers
    hop: int  # samples
    window: int  # samples
    context: int | None  # samples; None: not known, an answer may depend on all that was heard
    dim: int  # of the embedding; 0: it has none

    def __call__(self, heard: np.ndarray) -> TeacherOutput:
        """Return the answers to a whole clip."""
        ...


class TrainedListener:
    """A teacher of `kwstrain.teachers`. Before a clip it hears the clip's first frame, as it did in training."""

    def __init__(
        self, model: WindowedTeacher, identity: str, frame_hop: int, frame_window: int, frame_context: int
    ) -> None:
        self._model = model.eval()
        self.hears, self.identity, self.dim = model.hears, identity, model.dim
        self.hop = model.stride * frame_hop
        self.window = (model.stride - 1) * frame_hop + frame_window
        self.context: int | None = (model.receptive_field - 1) * frame_hop + frame_context

    def __call__(self, heard: np.ndarray) -> TeacherOutput:
        """See `Listener`."""
        model = self._model
        whole = len(heard) // model.stride * model.stride
        if whole == 0:
            return TeacherOutput(np.zeros(0, np.float32), np.zeros((0, self.dim), np.float32))
        frames = np.pad(heard[:whole].astype(np.float32), ((model.receptive_field - model.stride, 0), (0, 0)), "edge")
        with torch.inference_mode():
            embedding = model.window_embeddings(torch.from_numpy(frames)[None])[0]
            logits = model.head(embedding)
        return TeacherOutput(_bounded((logits[:, 1] - logits[:, 0]).numpy()), embedding.numpy())


class OnnxListener:
    """An .onnx file with an embedder's contract beside it (kwsdata.runtime.embedders.onnx_file), and in it `output`.

    The first output is one number a window: `log_odds`, or the keyword's `probability`. Before a clip there is silence.
    """

    hears, dim = "wave", 0

    def __init__(self, path: Path) -> None:
        """Load `path`.

        Raises:
            StageInputError: a file is missing, or does not do what its contract says.
        """
        self._network = OnnxEmbedder(path)
        self._output = read_json(path.with_suffix(".json")).get("output")
        if self._network.dim != 1 or self._output not in ("log_odds", "probability"):
            raise StageInputError(
                f"{path} gives {self._network.dim} numbers a window and its contract's output is {self._output!r}: a "
                "teacher gives one, and says whether it is `log_odds` or `probability`."
            )
        self.identity = self._network.identity
        self.hop = self.window = self._network.hop
        self.context: int | None = self._network.window

    def __call__(self, heard: Waveform) -> TeacherOutput:
        """See `Listener`."""
        said = self._network.embed(np.pad(heard, (max(0, self._network.window - self.hop), 0)))[:, 0]
        if self._output == "probability":
            said = said.astype(np.float64)
            said = np.log(np.maximum(said, 1e-30)) - np.log(np.maximum(1 - said, 1e-30))
        return TeacherOutput(_bounded(said), np.zeros((len(said), 0), np.float32))


def entry_point(name: str) -> Listener:
    """Return what `name`, `module:function`, returns when called: a teacher with all that `Listener` names.

    Its `context` may be missing: then it is not known.

    Raises:
        ParamsError: there is no such module or function, or what it returns lacks something.
    """
    module, _, function = name.partition(":")
    try:
        made = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError) as error:
        raise ParamsError(f"teacher.path = {name!r} cannot be loaded: {error}.") from None
    missing = [field for field in ("hears", "identity", "hop", "window", "dim", "__call__") if not hasattr(made, field)]
    if missing:
        raise ParamsError(f"teacher.path = {name!r} returns a teacher without {', '.join(missing)}.")
    if made.hears != "wave":
        raise ParamsError(f"teacher.path = {name!r} hears {made.hears!r}: a teacher of your own hears `wave`.")
    made.context = getattr(made, "context", None)
    return made


def load_listener(directory: Path, trusted: str | None = None) -> Listener:
    """Return the teacher of `directory` (data/models/teacher), made once a process and teacher.

    Args:
        directory: what `train_teacher` wrote, here or elsewhere: data that may have been fetched.
        trusted: the entry point that params.yaml names (`teacher.path`), if it does: no other code is run, whatever
            the directory says.

    Raises:
        StageInputError: a file is missing or damaged, or the directory names code that is not `trusted`.
        ParamsError: an entry point cannot be loaded.
    """
    return _load_listener(directory, trusted, stamp_of(directory))


@lru_cache(maxsize=1)
def _load_listener(directory: Path, trusted: str | None, stamp: object) -> Listener:
    info = read_json(directory / "teacher.json")
    if info["teacher"] != "own":
        model = load_teacher(directory, info)
        identity = digest_of("teacher", torch.__version__, sha256_of(directory / FILE))
        frame = (info[f"frame_{name}_samples"] for name in ("hop", "window", "context"))
        return TrainedListener(model, identity, *frame)
    path = info.get("path")
    if not isinstance(path, str):
        raise StageInputError(f"{directory / 'teacher.json'} names no teacher (path = {path!r}): remake it.")
    if path.endswith(".onnx"):
        return OnnxListener(directory / "own.onnx")
    if path != trusted:
        raise StageInputError(
            f"{directory / 'teacher.json'} asks to run the code {path!r}, which params.yaml does not name: nothing of "
            f"it was run. If you trust it, set teacher.name to own and teacher.path to {path} there; else type `dvc "
            "repro train_teacher`."
        )
    return entry_point(path)


def own_teacher(path: str) -> Listener:
    """Return a user's teacher: an .onnx file, or `module:function`.

    Raises as `OnnxListener` and `entry_point` do.
    """
    return OnnxListener(Path(path)) if path.endswith(".onnx") else entry_point(path)


def _bounded(log_odds: np.ndarray) -> np.ndarray:
    return np.clip(log_odds, -CERTAIN, CERTAIN).astype(np.float32)
