"""JSON and tars damaged at one place, for tests that read what a stranger may have written."""

import copy
import tarfile
from collections.abc import Callable

from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 1 << 40) | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def paths_in(value: object, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the way to every value inside `value`, itself included."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, one in inside for path in paths_in(one, (*at, key)))]


@st.composite
def damaged(draw: Callable, row: dict) -> object:
    """Return `row` with one value somewhere in it replaced, or removed."""
    row = copy.deepcopy(row)
    *way, last = draw(st.sampled_from([path for path in paths_in(row) if path]))
    parent = row
    for key in way:
        parent = parent[key]
    if draw(st.booleans()) or isinstance(parent, list):
        parent[last] = draw(JSON)
    else:
        del parent[last]
    return row


TAR_DAMAGE = (
    "a header",
    "cut at a member",
    "attributes of gigabytes",
    "headers of headers",
    "a size",
    "first header",
)


def damaged_tar(whole: bytes, member: bytes, way: str) -> bytes:
    """Return a tar with damage of one of `TAR_DAMAGE`; `member` is the name of a member that is not the first."""
    at = whole.index(member)
    pax = tarfile.TarInfo("x")
    pax.type, pax.size = tarfile.XHDTYPE, 1 << 33 if way == "attributes of gigabytes" else 0
    header = pax.tobuf(tarfile.GNU_FORMAT)
    return {
        "a header": whole[:at] + b"?" + whole[at + 1 :],  # without a word, tarfile would end there
        "cut at a member": whole[:at],
        "attributes of gigabytes": header + whole,
        "headers of headers": header * 20_000 + whole,
        "a size": whole[:124] + b"\x80" + b"\xff" * 11 + whole[136:],
        "first header": b"?" + whole[1:],
    }[way]
