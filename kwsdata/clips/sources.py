"""Find the ids of recordings and rooms in an effect's draw by the type `SourceId`.

A draw that holds the id of a sound gives it the type `SourceId`. Cache keys, a clip's `custom["sources"]` and the
licence gate follow from that; nothing lists the ids a second time. A draw that forgets the type is found out: what a
recipe does not name, `SoundPool.only` and `RirBank.only` do not hand out.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import is_dataclass
from functools import lru_cache
from itertools import repeat
from types import UnionType
from typing import Any, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

from kwsdata.errors import KwsError

SourceId = NewType("SourceId", str)

PoolT = TypeVar("PoolT")


class UnnamedSourceError(KwsError):
    """An effect reads a sound that its draw does not name."""


def source_ids(draw: Any) -> tuple[SourceId, ...]:
    """Return the ids in the fields of a draw (a dataclass) that have the type `SourceId`, each once, in their order.

    They may lie in lists, tuples, sets and mappings, be one of several types, or lie in a further dataclass.

    >>> from dataclasses import make_dataclass
    >>> Draw = make_dataclass("Draw", [("voices", list[SourceId]), ("codec", str), ("room", SourceId | None)])
    >>> source_ids(Draw(["ada", "bob"], "mp3", None))
    ('ada', 'bob')
    """
    kind: Any = type(draw)
    return tuple(dict.fromkeys(_in_fields(draw))) if _hints(kind) else ()


def view_of(pool: PoolT, named: Iterable[SourceId]) -> PoolT:
    """Return a view of `pool` that shares all with it but `named`, the ids that may be read."""
    view = object.__new__(type(pool))
    view.__dict__.update(pool.__dict__, named=frozenset(named))  # copy() takes thrice as long
    return view


def check_named(sound_id: str, named: frozenset[str] | None) -> None:
    """Do nothing if the id is among `named`, or that is None.

    Raises:
        UnnamedSourceError: it is not.
    """
    if named is not None and sound_id not in named:
        raise UnnamedSourceError(
            f"an effect reads {sound_id}, which no draw of its recipe names: give the field that holds the id the type "
            "kwsdata.clips.sources.SourceId, so that its licence counts."
        )


def _in_fields(draw: Any) -> Iterator[SourceId]:
    kind: Any = type(draw)
    for name, hint in _hints(kind):
        yield from _found(getattr(draw, name), hint)


@lru_cache(maxsize=256)
def _hints(kind: type) -> tuple[tuple[str, Any], ...]:
    """Return (name, type) of the fields of a dataclass that can hold an id."""
    fields = kind.__dataclass_fields__  # type: ignore[attr-defined] # of a dataclass
    return tuple((name, hint) for name, hint in get_type_hints(kind).items() if name in fields and _holds(hint))


def _holds(hint: Any, outer: frozenset[type] = frozenset()) -> bool:
    if _is_source(hint):
        return True
    if isinstance(hint, type) and is_dataclass(hint):
        inner = get_type_hints(hint).values() if hint not in outer else ()
        return any(_holds(one, outer | {hint}) for one in inner)
    return any(_holds(one, outer) for one in get_args(hint))


def _is_source(hint: Any) -> bool:
    """Tell whether a type is `SourceId`, or a new type made of it."""
    while hint is not None and hint is not SourceId:
        hint = getattr(hint, "__supertype__", None)
    return hint is SourceId


def _found(value: Any, hint: Any) -> Iterator[SourceId]:
    """Yield the ids in `value`, whose type is `hint`."""
    kind, inner = get_origin(hint), get_args(hint)
    if _is_source(hint):
        if isinstance(value, str):
            yield SourceId(value)
    elif kind in (Union, UnionType):
        for one in inner:
            yield from _found(value, one)
    elif is_dataclass(value):
        yield from _in_fields(value)
    elif kind is None or isinstance(value, str) or not isinstance(value, kind):
        return
    elif isinstance(value, Mapping):
        for pair in value.items():
            for held, one in zip(pair, inner, strict=True):
                yield from _found(held, one)
    else:
        held_in = sorted(value) if isinstance(value, Set) else value
        types = inner if kind is tuple and inner[-1] is not Ellipsis else repeat(inner[0])
        for held, one in zip(held_in, types, strict=False):
            yield from _found(held, one)
