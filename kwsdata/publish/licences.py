"""What licences ask for: a small declared table, and how people write their names.

It answers one question for the gate: may recordings under these terms, resampled and mixed, be handed on in one work?
It is not legal advice. A name that is not in the table permits nothing.

Sources: the SPDX list of licences; the legal code of Creative Commons and its list of compatible licences
(creativecommons.org/share-your-work/licensing-considerations/compatible-licenses); the FSF's comments on licences and
GPL compatibility (gnu.org/licenses/license-list).
"""

import re
from dataclasses import dataclass
from itertools import combinations

from kwsdata.errors import KwsError


class LicenceError(KwsError):
    """The dataset must not be handed on as it is."""


@dataclass(frozen=True)
class Licence:
    """Terms of use.

    `spdx`: the SPDX id, or a name of ours where SPDX has none. `hub`: Hugging Face's id. `share`, `change`,
    `commercial`: whether copies, changed copies (resampled, cut, mixed), and commercial use are permitted. `credit`:
    whether the authors must be named. `same`: whether the whole work must carry this licence; then `takes` lists those
    of restricted ones that it can absorb, and `bars` the free ones that it cannot.
    """

    spdx: str
    hub: str
    share: bool = True
    change: bool = True
    commercial: bool = True
    credit: bool = True
    same: bool = False
    takes: frozenset[str] = frozenset()
    bars: frozenset[str] = frozenset()

    @property
    def asks(self) -> list[str]:
        """What it asks of those who use the dataset, in words."""
        return [
            *(["credit to the authors"] if self.credit else []),
            *(["no commercial use"] if not self.commercial else []),
            *(["what is made from it carries the same licence"] if self.same else []),
        ]


_CC_VERSIONS = ("2.0", "2.5", "3.0", "4.0")


def _creative_commons() -> list[Licence]:
    """Return the CC licences of each version, and those whose version nobody wrote down."""
    made = []
    for version in (*_CC_VERSIONS, ""):
        tail, hub_tail = (f"-{version}", f"-{version}") if version else ("", "")
        later = _CC_VERSIONS[: _CC_VERSIONS.index(version)] if version else ()
        for name, commercial, same, change in (
            ("BY", True, False, True),
            ("BY-SA", True, True, True),
            ("BY-NC", False, False, True),
            ("BY-NC-SA", False, True, True),
            ("BY-ND", True, False, False),
            ("BY-NC-ND", False, False, False),
        ):
            takes = {f"CC-{name}-{older}" for older in later} if same else set()
            if name == "BY-NC-SA":
                takes |= {f"CC-BY-NC-{one}" for one in _CC_VERSIONS} | {"CC-BY-NC"}
            hub = f"cc-{name.lower()}{hub_tail}" if version else "cc"
            made.append(Licence(f"CC-{name}{tail}", hub, change=change, commercial=commercial, same=same,
                                takes=frozenset(takes)))  # fmt: skip
    return made


_GPL3_TAKES = frozenset({"CC-BY-SA-4.0", "GPL-2.0-or-later", "GPL-3.0-or-later"})
_TABLE = [
    Licence("CC0-1.0", "cc0-1.0", credit=False),
    Licence("public-domain", "other", credit=False),
    Licence("free-for-any-use", "other", credit=False),
    Licence("engine-output", "other", credit=False),  # sound that a program's own licence does not reach
    Licence("PDDL-1.0", "pddl", credit=False),
    Licence("Unlicense", "unlicense", credit=False),
    Licence("ODC-By-1.0", "odc-by"),
    Licence("MIT", "mit"),
    Licence("BSD-2-Clause", "bsd-2-clause"),
    Licence("BSD-3-Clause", "bsd-3-clause"),
    Licence("Apache-2.0", "apache-2.0"),
    Licence("ODbL-1.0", "odbl", same=True),
    Licence(
        "GPL-2.0-only", "gpl-2.0", same=True, bars=frozenset({"Apache-2.0"}), takes=frozenset({"GPL-2.0-or-later"})
    ),
    Licence("GPL-2.0-or-later", "gpl-2.0", same=True, takes=frozenset({"CC-BY-SA-4.0"})),
    Licence("GPL-3.0-only", "gpl-3.0", same=True, takes=_GPL3_TAKES),
    Licence("GPL-3.0-or-later", "gpl-3.0", same=True, takes=_GPL3_TAKES),
    *_creative_commons(),
    # What is known to forbid handing on.
    Licence("all-rights-reserved", "other", share=False),
    Licence("LDC", "other", share=False),
    Licence("research-only", "other", share=False, commercial=False),
]
LICENCES = {licence.spdx.lower(): licence for licence in _TABLE}

# How people write them, in lower case with words parted by single "-".
_ALIASES = {
    "cc0": "cc0-1.0",
    "cc-zero": "cc0-1.0",
    "creative-commons-zero": "cc0-1.0",
    "pd": "public-domain",
    "public-domain-waiver": "public-domain",
    "public-domain-waivers": "public-domain",
    "free-for-any-purpose": "free-for-any-use",
    "apache": "apache-2.0",
    "apache-2": "apache-2.0",
    "apache-license-2.0": "apache-2.0",
    "gpl-2": "gpl-2.0-only",
    "gpl-2.0": "gpl-2.0-only",
    "gplv2": "gpl-2.0-only",
    "gpl-2+": "gpl-2.0-or-later",
    "gpl-2.0+": "gpl-2.0-or-later",
    "gpl-3": "gpl-3.0-only",
    "gpl-3.0": "gpl-3.0-only",
    "gplv3": "gpl-3.0-only",
    "gpl-3+": "gpl-3.0-or-later",
    "gpl-3.0+": "gpl-3.0-or-later",
    "odbl": "odbl-1.0",
    "odc-by": "odc-by-1.0",
    "pddl": "pddl-1.0",
    "proprietary": "all-rights-reserved",
    "copyright": "all-rights-reserved",
    "research-use-only": "research-only",
    "non-commercial-research-only": "research-only",
}


def licences_of(text: str) -> list[Licence] | None:
    """Return the licences that `text` names, or None where one of them is not in the table.

    "CC0 or CC-BY per clip" names two, and all of them count: nobody says which clip has which, so the dataset must
    meet the terms of each. An SPDX "A OR B" is read as strictly.
    """
    found = []
    text = re.sub(r"\bper (clip|file|recording|item)\b", "", text.lower())
    for name in re.split(r"\s+or\s+(?!later)|\s+and\s+|\s*[,;/|]\s*|\s+with\s+", text):
        licence = _named(name)
        if licence is None:
            return None
        if licence not in found:
            found.append(licence)
    return found


def _named(name: str) -> Licence | None:
    plain = re.sub(r"[\s_-]+", "-", name.strip().strip("()."))
    plain = re.sub(r"^(the-)?(creative-commons-)(?!zero)", "cc-", plain)
    plain = re.sub(r"^cc-?by", "cc-by", plain.removesuffix("-license").removesuffix("-licence"))
    plain = re.sub(r"^(cc-by(?:-[a-z]+)*)-([234])$", r"\1-\2.0", plain)
    return LICENCES.get(_ALIASES.get(plain, plain))


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
