"""Read and write a student's trunk (all but the last layer), and find those that ship with the package.

    trunk.npz    the weights by their names, float16 (statistics of normalisation as well)
    trunk.json   model, features and embedder that it is of, how it was made, how well it does

One that was taught speech (see `kwstrain.stages.pretrain`) is where training on a word starts.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kwsdata.errors import ParamsError, StageInputError
from kwsdata.files.arrays import arrays_in
from kwsdata.files.atomic import atomic_path, read_json, write_json
from kwsdata.params import FeaturesParams, ModelParams
from kwstrain.models import StreamingModel

WEIGHTS, DESCRIPTION = "trunk.npz", "trunk.json"
SHIPPED = Path(__file__).parent / "trunks"


@dataclass(frozen=True)
class Trunk:
    """Weights by name, and what they are of: `model` and `features` as in params.yaml, and how they were made."""

    weights: dict[str, np.ndarray]
    info: dict[str, Any]

    def write(self, directory: Path) -> None:
        """Write both files into the existing `directory`; the same trunk gives the same bytes."""
        with atomic_path(directory / WEIGHTS) as scratch, open(scratch, "wb") as file:
            halves: dict[str, Any] = {name: value.astype(np.float16) for name, value in sorted(self.weights.items())}
            np.savez(file, **halves)
        write_json(directory / DESCRIPTION, self.info)

    def into(self, model: StreamingModel) -> None:
        """Set the trunk of `model`; its last layer stays as it is.

        Raises:
            StageInputError: the weights are not those of such a model.
        """
        state = model.state_dict()
        names = [name for name in state if of_trunk(name, model)]
        other = set(names) ^ set(self.weights)
        other |= {name for name in set(names) & set(self.weights) if self.weights[name].shape != state[name].shape}
        if other:
            raise StageInputError(
                f"the trunk is not of this student ({sorted(other)[0]} differs): type `dvc repro pretrain`, which "
                "makes one that is, or says why it cannot."
            )
        for name in names:
            state[name].copy_(torch.from_numpy(self.weights[name].astype(np.float32)))


def trunk_of(model: StreamingModel, info: dict[str, Any]) -> Trunk:
    """Return the trunk of `model`."""
    weights = {name: value.cpu().numpy().copy() for name, value in model.state_dict().items() if of_trunk(name, model)}
    return Trunk(weights, info)


def of_trunk(name: str, model: StreamingModel) -> bool:
    """Return whether the tensor called `name` in the state of `model` is of its trunk."""
    return not (name == "silence" or name.startswith(f"{model.last_layer}.") or name.endswith("num_batches_tracked"))


def load_trunk(directory: Path) -> Trunk | None:
    """Return the trunk of `directory`; None where its description says that none is wanted.

    Raises:
        StageInputError: a file is missing or damaged.
    """
    info = read_json(Path(directory) / DESCRIPTION)
    if info["trunk"] is None:
        return None
    return Trunk(arrays_in(Path(directory) / WEIGHTS, "dvc repro pretrain"), info)


def shipped_trunk(model: ModelParams, features: FeaturesParams) -> Trunk:
    """Return the trunk that comes with the package for `model` on `features`.

    Raises:
        ParamsError: there is none.
    """
    wanted = trunk_key(model, features)
    known = []
    for directory in sorted(path.parent for path in SHIPPED.glob(f"*/{DESCRIPTION}")):
        info = read_json(directory / DESCRIPTION)
        known.append(directory.name)
        if {name: info[name] for name in wanted} == wanted:
            trunk = load_trunk(directory)
            assert trunk is not None
            return trunk
    raise ParamsError(
        f"pretrain.trunk: shipped, but none ships for this student ({model.name}) on these features "
        f"({features.frontend}); there are {', '.join(known)}. Set pretrain.trunk to own (it is trained here, in some "
        "minutes) or to null (none)."
    )


def trunk_key(model: ModelParams, features: FeaturesParams) -> dict[str, Any]:
    """Return what a trunk belongs to, as plain values: the model but its dropout, and the features."""
    described = {name: value for name, value in model.described().items() if name != "dropout"}
    return {"model": described, "features": features.model_dump(mode="json")}
