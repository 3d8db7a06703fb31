"""The default params, for programs that run outside a project."""

from kwsdata.params import Params, load_params
from kwsdata.tools.project.shipped import shipped_folder


def default_params() -> Params:
    """Return the params that a new project starts with; `load_params` reads a project's own.

    >>> default_params().augment.effects.noise.snr_db
    Range(low=0.0, high=30.0)

    Raises:
        KwsError: the installation is incomplete.
    """
    return load_params(shipped_folder() / "params.yaml")
