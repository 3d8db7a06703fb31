"""The files that new projects are made of: the wheel carries them, a checkout has them at its root."""

from pathlib import Path

from kwsdata.errors import KwsError
from kwsdata.params.files import FILES

_PACKED = Path(__file__).parent / "shipped"  # put there by setup.py
_CHECKOUT = Path(__file__).resolve().parents[3]


def shipped_folder() -> Path:
    """Return the folder that holds `dvc.yaml`, `params.yaml`, `params` and what else a project starts with.

    Raises:
        KwsError: the installation is incomplete.
    """
    for folder in (_PACKED, _CHECKOUT):
        if (folder / "dvc.yaml").is_file():
            return folder
    raise KwsError(f"{_PACKED} is missing: the installation is incomplete. Install kwsdata again.")


def shipped_text(name: str) -> str:
    """Return the text of one of these files.

    Raises:
        KwsError: the installation is incomplete.
    """
    return (shipped_folder() / name).read_text(encoding="utf-8")


def shipped_params() -> dict[str, str]:
    """Return {file: its text} of the params that a project starts with.

    Raises:
        KwsError: the installation is incomplete.
    """
    return {file: shipped_text(file) for file in FILES}
