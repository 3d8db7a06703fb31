"""List the losses by the name that `loss.name` gives them, and build the one that params describe."""

from collections.abc import Callable, Sequence

from kwsdata.params import LossParams
from kwstrain.losses.classification import build_focal
from kwstrain.losses.objective import Objective

LOSSES: dict[str, Callable[[LossParams, Sequence[float]], Objective]] = {
    "ce": build_focal,  # with gamma 0
    "weighted_ce": build_focal,
    "focal": build_focal,
}


def build_loss(params: LossParams, shares: Sequence[float]) -> Objective:
    """Return the loss that `params` describe.

    Args:
        params: the block `loss`.
        shares: of the decisions in a training batch, by class: what `class_weights: frequency` is inverse to.

    Raises:
        ParamsError: a list of weights has not one for each class.
    """
    return LOSSES[params.name](params, shares)
