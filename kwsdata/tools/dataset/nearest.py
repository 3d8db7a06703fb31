"""Suggest the ids nearest to a mistyped one."""

from collections.abc import Iterable
from difflib import get_close_matches
from heapq import nlargest
from itertools import takewhile

_LOOKED_AT = 200  # ids that share most of their ends with the one asked for: comparing all would take seconds


def nearest_ids(wanted: str, ids: Iterable[str], count: int = 5) -> list[str]:
    """Return at most `count` of `ids` that are written most like `wanted`, nearest first."""
    alike = nlargest(_LOOKED_AT, set(ids), key=lambda one: (_shared_ends(wanted, one), one))
    return get_close_matches(wanted, alike, count, 0.0)


def _shared_ends(first: str, second: str) -> int:
    return _shared(first, second) + _shared(first[::-1], second[::-1])


def _shared(first: str, second: str) -> int:
    """Return how many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))
