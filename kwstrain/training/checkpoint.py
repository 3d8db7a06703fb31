"""Checkpoints: the whole state of a run at one step, from which an interrupted run goes on.

No generator's state is needed, since every draw is keyed by its step.
"""

import hashlib
import io
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kwsdata.clips.content import file_hash
from kwsdata.errors import StageInputError
from kwsdata.execution.cache import Step, read_sealed, write_sealed
from kwsdata.files.atomic import atomic_path
from kwsdata.params import Params
from kwstrain.training.alarms import FILE as ALARMS

LOG = logging.getLogger(__name__)
TRAIN = Step("train", "kwstrain.training.loop")
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


def work_directory(
    params: Params,
    features: Path,
    taught: Path | None = None,
    *key: object,
    step: Step = TRAIN,
    trunk: Path | None = None,
    alarms: Path | None = None,
) -> Path:
    """Return where a run keeps its checkpoint: a path that belongs to all that decides its result.

    Those are the code of `step`, the params it reads, the bytes of the features, of a teacher's answers, of a trunk and
    of false alarms, and `key`.

    Raises:
        StageInputError: a feature store is missing.
    """
    blocks = ("loss", "distill", "train", "mining", "streaming", "warm_up", "evaluate")
    return step.workspace(
        model=params.model.described(),
        params={name: getattr(params, name).model_dump(mode="json") for name in blocks},
        features=_contents(features),
        taught=_hashes(taught) if taught else None,
        trunk=_hashes(trunk) if trunk else None,
        alarms=file_hash(alarms / ALARMS) if alarms else None,
        key=[str(part) for part in key],
    )


def _contents(features: Path) -> dict[str, dict[str, str]]:
    for store in ("train", "dev"):
        if not (features / store / "store.json").exists():
            raise StageInputError(f"{features / store} is missing: type `dvc repro featurize` to make it.")
    return {store: _hashes(features / store) for store in ("train", "dev")}


def _hashes(directory: Path) -> dict[str, str]:
    return {path.name: file_hash(path) for path in sorted(directory.iterdir()) if path.is_file()}


def save_progress(path: Path, progress: Progress) -> None:
    """Write `progress` under its hash, atomically."""
    write_sealed(path, _packed(asdict(progress)))


def load_progress(path: Path) -> Progress | None:
    """Return what `save_progress` wrote to `path`; None if there is nothing, or it is damaged, which is said once."""
    data = read_sealed(path)
    if data is not None:
        return Progress(**torch.load(io.BytesIO(data), map_location="cpu", weights_only=True))
    if path.exists():
        LOG.warning("%s is damaged: training begins anew.", path)
        path.unlink(missing_ok=True)
    return None


def save_tensors(path: Path, value: Any) -> None:
    """Write tensors and plain values for `torch.load(weights_only=True)`; the same value gives the same bytes."""
    with atomic_path(path) as scratch:
        scratch.write_bytes(_packed(value))


def _packed(value: Any) -> bytes:
    buffer = io.BytesIO()  # torch.save puts a file's name into the file
    torch.save(value, buffer)
    return buffer.getvalue()


def weights_digest(weights: Weights) -> str:
    """Return the SHA-256 hex digest of `weights`: names and values."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
