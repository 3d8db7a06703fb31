"""Params that got another name, and names in lists that did: each block of the schema says which (`moved`, ...)."""

import typing
from collections.abc import Iterator

from kwsdata.params import Block, Params


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
