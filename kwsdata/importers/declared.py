"""Choose the licence of each imported sound; a milder one than it declares needs a reason."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kwsdata.clips.fields import ClipFields
from kwsdata.errors import CorpusError
from kwsdata.files.named_paths import quote
from kwsdata.importers.source import Source
from kwsdata.importers.terms import Terms, plain
from kwsdata.licences.compare import permits_beyond

LOG = logging.getLogger(__name__)
UNKNOWN_LICENCE = "unknown"
_SHOWN = 3  # licences that a message shows
_LISTED = 8  # licences of a corpus that its declaration names


@dataclass(frozen=True)
class Declared:
    """What was declared of a corpus: `licence` (None: nothing) and `reason`, why it may replace a stricter one."""

    licence: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Settled:
    """`sources` with what their cuts will say; the `licence` of the corpus; `override`: what was replaced, and why."""

    sources: tuple[Source, ...]
    licence: str
    override: dict[str, Any] | None


def settle(sources: Sequence[Source], name: str, declared: Declared, of_kind: str | None) -> Settled:
    """Return which licence each sound of the corpus `name` has, and what the corpus declares.

    A sound that names licences of its own keeps them, unless `declared` is stricter.

    Args:
        sources: the sounds of the corpus.
        name: of the corpus: what its sounds credit is called `NAME:SOURCE`.
        declared: what the user says of all of them.
        of_kind: what the kind of corpus declares of sounds that say nothing; None: nothing.

    Raises:
        CorpusError: `declared` permits more than a sound does, and there is no reason; or a reason for nothing.
    """
    _check_reason(declared)
    judged = [_judged(source.terms, declared.licence, of_kind) for source in sources]
    replaced = Counter(" AND ".join(one.said) for one in judged if one.beyond)
    if replaced and declared.reason is None:
        raise CorpusError(_refused(str(declared.licence), replaced, judged))
    if declared.reason is not None and not replaced:
        LOG.warning("corpus %s: --licence replaces no stricter licence, so its reason is not kept.", name)
    licence = declared.licence or _all_of(one.licence for one in judged)
    if UNKNOWN_LICENCE in [one.licence for one in judged]:
        LOG.warning("corpus %s: its licence is unknown; say it with --licence (CC-BY-4.0, CC0-1.0, own, ...).", name)
    return Settled(
        tuple(_with(source, name, one, licence) for source, one in zip(sources, judged, strict=True)),
        licence,
        {"reason": plain(declared.reason or ""), "replaced": dict(sorted(replaced.items()))} if replaced else None,
    )


@dataclass(frozen=True)
class _Judged:
    """What one sound gets: its `licence`; what it `said`, and what the declared one permits `beyond` that."""

    licence: str
    said: tuple[str, ...]
    beyond: tuple[str, ...] = ()


def _judged(terms: Terms, declared: str | None, of_kind: str | None) -> _Judged:
    said = terms.licences or ((of_kind,) if of_kind is not None else ())
    own = terms.licence or " AND ".join(said)
    if declared is None:
        return _Judged(own or UNKNOWN_LICENCE, said)
    beyond = tuple(dict.fromkeys(what for text in said for what in permits_beyond(declared, text)))
    as_strict = terms.licences and not permits_beyond(" AND ".join(said), declared)
    return _Judged(own if as_strict and not beyond else declared, said, beyond)


def _with(source: Source, name: str, judged: _Judged, licence: str) -> Source:
    """Return a sound whose cut says what is not the corpus's own licence, and what the sound's sources are."""
    fields = source.fields | (ClipFields() if judged.licence == licence else ClipFields(licence=judged.licence))
    if not judged.beyond and source.terms.credits:
        credits = [[f"{name}:{one}" if one else name, terms] for one, terms in source.terms.credits]
        fields |= ClipFields(credits=credits)
    if not judged.beyond and source.terms.sources:
        fields |= ClipFields(sources=[list(pair) for pair in source.terms.sources])
    return replace(source, fields=fields)


def _all_of(licences: Iterable[str]) -> str:
    """Return the licences of a corpus as one text."""
    every = list(dict.fromkeys(licences)) or [UNKNOWN_LICENCE]
    rest = [f"{len(every) - _LISTED} more"] if len(every) > _LISTED else []
    return " AND ".join([*every[:_LISTED], *rest])


def _check_reason(declared: Declared) -> None:
    if declared.licence is not None and not declared.licence.strip():
        raise CorpusError("--licence is empty: name one (CC-BY-4.0, CC0-1.0, own, ...), or leave it out.")
    if declared.reason is None:
        return
    if declared.licence is None:
        raise CorpusError("--licence-override says why --licence may replace a stricter licence: give --licence, too.")
    if not any(letter.isalnum() for letter in declared.reason):
        raise CorpusError(
            "--licence-override is empty: say who permits it and when, such as 'Ada Lovelace, by letter, 2026-11-03', "
            "for the card."
        )


def _refused(licence: str, replaced: Counter[str], judged: Sequence[_Judged]) -> str:
    told = [f"{quote(text)} {clips} times" for text, clips in replaced.most_common(_SHOWN)]
    more = [f"{len(replaced) - _SHOWN} more"] if len(replaced) > _SHOWN else []
    beyond = dict.fromkeys(what for one in judged for what in one.beyond)
    return (
        f"--licence {licence} permits more than {replaced.total()} of {len(judged)} sounds do, which say "
        f"{', '.join([*told, *more])} of themselves: {', '.join(beyond)}. Leave --licence out, so that each keeps its "
        "own; or say why it may be replaced, for the card: --licence-override 'WHO PERMITS IT, WHEN'."
    )
