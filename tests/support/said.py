"""What long work says on stderr, without waiting half a minute for it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

import pytest

from kwsdata.execution import progress


@contextmanager
def names_said() -> Iterator[set[str]]:
    """Yield a set that holds, when the block has ended, the names under which progress was told in it."""
    names: set[str] = set()
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(io.StringIO()) as said:
        patch.setattr(progress, "EVERY_S", 0)
        yield names
    names |= {line.partition(": ")[0] for line in said.getvalue().splitlines() if " steps after " in line}
