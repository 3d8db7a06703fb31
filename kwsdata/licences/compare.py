"""Tell which of two licences permits more, so that none is replaced by a milder one unasked."""

from collections.abc import Iterable

from kwsdata.licences.names import licences_of
from kwsdata.licences.table import CC_VERSIONS, Licence


def permits_beyond(declared: str, own: str) -> list[str]:
    """Return what the licences that `declared` names permit and those that `own` names do not, in words.

    An empty list says that `declared` is as strict as `own`, or stricter. A text that names no licence of the table
    permits nothing.

    >>> permits_beyond("CC0-1.0", "CC-BY-NC-4.0")
    ['commercial use', 'use without credit']
    >>> permits_beyond("CC-BY-NC-4.0", "CC-BY-4.0")
    []
    """
    ours, theirs = licences_of(declared), licences_of(own)
    if ours is None:
        return []
    if theirs is None:
        return ["what no known licence permits"]
    beyond = [min((_beyond(one, other) for one in ours), key=len) for other in theirs]
    return list(dict.fromkeys(what for every in beyond for what in every))


def strictest(licences: Iterable[Licence]) -> list[Licence]:
    """Return the licences that no other one is stricter than: what holds of a whole that is made of all of them."""
    every = list(dict.fromkeys(licences))
    return [one for one in every if not any(_beyond(one, other) and not _beyond(other, one) for other in every)]


def _beyond(one: Licence, other: Licence) -> list[str]:
    """Return what `one` permits that `other` does not."""
    if not one.share:
        return []
    return [
        *(["handing copies on"] if not other.share else []),
        *(["changed copies"] if one.change and not other.change else []),
        *(["commercial use"] if one.commercial and not other.commercial else []),
        *(["use without credit"] if other.credit and not one.credit else []),
        *(["other terms for what is made from it"] if one.change and other.same and not _carries(one, other) else []),
    ]


def _carries(one: Licence, other: Licence) -> bool:
    """Tell whether what must carry `other` may carry `one`: the same, a later one, or one without a known version."""
    kind, same_kind = (_unversioned(licence.spdx) for licence in (one, other))
    unwritten = kind == same_kind and kind in (one.spdx, other.spdx)
    return one == other or unwritten or (one.same and other.spdx in one.takes)


def _unversioned(spdx: str) -> str:
    head, _, version = spdx.rpartition("-")
    return head if version in CC_VERSIONS else spdx
