"""Bring a params file of an older version up to the installed one; comments, order and values of the user's stay."""

import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError
from ruamel.yaml.comments import CommentedMap

from kwsdata.errors import ParamsError
from kwsdata.params import Block, Params, load_params
from kwsdata.params.reading import read_values, text_of
from kwsdata.tools.project.yaml_text import dump, load

_GONE = object()


@dataclass(frozen=True)
class ParamsChange:
    """The new text of a params file, the same as the old where nothing is to be done, and a line for each change."""

    text: str
    notes: tuple[str, ...] = ()
    blocks: frozenset[str] = frozenset()  # that hold a name or value which they did not


def updated_params(path: Path, shipped: str, renames: Sequence[tuple[str, str]]) -> ParamsChange:
    """Return the params file `path` as the installed version reads it.

    Renamed params keep their values; new ones get the value that the package comes with; ones that are no more go.

    Args:
        path: the user's file.
        shipped: the text of the package's own.
        renames: (old name, new name), in this order.

    Raises:
        ParamsError: the file cannot be read, holds a renamed param under both names, or is not valid in the end for
            another reason (a value out of range); its message says what to mend.
    """
    before = text_of(path)
    read_values(path, Params)  # in its words, what is no YAML
    document, ours = load(before), load(shipped)
    notes, blocks = [], set()
    for old, new in renames:
        if _rename(path, document, old.split("."), new.split(".")):
            notes.append(f"{old} is now {new}")
            blocks |= {old.split(".")[0], new.split(".")[0]}
    for name, items in renamed_items().items():
        for old, new in items.items():
            if _rename_item(document, name.split("."), old, new):
                notes.append(f"{name}: {old} is now {new}")
                blocks.add(name.split(".")[0])
    for where, kind in _problems(document):
        name = ".".join(map(str, where))
        if kind == "missing" and (value := _get(ours, where)) is not _GONE:
            _add(document, ours, where)
            notes.append(f"{name} is new: {_short(value)}")
            blocks.add(str(where[0]))
        elif kind == "extra_forbidden" and (value := _get(document, where)) is not _GONE:
            del _get(document, where[:-1])[where[-1]]
            notes.append(f"{name} is no more and was taken out; it was {_short(value)}")
            blocks.add(str(where[0]))
    text = dump(document) if notes else before
    _check(path, text)
    return ParamsChange(text, tuple(notes), frozenset(blocks))


def _rename(path: Path, document: Any, old: list[str], new: list[str]) -> bool:
    """Move a value to its new name; False where the old name is not there."""
    value = _get(document, old)
    if value is _GONE:
        return False
    names = ".".join(old), ".".join(new)
    if _get(document, new) is not _GONE:
        raise ParamsError(
            f"{path} holds {names[0]} and {names[1]}, which is its new name: delete one of them, then try again."
        )
    block, target = _get(document, old[:-1]), document
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
    target, source = _get(document, blocks), _get(ours, blocks)
    order = list(source)
    earlier = [name for name in order[: order.index(key)] if name in target]
    place = list(target).index(earlier[-1]) + 1 if earlier else 0
    target.insert(place, key, source[key])
    if (comment := source.ca.items.get(key)) is not None:
        target.ca.items[key] = comment


def _problems(document: Any) -> list[tuple[tuple[Any, ...], str]]:
    """Return (where, kind) of what the schema says of the values: "missing", "extra_forbidden" and others."""
    try:
        Params.model_validate(document)
    except ValidationError as error:
        return [(problem["loc"], problem["type"]) for problem in error.errors()]
    return []


def _check(path: Path, text: str) -> None:
    with TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_text(text, encoding="utf-8")
        try:
            load_params(copy)
        except ParamsError as error:
            raise ParamsError(str(error).replace(str(copy), str(path))) from None


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
