"""What sounds from elsewhere say of their licences, and which of those a declared one may replace."""

import logging
from dataclasses import dataclass
from typing import Any

import pytest

from kwsdata.errors import CorpusError
from kwsdata.importers.declared import Declared, Settled, settle
from kwsdata.importers.source import Source
from kwsdata.importers.terms import Terms, terms_of, together

ND, BY = "CC-BY-NC-ND-4.0", "CC-BY-4.0"
SHA = "a" * 64
UNRECORDED = ("what was mixed into it", "")


@pytest.mark.parametrize(
    ("custom", "terms"),
    [
        (None, Terms()),
        ({}, Terms()),
        ({"licence": None, "corpus": "crowd"}, Terms()),
        ({"licence": ""}, Terms()),
        ({"licence": " \n"}, Terms()),
        ({"licence": BY}, Terms(BY)),
        ({"license": "cc-by-4.0"}, Terms("cc-by-4.0")),
        ({"licences": ["CC0-1.0", BY, BY, None]}, Terms("CC0-1.0 AND CC-BY-4.0")),
        ({"licence": "CC0-1.0", "license": ND}, Terms("CC0-1.0 AND CC-BY-NC-ND-4.0")),
        ({"licence": "unknown"}, Terms("unknown")),
        ({"licence": "CC-BY\x1b[31m-4.0\n| x |"}, Terms("CC-BY [31m-4.0 | x |")),
        ({"licence": "all of it " * 100}, Terms(("all of it " * 100)[:197] + "...")),
        ({"licence": BY, "corpus": "crowd"}, Terms(BY, (("crowd", BY),))),
        ({"licence": BY, "parent_corpus": "crowd", "corpus": "mined"}, Terms(BY, (("crowd", BY),))),
        (
            {"licence": "Apache-2.0", "corpus": "speech", "engine": "piper", "request": {"voice": "x"}},
            Terms("Apache-2.0", (("speech:piper:x", "unknown"),)),
        ),
        (
            {"licence": ND, "corpus": "speech", "engine": "espeak", "request": {"voice": "x"}},
            Terms(ND, (("speech:espeak", "engine-output"), ("speech", ND))),
        ),
        ({"licence": "CC0-1.0", "credits": [["words", "CC0-1.0"], ["street", ND]], "sources": [["a", SHA]]},
         Terms("CC0-1.0", (("words", "CC0-1.0"), ("street", ND)))),
        ({"licence": BY, "corpus": "c", "sources": [["n1", SHA]], "parent": "c-1", "parent_sha256": SHA},
         Terms(BY, (("c", BY),), (("c-1", SHA), ("n1", SHA)))),
        ({"licence": BY, "corpus": "c", "sources": [], "parent": "c-1"}, Terms(BY, (("c", BY),), (("c-1", ""),))),
        ({"licence": BY, "corpus": "c", "recipe": {"copy": 1}}, Terms(BY, (("c", BY),), (UNRECORDED,))),
        ({"segments": [[0, 1, "c-1", "speech", "c"]], "sources": [["c-1", SHA]]}, Terms(None, (), (("c-1", SHA),))),
    ],
)  # fmt: skip
def test_what_a_cut_says_is_read(custom: Any, terms: Terms) -> None:
    assert terms_of(custom) == terms


@pytest.mark.parametrize(
    ("custom", "message"),
    [
        ("CC0", "its custom is 'CC0', which is no mapping"),
        ({"licence": 7}, "its licence is 7, which is no text"),
        ({"license": {"name": "CC0"}}, "which is no text"),
        ({"licences": ["CC0", 7]}, "which is no text"),
        ({"credits": "words"}, "its credits are 'words', which are no pairs of texts"),
        ({"credits": [["words", "CC0", "x"]]}, "which are no pairs of texts"),
        ({"sources": [["words", None]]}, "its sources are"),
    ],
)
def test_malformed_terms_are_told(custom: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        terms_of(custom)


def test_terms_of_all_that_is_in_a_sound_count() -> None:
    found = together([Terms("CC0-1.0", (("a", "CC0-1.0"),)), Terms(), Terms(ND, (("b", ND),), (("x", SHA),))])
    assert found == Terms("CC0-1.0 AND CC-BY-NC-ND-4.0", (("a", "CC0-1.0"), ("b", ND)), (("x", SHA),))


@dataclass(frozen=True)
class Nothing:
    """A sound that nobody opens."""


def settled(declared: str | None, *terms: Terms, reason: str | None = None, of_kind: str | None = None) -> Settled:
    sources = [Source(f"clip{number}", Nothing(), terms=one) for number, one in enumerate(terms)]  # type: ignore[arg-type]
    return settle(sources, "new", Declared(declared, reason), of_kind)


def licences(found: Settled) -> list[str]:
    """Return the licence that each clip will have."""
    return [source.fields.get("licence", found.licence) for source in found.sources]


@pytest.mark.parametrize(
    ("declared", "own", "licence"),
    [
        (None, BY, BY),
        (None, None, "unknown"),
        (BY, None, BY),
        (BY, BY, BY),
        ("cc by 4.0", BY, BY),  # the same, written in another way
        (BY, "CC-BY-3.0", "CC-BY-3.0"),  # as strict: the clip's own is kept
        ("MIT", BY, BY),
        (BY, "CC0-1.0", BY),
        (ND, BY, ND),
        ("own", BY, "own"),
        ("all rights reserved", ND, "all rights reserved"),
        ("own", "unknown", "unknown"),
        ("CC-BY-SA-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0"),
        (BY, "CC0 or CC-BY per clip", "CC0 or CC-BY per clip"),
    ],
)
def test_a_clip_keeps_its_own_licence_or_gets_a_stricter_one(declared, own, licence) -> None:
    assert licences(settled(declared, Terms(own))) == [licence]
    assert settled(declared, Terms(own)).override is None


MILDER = [
    ("CC0-1.0", ND, "changed copies, commercial use, use without credit"),
    ("CC0-1.0", BY, "use without credit"),
    (BY, "CC-BY-NC-4.0", "commercial use"),
    (BY, "CC-BY-ND-4.0", "changed copies"),
    (BY, "CC-BY-SA-4.0", "other terms for what is made from it"),
    ("CC-BY-SA-4.0", "CC-BY-NC-4.0", "commercial use"),
    ("CC-BY-NC-4.0", "all rights reserved", "handing copies on"),
    ("CC-BY-NC-ND-4.0", "see LICENSE.txt", "what no known licence permits"),
    ("CC0-1.0", "unknown", "what no known licence permits"),
    ("CC0-1.0", "CC0-1.0 AND GPL-2.0", "use without credit"),
    ("CC0-1.0", "\u0421\u04210-1.0", "what no known licence permits"),
]


@pytest.mark.parametrize(("declared", "own", "beyond"), MILDER)
def test_a_milder_licence_is_refused_without_a_reason(declared, own, beyond) -> None:
    with pytest.raises(CorpusError, match=r"permits more than 1 of 2 sounds do.*--licence-override") as raised:
        settled(declared, Terms(own), Terms())
    assert beyond in str(raised.value)
    assert own in str(raised.value) or repr(own)[1:-1] in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("declared", "own", "beyond"), MILDER)
