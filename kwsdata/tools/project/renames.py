"""Params that got another name: each block of the schema says in `moved` what its keys of before are now."""

import typing
from collections.abc import Iterator

from kwsdata.params import Block, Params


def renames(root: type[Block] = Params) -> list[tuple[str, str]]:
    """Return (old name, new name) of each param that moved, as in `-S old.name=value`."""
    return list(_moved(root, ""))


def _moved(block: type[Block], where: str) -> Iterator[tuple[str, str]]:
    for old, new in block.moved.items():
        yield f"{where}{old}", f"{where}{new}"
    for name, field in block.model_fields.items():
        for kind in (field.annotation, *typing.get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, Block):
                yield from _moved(kind, f"{where}{field.alias or name}.")
