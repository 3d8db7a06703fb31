"""Bring params files of an older version up to the installed one; comments, order and values of the user's stay."""

import os
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError
from ruamel.yaml.comments import CommentedMap

from kwsdata.errors import ParamsError
from kwsdata.params import Block, Params, load_params
from kwsdata.params.files import BESIDE, FILES, PARAMS_FILE, home, merged, misplaced
from kwsdata.params.reading import read_values, text_of
from kwsdata.tools.project.params_layout import SPREAD, spread
from kwsdata.tools.project.yaml_text import dump, load

_GONE = object()


@dataclass(frozen=True)
class ParamsChange:
    """The new text of each params file, the same as the old where nothing is to be done, and a line for each change."""

    texts: Mapping[str, str]
    notes: tuple[str, ...] = ()
    blocks: frozenset[str] = frozenset()  # that hold a name or value which they did not


def updated_params(folder: Path, shipped: Mapping[str, str], renames: Sequence[tuple[str, str]]) -> ParamsChange:
    """Return the params files of a project as the installed version reads them.

    Renamed params keep their values; new ones get the value that the package comes with; ones that are no more go. A
    params.yaml that holds every number, as those of before did, becomes several files.

    Args:
        folder: the project.
        shipped: {file of `FILES`: the text of the package's own}.
        renames: (old name, new name), in this order.

    Raises:
        ParamsError: a file cannot be read, the files hold a renamed param under both names, or they are not valid in
            the end for another reason (a value out of range); its message says what to mend.
    """
    path = folder / PARAMS_FILE
    ours = {file: load(text) for file, text in shipped.items()}
    before, documents = _read(folder, ours)
    notes, blocks = [], set()
    for old, new in renames:
        if _rename(path, documents, old, new):
            notes.append(f"{old} is now {new}")
            blocks |= {old.split(".")[0], new.split(".")[0]}
    for name, items in renamed_items().items():
        for old, new in items.items():
            if any(_rename_item(document, name.split("."), old, new) for document in documents.values()):
                notes.append(f"{name}: {old} is now {new}")
                blocks.add(name.split(".")[0])
    if len(documents) == 1:
        documents, added = spread(documents[PARAMS_FILE], shipped)
        notes += [SPREAD, *(f"{name} is new: {_short(value)}" for name, value in added)]
        blocks |= {name.split(".")[0] for name, _ in added}
    for where, kind in _problems(documents):
        name = ".".join(map(str, where))
        if kind == "missing":
            for file in [file for file in FILES if _get(ours[file], where) is not _GONE]:  # a block may be in several
                _add(documents[file], ours[file], where)
                notes.append(f"{name} is new: {_short(_get(ours[file], where))}")
                blocks.add(str(where[0]))
        elif kind == "extra_forbidden":
            for document in [document for document in documents.values() if _get(document, where) is not _GONE]:
                notes.append(f"{name} is no more and was taken out; it was {_short(_get(document, where))}")
                del _get(document, where[:-1])[where[-1]]
                blocks.add(str(where[0]))
    strangers = {file: list(misplaced(document, file)) for file, document in documents.items()}
    for file, name in ((file, name) for file, names in strangers.items() for name in names):
        _move(folder, documents, file, name)
        notes.append(f"{name} stands in {home(name)} now")
    texts = {file: dump(document) for file, document in documents.items()} if notes else before
    check_params(folder, texts)
    return ParamsChange(texts, tuple(notes), frozenset(blocks))


