"""Find the project's files from wherever a task runs: on the project's disk, or brought from an object store.

Tasks name files by their paths in the project. Where the project's disk is at hand `reach(path)` is `path`. A worker
that sees no more than an object store (`executor.store`, see `kwsdata.execution.remote`) has a `Site`, which brings the
file or directory from there first. So every function that opens what a task may name goes through `reach`, and whatever
a task leaves behind appears through `kwsdata.files.atomic.atomic_path`, which says so to `appeared`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol


class Site(Protocol):
    """What stands in for the project's disk."""

    def find(self, path: Path) -> Path:
        """Return where `path` is here; it may not exist anywhere."""

    def keep(self, path: Path) -> None:
        """Take note of a file or directory that was made."""


_site: Site | None = None


def reach(path: Path) -> Path:
    """Return where the file or directory `path` of the project can be read by this process."""
    return path if _site is None else _site.find(path)


def appeared(path: Path) -> None:
    """Say that the file or directory `path` was made."""
    if _site is not None:
        _site.keep(path)


@contextmanager
def working_at(site: Site) -> Iterator[None]:
    """Let `reach` and `appeared` of this process go through `site`."""
    global _site
    before, _site = _site, site
    try:
        yield
    finally:
        _site = before
