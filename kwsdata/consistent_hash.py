"""Choose one item of a list so that a longer list changes few choices (consistent hashing).

Each item owns points on the circle [0, 1), placed by the hash of its name; a number chooses the owner of the next
point. An item that joins takes over the stretches before its own points and nothing else, so that among n items a
joining one changes about 1/n of the choices, all of them to itself; an item that leaves changes only its own.
(D. Karger et al., Consistent hashing and random trees, STOC 1997.)
"""

from bisect import bisect_right
from collections.abc import Iterable

from kwsdata.draws import unit_for
from kwsdata.errors import StageInputError

_POINTS = 16  # an item's share of the circle then varies by about a quarter


class Ring:
    """Items on the circle, by name."""

    def __init__(self, names: Iterable[str]) -> None:
        points = sorted((unit_for(0, "ring", name, point), name) for name in names for point in range(_POINTS))
        self._places = [place for place, _ in points]
        self._names = [name for _, name in points]

    def __len__(self) -> int:
        return len(self._names) // _POINTS

    def choose(self, unit: float) -> str:
        """Return the name that owns `unit` in [0, 1).

        Raises:
            StageInputError: nothing is on the ring.
        """
        if not self._names:
            raise StageInputError("there is nothing to choose from: the pool is empty.")
        return self._names[bisect_right(self._places, unit) % len(self._names)]