def _read(folder: Path, ours: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return {file: its text} and {file: its document}; of params.yaml alone where that still holds all."""
    missing = [file for file in BESIDE if not (folder / file).exists()]
    first = text_of(folder / PARAMS_FILE)
    read_values(folder / PARAMS_FILE, Params)  # in its words, what is no YAML
    document = load(first)
    elsewhere = {block for file in missing for block in ours[file] if block not in ours[PARAMS_FILE]}
    if not elsewhere.isdisjoint(document):
        return {PARAMS_FILE: first}, {PARAMS_FILE: document}
    texts = {PARAMS_FILE: first}
    for file in BESIDE:
        read_values(folder / file, Params)
        texts[file] = text_of(folder / file)
    return texts, {file: load(text) for file, text in texts.items()}


def _move(folder: Path, documents: Mapping[str, Any], file: str, name: str) -> None:
    """Move a value from `file` to the file where it belongs; where that has the same, from `file` alone."""
    where, target = name.split("."), documents[home(name)]
    value, there = _get(documents[file], where), _get(target, where)
    if there is _GONE:
        for part in where[:-1]:
            target = target.setdefault(part, CommentedMap())
        target[where[-1]] = value
    elif there != value:
        raise ParamsError(
            f"{folder / file} and {folder / home(name)} hold {name}, which belongs in the latter: delete it from the "
            "former, then try again."
        )
    for depth in range(len(where), 0, -1):
        block = _get(documents[file], where[: depth - 1])
        if depth == len(where) or not block[where[depth - 1]]:
            del block[where[depth - 1]]


def _rename(path: Path, documents: Mapping[str, Any], old_name: str, new_name: str) -> bool:
    """Move a value to its new name, in the file where that stands; False where the old name is not there."""
    old, new = old_name.split("."), new_name.split(".")
    source = next((document for document in documents.values() if _get(document, old) is not _GONE), None)
    if source is None:
        return False
    if any(_get(document, new) is not _GONE for document in documents.values()):
        raise ParamsError(
            f"{path} holds {old_name} and {new_name}, which is its new name: delete one of them, then try again."
        )
    value, block = _get(source, old), _get(source, old[:-1])
    target = documents.get(home(new_name), source)
    for part in new[:-1]:
        target = target.setdefault(part, CommentedMap())
    place = list(block).index(old[-1]) if block is target else len(target)
    comment = block.ca.items.get(old[-1])
    del block[old[-1]]
    target.insert(place, new[-1], value)
    if comment is not None:
        target.ca.items[new[-1]] = comment
    return True


def _rename_item(document: Any, where: list[str], old: str, new: str) -> bool:
    """Give a name in a list its new name; False where the old one is not there."""
    items = _get(document, where)
    if not isinstance(items, list) or old not in items:
        return False
    items[items.index(old)] = new
    return True


def _add(document: Any, ours: Any, where: Sequence[Any]) -> None:
    """Put what `ours` holds at `where` into `document`, after the key that it follows there, with its comment."""
    *blocks, key = where
    target, source = document, _get(ours, blocks)
    for part in blocks:
        target = target.setdefault(part, CommentedMap())
    order = list(source)
    earlier = [name for name in order[: order.index(key)] if name in target]
    place = list(target).index(earlier[-1]) + 1 if earlier else 0
    target.insert(place, key, source[key])
    if (comment := source.ca.items.get(key)) is not None:
        target.ca.items[key] = comment


def _problems(documents: Mapping[str, Any]) -> list[tuple[tuple[Any, ...], str]]:
    """Return (where, kind) of what the schema says of the values: "missing", "extra_forbidden" and others."""
    try:
        Params.model_validate(merged(documents))
    except ValidationError as error:
        return [(problem["loc"], problem["type"]) for problem in error.errors()]
    return []


def check_params(folder: Path, texts: Mapping[str, str], first: str = PARAMS_FILE) -> Params:
    """Return the params that `texts` ({file: text}) would be in `folder`; raise ParamsError as `load_params` does."""
    with TemporaryDirectory() as scratch:
        write_params(Path(scratch), texts)
        try:
            return load_params(Path(scratch) / first)
        except ParamsError as error:
            raise ParamsError(str(error).replace(f"{scratch}{os.sep}", f"{folder}{os.sep}")) from None


def write_params(folder: Path, texts: Mapping[str, str]) -> None:
    """Write {file: text} below `folder`."""
    for file, text in texts.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")


def _get(values: Any, where: Sequence[Any]) -> Any:
    for part in where:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return _GONE
    return values


def _short(value: Any) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{key}: {_short(each)}" for key, each in value.items())
        return f"{{{inside}}}"
    return "null" if value is None else str(value)


def renames(root: type[Block] = Params) -> list[tuple[str, str]]:
    """Return (old name, new name) of each param that moved, as in `-S old.name=value`."""
    return list(_moved(root, ""))


def renamed_items(root: type[Block] = Params) -> dict[str, dict[str, str]]:
    """Return {param that is a list of names: {name of before: its name now}}."""
    return dict(_renamed_items(root, ""))


def _renamed_items(block: type[Block], where: str) -> Iterator[tuple[str, dict[str, str]]]:
    for key, names in block.renamed_items.items():
        yield f"{where}{key}", dict(names)
    for name, kind in _blocks(block):
        yield from _renamed_items(kind, f"{where}{name}.")


def _moved(block: type[Block], where: str) -> Iterator[tuple[str, str]]:
    for old, new in block.moved.items():
        yield f"{where}{old}", f"{where}{new}"
    for name, kind in _blocks(block):
        yield from _moved(kind, f"{where}{name}.")


def _blocks(block: type[Block]) -> Iterator[tuple[str, type[Block]]]:
    """Yield the blocks in a block, by name."""
    for name, field in block.model_fields.items():
        for kind in (field.annotation, *typing.get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, Block):
                yield field.alias or name, kind
