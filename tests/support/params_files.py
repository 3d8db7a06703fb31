"""The project's own params, for tests: all values, or copies of the files."""

import shutil
from pathlib import Path
from typing import Any

import yaml
from imports import ROOT

from kwsdata.params import Params
from kwsdata.params.files import FILES, read_merged


def whole_values() -> dict[str, Any]:
    """Return all values, as one file without others beside it may hold them."""
    return read_merged(ROOT / "params.yaml", Params)


def write_whole(path: Path, values: dict[str, Any] | None = None) -> None:
    """Write one file that holds all values, by default the project's."""
    path.write_text(yaml.safe_dump(whole_values() if values is None else values, sort_keys=False))


def copy_params(folder: Path) -> Path:
    """Copy params.yaml and the files beside it into `folder`; return the first one."""
    for file in FILES:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, folder / file)
    return folder / "params.yaml"
