"""The table of licences: what each permits and asks of those who publish recordings, resampled and mixed.

Sources: the SPDX list of licences; the legal code of Creative Commons and its list of compatible licences
(creativecommons.org/share-your-work/licensing-considerations/compatible-licenses); the FSF's comments on licences and
GPL compatibility (gnu.org/licenses/license-list).
"""

from dataclasses import dataclass


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


CC_VERSIONS = ("2.0", "2.5", "3.0", "4.0")


def _creative_commons() -> list[Licence]:
    """Return the CC licences of each version, and those whose version nobody wrote down."""
    made = []
    for version in (*CC_VERSIONS, ""):
        tail, hub_tail = (f"-{version}", f"-{version}") if version else ("", "")
        later = CC_VERSIONS[: CC_VERSIONS.index(version)] if version else ()
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
                takes |= {f"CC-BY-NC-{one}" for one in CC_VERSIONS} | {"CC-BY-NC"}
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

# How people write them, in lower case with words parted by single "-". Creative Commons has a parser of its own.
ALIASES = {
    "cc0": "cc0-1.0",
    "cc-zero": "cc0-1.0",
    "cc-zero-1.0": "cc0-1.0",
    "cc-cc0": "cc0-1.0",
    "cc-cc0-1.0": "cc0-1.0",
    "pd": "public-domain",
    "pdm": "public-domain",
    "pdm-1.0": "public-domain",
    "public-domain-mark": "public-domain",
    "public-domain-mark-1.0": "public-domain",
    "public-domain-waiver": "public-domain",
    "public-domain-waivers": "public-domain",
    "free-for-any-purpose": "free-for-any-use",
    "apache": "apache-2.0",
    "apache-2": "apache-2.0",
    "gpl-2": "gpl-2.0-only",
    "gpl-2.0": "gpl-2.0-only",
    "gplv2": "gpl-2.0-only",
    "gpl-2+": "gpl-2.0-or-later",
    "gpl-2.0+": "gpl-2.0-or-later",
    "gplv2+": "gpl-2.0-or-later",
    "gpl-3": "gpl-3.0-only",
    "gpl-3.0": "gpl-3.0-only",
    "gplv3": "gpl-3.0-only",
    "gpl-3+": "gpl-3.0-or-later",
    "gpl-3.0+": "gpl-3.0-or-later",
    "gplv3+": "gpl-3.0-or-later",
    "odbl": "odbl-1.0",
    "odc-by": "odc-by-1.0",
    "pddl": "pddl-1.0",
    "proprietary": "all-rights-reserved",
    "copyright": "all-rights-reserved",
    "research-use-only": "research-only",
    "non-commercial-research-only": "research-only",
}

# SPDX exceptions: each permits more than the licence that it is added to, which is therefore what counts.
EXCEPTIONS = frozenset(
    {
        "autoconf-exception-2.0",
        "autoconf-exception-3.0",
        "bison-exception-2.2",
        "classpath-exception-2.0",
        "font-exception-2.0",
        "gcc-exception-2.0",
        "gcc-exception-3.1",
        "linux-syscall-note",
        "llvm-exception",
    }
)
