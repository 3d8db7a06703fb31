"""What an imported sound says of its own licence, in the fields of a cut or the columns of a table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kwsdata.clips.view import Fields
from kwsdata.files.bounded_json import pairs_of
from kwsdata.files.named_paths import quote
from kwsdata.licences.own import own_sources

_LONGEST = 200  # characters of a licence that are kept: longer texts are no names


@dataclass(frozen=True)
class Terms:
    """What a sound says of its sources.

    `licence`: its own, None where it says nothing. `credits`: (source, licence) of all that is heard in it. `sources`:
    (id, hash of the samples) of sounds in it of whose licence it says nothing.
    """

    licence: str | None = None
    credits: tuple[tuple[str, str], ...] = ()
    sources: tuple[tuple[str, str], ...] = ()

    @property
    def licences(self) -> tuple[str, ...]:
        """Every licence that is named, each once."""
        own = () if self.licence is None else (self.licence,)
        return tuple(dict.fromkeys((*own, *(licence for _, licence in self.credits))))


def terms_of(told: Any) -> Terms:
    """Return what our fields of a cut (None: it has none) say, whoever wrote them (`kwsdata.clips.view.fields_in`).

    Raises:
        ValueError: they, or a field about licences, are not what they must be.
    """
    if not isinstance(told, Mapping | None):
        raise ValueError(f"its custom is {quote(told)}, which is no mapping")
    clip = Fields("", told)
    licence = licence_text(*clip.licences_said)
    credits = _pairs("credits", clip.credits or [])
    corpus = clip.parent_corpus or clip.corpus_if_any
    if not credits and licence is not None and isinstance(corpus, str):
        credits = own_sources(corpus, licence, clip)
    _pairs("sources", clip.sources or [])
    return Terms(licence, credits, _pairs("sources", clip.made_of))


def together(every: Iterable[Terms]) -> Terms:
    """Return what several say of one sound: all of it counts."""
    terms = list(every)
    return Terms(
        licence_text(*(one.licence for one in terms)),
        tuple(dict.fromkeys(credit for one in terms for credit in one.credits)),
        tuple(dict.fromkeys(source for one in terms for source in one.sources)),
    )


def licence_text(*values: Any) -> str | None:
    """Return what fields or columns say as one text: a text, or a list of texts that all count; None for nothing.

    Raises:
        ValueError: one of them is anything else.
    """
    texts: list[str] = []
    for value in values:
        every = [value] if isinstance(value, str) or value is None else value
        if not isinstance(every, list) or not all(isinstance(one, str) for one in every if one is not None):
            raise ValueError(f"its licence is {quote(value)}, which is no text")
        texts += [one for one in map(plain, filter(None, every)) if one]
    return " AND ".join(dict.fromkeys(texts)) or None


def plain(text: str) -> str:
    """Return `text` on one line, without what cannot be printed, and not longer than a name is."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _pairs(name: str, value: Any) -> tuple[tuple[str, str], ...]:
    pairs = pairs_of(value)
    if pairs is None:
        raise ValueError(f"its {name} are {quote(value)}, which are no pairs of texts")
    return tuple((plain(first), plain(second)) for first, second in pairs)
