"""Params for programs: those that a new project starts with, and changes of a project's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kwsdata.files.text_files import rewrite
from kwsdata.params import Params, load_params
from kwsdata.params.files import BESIDE, PARAMS_FILE, home, is_split
from kwsdata.tools.project.params_file import check_params
from kwsdata.tools.project.params_layout import in_one_line
from kwsdata.tools.project.shipped import shipped_folder
from kwsdata.tools.project.yaml_text import dump, load


def default_params() -> Params:
    """Return the params that a new project starts with; `load_params` reads a project's own.

    >>> default_params().augment.effects.noise.snr_db
    Range(low=-5.0, high=25.0)

    Raises:
        KwsError: the installation is incomplete.
    """
    return load_params(shipped_folder() / PARAMS_FILE)


def change_params(changes: Mapping[str, Any], path: Path = Path(PARAMS_FILE)) -> Params:
    """Set numbers of a project, each in the file that it stands in; comments and all else stay.

    Args:
        changes: {block: {key: value}}, as deep as needed; mappings are merged, all else is replaced.
        path: params.yaml of the project; the files in `params` are those beside it.

    Returns:
        The params as they are now.

    Raises:
        ParamsError: a key is unknown, or a value out of range; the message names the file. Nothing is written.
        OSError: a file is missing or cannot be written.
    """
    path = Path(path)
    beside = [file for file in BESIDE if (path.parent / file).exists()]
    texts = {path.name: path.read_text(encoding="utf-8")}
    texts |= {file: (path.parent / file).read_text(encoding="utf-8") for file in beside}
    documents = {file: load(text) for file, text in texts.items()}
    for name, value in _leaves(changes, ""):
        file = home(name)
        *blocks, key = name.split(".")
        block = documents[file if file in beside else path.name]
        for part in blocks:
            block = block.setdefault(part, {})
        _lay_over(block, key, value)
    changed = {file: dump(document) for file, document in documents.items()}
    params = check_params(path.parent, changed, path.name)
    for file, text in changed.items():
        rewrite(path.parent / file, lambda _, text=text: text.encode())  # type: ignore[misc]  # mypy: no default here
    return params


def _leaves(changes: Mapping[str, Any], before: str) -> list[tuple[str, Any]]:
    """Return (name, value) of changes, each of which belongs whole in one file."""
    found = []
    for key, value in changes.items():
        name = f"{before}{key}"
        inside = isinstance(value, Mapping) and is_split(name)
        found += _leaves(value, f"{name}.") if inside else [(name, value)]
    return found


def _lay_over(block: Any, key: str, value: Any) -> None:
    if isinstance(value, Mapping) and isinstance(block.get(key), Mapping) and block[key]:
        for inner, each in value.items():
            _lay_over(block[key], inner, each)
    else:
        block[key] = in_one_line(value)