def test_with_a_reason_it_is_replaced_and_recorded(declared, own, beyond) -> None:
    found = settled(declared, Terms(own, (("words", own),), (("x", SHA),)), Terms(), reason="Ada\nLovelace, 2026")
    assert licences(found) == [declared, declared]
    assert found.override == {"reason": "Ada Lovelace, 2026", "replaced": {own: 1}}
    assert all(source.fields == {} for source in found.sources)


def test_what_a_clip_credits_counts_like_its_own_licence() -> None:
    """A published copy of a CC0 word with a noise in it says CC0 of itself, and what the noise asks in its credits."""
    copy = Terms("CC0-1.0", (("words", "CC0-1.0"), ("street", "GPL-2.0")))
    with pytest.raises(CorpusError, match="'CC0-1.0 AND GPL-2.0' 1 times"):
        settled("CC0-1.0", copy)
    found = settled(None, copy)
    assert licences(found) == ["CC0-1.0"]
    assert found.sources[0].fields["credits"] == [["new:words", "CC0-1.0"], ["new:street", "GPL-2.0"]]
    assert settled("own", copy).sources[0].fields == {"credits": found.sources[0].fields["credits"]}


def test_sounds_of_unknown_licence_in_a_clip_stay_unknown() -> None:
    found = settled(BY, Terms(BY, (), (("street-n1", SHA),)))
    assert found.sources[0].fields == {"sources": [["street-n1", SHA]]}


def test_the_corpus_declares_every_licence_of_its_clips() -> None:
    found = settled(None, Terms("CC0-1.0"), Terms(BY), Terms("CC0-1.0"), Terms())
    assert found.licence == "CC0-1.0 AND CC-BY-4.0 AND unknown"
    assert licences(found) == ["CC0-1.0", BY, "CC0-1.0", "unknown"]
    assert settled(None, *(Terms(f"licence {n}") for n in range(30))).licence.endswith("licence 7 AND 22 more")
    assert settled(None, Terms(), Terms(ND), of_kind=BY).licence == f"{BY} AND {ND}"
    assert licences(settled(None, Terms(), Terms(ND), of_kind=BY)) == [BY, ND]


def test_what_the_kind_of_corpus_declares_is_a_licence_too() -> None:
    with pytest.raises(
        CorpusError, match="--licence CC0-1.0 permits more than 1 of 1 sounds do, which say 'CC-BY-4.0'"
    ):
        settled("CC0-1.0", Terms(), of_kind=BY)
    assert settled("CC0-1.0", Terms(), of_kind=BY, reason="Ada, 2026").override["replaced"] == {BY: 1}
    assert licences(settled(ND, Terms(), of_kind=BY)) == [ND]


@pytest.mark.parametrize("reason", ["", " ", "\n", "...", "-"])
def test_a_reason_that_says_nothing_is_refused(reason) -> None:
    with pytest.raises(CorpusError, match="--licence-override is empty: say who permits it and when"):
        settled("CC0-1.0", Terms(ND), reason=reason)


def test_a_reason_for_nothing_is_told(caplog) -> None:
    with pytest.raises(CorpusError, match="give --licence, too"):
        settled(None, Terms(ND), reason="Ada, 2026")
    with pytest.raises(CorpusError, match="--licence is empty"):
        settled(" ", Terms(ND))
    with caplog.at_level(logging.WARNING):
        assert settled(ND, Terms(BY), reason="Ada, 2026").override is None
    assert "replaces no stricter licence" in caplog.text
