"""Show how far long work is: a bar on a terminal, elsewhere a plain line every half a minute."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, Protocol, Self, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
EVERY_S = 30.0


class Counter(Protocol):
    """Counts what is done, and says on stderr how far that is."""

    def __enter__(self) -> Self:
        """Return this."""

    def __exit__(self, *error: Any) -> Any:
        """Say nothing more: the stage says what it made."""

    def update(self, n: int = 1) -> Any:
        """Count `n` more."""

    def set_postfix(self, **notes: Any) -> None:
        """Set what is said beside: name=value."""


def counter(name: str, unit: str, total: int | None, first: int = 0, shown: bool = True) -> Counter:
    """Return a counter for stderr as it is: a bar for a terminal, `Lines` for a log, a notebook, a cluster's job.

    Args:
        name: what is done, as a stage or command is called.
        unit: what is counted, in the singular.
        total: how many there are, if that is known.
        first: how many were done before, in an interrupted run.
        shown: False: nothing is said.
    """
    if not sys.stderr.isatty():
        return Lines(name, unit, total, first, shown)
    bar: tqdm[Any] = tqdm(desc=name, total=total, unit=unit, initial=first, disable=not shown or total == 0)
    return bar


def progress(items: Iterable[Item], name: str, unit: str, total: int | None = None) -> Iterator[Item]:
    """Yield `items`, each counted when the next one is asked for; `total` is their number, where they do not tell."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with counter(name, unit, total) as count:
        for item in items:
            yield item
            count.update()


class Lines:
    """A plain line every `EVERY_S`, so that work that is quick says nothing."""

    def __init__(
        self,
        name: str,
        unit: str,
        total: int | None,
        first: int = 0,
        shown: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._unit, self._total = name, unit, total
        self._first = self._done = first
        self._shown, self._clock = shown, clock
        self._began = self._said = clock()
        self._notes: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(self, *error: Any) -> None:
        """Say nothing more: the stage says what it made."""

    def update(self, n: int = 1) -> None:
        """Count `n` more; say so if nothing was said for `EVERY_S`."""
        self._done += n
        now = self._clock()
        if self._shown and now - self._said >= EVERY_S:
            self._said = now
            print(self._line(now - self._began), file=sys.stderr, flush=True)

    def set_postfix(self, **notes: Any) -> None:
        """Set what is said beside: name=value."""
        self._notes = notes

    def _line(self, seconds: float) -> str:
        of = "" if self._total is None else f" of {self._total:,}"
        parts = [f"{self._done:,}{of} {self._unit}{'' if self._total == 1 else 's'} after {duration(seconds)}"]
        if self._total is not None and self._first < self._done < self._total:
            left_s = seconds / (self._done - self._first) * (self._total - self._done)
            parts.append(f"about {duration(left_s)} left")
        parts += [f"{name} {value}" for name, value in self._notes.items()]
        return f"{self._name}: {', '.join(parts)}"


def duration(seconds: float) -> str:
    """Return "46 s", "3 min 20 s" or "2 h 5 min"."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
