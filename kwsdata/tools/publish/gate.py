"""The licence gate: the sources of what is to be handed on, and every reason why that is not permitted."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kwsdata.licences.names import licences_of
from kwsdata.licences.table import Licence
from kwsdata.tools.publish.heard import NOWHERE, Share
from kwsdata.tools.publish.licences import LicenceError, clashes, judge


@dataclass
class Source:
    """What is handed on of one source: `clips` and `samples` of its own, `mixed`: clips of others it is heard in.

    `first`: a clip that has it. `licences`: as they are written, with the number of clips. `permission`: what
    `publish.permit` says, or None.
    """

    name: str
    first: str
    clips: int = 0
    samples: int = 0
    mixed: int = 0
    licences: Counter[str] = field(default_factory=Counter)
    permission: str | None = None

    def add(self, licence: str, samples: int, own: bool) -> None:
        """Count a clip."""
        self.licences[licence] += 1
        if own:
            self.clips += 1
            self.samples += samples
        else:
            self.mixed += 1

    @property
    def terms(self) -> list[Licence]:
        """The licences that are in the table, each once."""
        return list({one.spdx: one for text in self.licences for one in licences_of(text) or []}.values())


def matches(source: str, name: str) -> bool:
    """Tell whether a name that a user typed means a source: a corpus's name covers all its voices."""
    return source == name or source.startswith(f"{name}:")


def is_excluded(shares: Iterable[Share], names: Iterable[str]) -> bool:
    """Tell whether any source of a clip is to be left out."""
    names = list(names)
    return any(matches(share.source, name) for share in shares for name in names)


def refusals(sources: Mapping[str, Source]) -> list[str]:
    """Return every reason against handing these sources on in one work, in words; none if it is permitted."""
    reasons = []
    judged: dict[Licence, list[str]] = {}
    for name, source in sorted(sources.items()):
        if name == NOWHERE:
            reasons.append(_not_found(source))
            continue
        if source.permission is not None:
            continue
        for text, clips in sorted(source.licences.items()):
            licences, against = judge(text)
            reasons += [f"{name}: {why} ({clips} clips)" for why in against]
            for one in licences if not against else ():
                judged.setdefault(one, []).append(name)
    for one, other, why in clashes(sorted(judged, key=lambda licence: licence.spdx)):
        first, second = (" and ".join(dict.fromkeys(judged[licence])) for licence in (one, other))
        reasons.append(f"{first} ({one.spdx}) and {second} ({other.spdx}) cannot be in one work: {why}")
    return reasons


def _not_found(source: Source) -> str:
    return (
        f"{source.clips + source.mixed} clips hold sound that no manifest here has, for example {source.first} "
        f"has {next(iter(source.licences))}: `dvc pull` or `dvc repro` what it was made of"
    )


def check_found(sources: Mapping[str, Source]) -> None:
    """Do nothing if every sound in the clips was found.

    Raises:
        LicenceError: one was not; the message names it and a clip that has it.
    """
    if NOWHERE in sources:
        raise LicenceError(f"nobody knows the licences of all that is heard: {_not_found(sources[NOWHERE])}.")


def check_licences(sources: Mapping[str, Source]) -> None:
    """Do nothing if these sources may be handed on in one work.

    Raises:
        LicenceError: they may not; the message names the corpora, and says what to do.
    """
    reasons = refusals(sources)
    if reasons:
        raise LicenceError(
            f"the licences do not permit this: {'; '.join(reasons)}. Leave a corpus out with `--exclude NAME`, with "
            "every clip it is heard in (or always, with publish.exclude in params.yaml); or import it again with the "
            "right `--licence`; or, where its owner permits it, say who and when: `publish: {permit: {NAME: ...}}`."
        )
