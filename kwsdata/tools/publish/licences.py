"""What the licence gate asks: may recordings under these terms, resampled and mixed, be handed on in one work?"""

from itertools import combinations

from kwsdata.errors import KwsError
from kwsdata.licences.names import licences_of
from kwsdata.licences.table import Licence


class LicenceError(KwsError):
    """The dataset must not be handed on as it is."""


def judge(text: str) -> tuple[list[Licence], list[str]]:
    """Return the licences that `text` names, and every reason why recordings under them must not be handed on."""
    licences = licences_of(text)
    if licences is None:
        return [], [f"its licence is {repr(text) if text else 'not stated'}, which is none that is known here"]
    return licences, [why for one in licences if (why := refusal(one)) is not None]


def refusal(licence: Licence) -> str | None:
    """Return why recordings under this licence must not be handed on, resampled and mixed; None if they may."""
    if not licence.share:
        return f"{licence.spdx} does not permit handing copies on"
    if not licence.change:
        return f"{licence.spdx} permits copies but no changed ones, and every clip here is resampled, cut or mixed"
    return None


def clash(one: Licence, other: Licence) -> str | None:
    """Return why recordings under two licences cannot be in one work; None if they can."""
    if one == other or _absorbs(one, other) or _absorbs(other, one):
        return None
    strict, second = (one, other) if one.same else (other, one)
    if not strict.same:
        return None
    if second.same:
        return f"{strict.spdx} and {second.spdx} each want the whole work for themselves"
    if not second.commercial:
        return f"{strict.spdx} forbids further restrictions, and {second.spdx} forbids commercial use"
    return f"{second.spdx} sets terms that {strict.spdx} does not allow to be added"


def _absorbs(strict: Licence, other: Licence) -> bool:
    if not strict.same or other.spdx in strict.bars:
        return False
    if other.spdx in strict.takes:
        return True
    return not other.same and (other.commercial or not strict.commercial) and other.change


def clashes(licences: list[Licence]) -> list[tuple[Licence, Licence, str]]:
    """Return (licence, licence, why) of each pair that cannot be in one work."""
    pairs = ((one, other, clash(one, other)) for one, other in combinations(licences, 2))
    return [(one, other, why) for one, other, why in pairs if why is not None]
