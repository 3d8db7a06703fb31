"""The whole of a run at one step, on disk: what an interrupted run goes on from.

No generator's state is needed, since every draw is keyed by its step.
"""

import hashlib
import io
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kwsdata.cache import entry
from kwsdata.draws import digest_of
from kwsdata.errors import StageInputError
from kwsdata.files import atomic_path, sha256_of
from kwsdata.params import Params

Weights = dict[str, Tensor]


@dataclass
class Progress:
    """How far a run is. `project`: of `distill.Windowed`. `best`: the weights with the best dev result, `best_row`: its
    row of `history`, which has one row a measurement; `since_best`: measurements since."""

    step: int = 0
    model: Weights = field(default_factory=dict)
    project: Weights = field(default_factory=dict)
    average: Weights = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    best: Weights = field(default_factory=dict)
    best_row: dict[str, Any] = field(default_factory=dict)
    since_best: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: {"train": 0.0, "data_wait": 0.0, "dev": 0.0})

    def timing(self) -> dict[str, float]:
        """Return how long the steps and the measurements took in s, and how much of it was waiting for data."""
        train = max(self.seconds["train"], 1e-9)
        return {
            "seconds": round(self.seconds["train"] + self.seconds["dev"], 1),
            "dev_seconds": round(self.seconds["dev"], 1),
            "steps_per_second": round(self.step / train, 2),
            "data_wait_share": round(self.seconds["data_wait"] / train, 4),
        }


def work_directory(params: Params, features: Path, taught: Path | None = None, *key: object) -> Path:
    """Return where a run keeps its checkpoint: a path that belongs to all that decides its result.

    Those are the params it reads, the bytes of the features and of a teacher's answers, and `key`.

    Raises:
        StageInputError: a feature store is missing.
    """
    blocks = (params.loss, params.distill, params.train, params.mining, params.streaming, params.evaluate)
    dumps = [json.dumps(params.model.described()), *(block.model_dump_json() for block in blocks)]
    answers = [sha256_of(path) for path in sorted(taught.iterdir())] if taught else []
    return entry("train", torch.__version__, *dumps, _digest(features), *answers, *key)


def _digest(features: Path) -> str:
    parts: list[str] = []
    for store in ("train", "dev"):
        if not (features / store / "store.json").exists():
            raise StageInputError(f"{features / store} is missing: type `dvc repro featurize` to make it.")
        for path in sorted((features / store).iterdir()):
            parts += [f"{store}/{path.name}", sha256_of(path)]
    return digest_of(*parts)


def save_progress(path: Path, progress: Progress) -> None:
    """Write `progress`, atomically."""
    save_tensors(path, asdict(progress))


def load_progress(path: Path) -> Progress | None:
    """Return what `save_progress` wrote to `path`; None if there is nothing, or nothing that can be read."""
    try:
        return Progress(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception:  # torch raises pickle, zip, key and runtime errors without a common base class
        return None


def save_tensors(path: Path, value: Any) -> None:
    """Write tensors and plain values for `torch.load(weights_only=True)`; the same value gives the same bytes."""
    buffer = io.BytesIO()  # torch.save puts a file's name into the file
    torch.save(value, buffer)
    with atomic_path(path) as scratch:
        scratch.write_bytes(buffer.getvalue())


def weights_digest(weights: Weights) -> str:
    """Return the SHA-256 hex digest of `weights`: names and values."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
