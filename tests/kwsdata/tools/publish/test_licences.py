"""Which licences permit handing recordings on, and which of them can be in one work."""

from itertools import product

import pytest

from kwsdata.clips.view import Fields
from kwsdata.importers import KINDS, importer_for
from kwsdata.licences.names import licences_of
from kwsdata.licences.table import LICENCES
from kwsdata.licences.voices import voice_source
from kwsdata.stages.synthesize.noises import noise_items
from kwsdata.tools.publish.licences import clash, judge, refusal


def test_every_licence_that_an_importer_declares_is_in_the_table():
    declared = {kind: importer_for(kind).licence for kind in KINDS}
    assert {kind for kind, licence in declared.items() if licence is not None} >= {"librispeech", "musan"}
    for licence in filter(None, declared.values()):
        assert licences_of(licence), licence


@pytest.mark.parametrize("text", ["CC-BY-ND-4.0", "CC-BY-NC-ND-4.0", "all rights reserved", "LDC", "research only"])
def test_what_forbids_copies_or_changes_is_refused(text):
    assert refusal(licences_of(text)[0])


def test_what_no_table_knows_is_refused_in_words():
    assert judge("see LICENSE.txt") == ([], ["its licence is 'see LICENSE.txt', which is none that is known here"])
    assert judge("") == ([], ["its licence is not stated, which is none that is known here"])
    assert judge("Apache-2.0 AND proprietary")[1] == ["all-rights-reserved does not permit handing copies on"]


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("GPL-2.0-only", "CC-BY-NC-4.0", False),
        ("GPL-3.0-only", "CC-BY-NC-SA-4.0", False),
        ("GPL-2.0-only", "CC-BY-4.0", True),
        ("GPL-2.0-only", "Apache-2.0", False),
        ("GPL-3.0-only", "Apache-2.0", True),
        ("GPL-2.0-only", "GPL-3.0-only", False),
        ("GPL-2.0-or-later", "GPL-3.0-only", True),
        ("GPL-3.0-only", "CC-BY-SA-4.0", True),
        ("GPL-3.0-only", "CC-BY-SA-3.0", False),
        ("CC-BY-SA-4.0", "CC-BY-SA-3.0", True),
        ("CC-BY-SA-4.0", "CC-BY-NC-4.0", False),
        ("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0", False),
        ("CC-BY-NC-SA-4.0", "CC-BY-NC-4.0", True),
        ("CC-BY-NC-SA-4.0", "CC-BY-4.0", True),
        ("CC-BY-NC-4.0", "Apache-2.0", True),
        ("CC-BY-SA-4.0", "MIT", True),
    ],
)
def test_which_licences_can_be_in_one_work(one, other, together):
    first, second = LICENCES[one.lower()], LICENCES[other.lower()]
    assert (clash(first, second) is None) == together
    assert (clash(second, first) is None) == together


def test_a_licence_goes_with_itself_and_a_waiver_with_all():
    waiver = LICENCES["cc0-1.0"]
    for licence in LICENCES.values():
        assert clash(licence, licence) is None
        assert not licence.change or clash(licence, waiver) is None
    for one, other in product(LICENCES.values(), repeat=2):
        assert clash(one, other) is None or one.same or other.same


def test_voices_have_the_licences_of_their_models_not_of_their_engines():
    def licence(engine, voice):
        return voice_source("speech", Fields("a", {"engine": engine, "request": {"voice": voice}}))

    assert licence("kokoro", "af_bella") == ("speech:kokoro", "Apache-2.0")
    assert licence("espeak", "en+f1") == ("speech:espeak", "engine-output")
    assert licence("piper", "en_US-joe-medium") == ("speech:piper:en_US-joe-medium", "CC0-1.0")
    assert licence("piper", "en_US-lessac-medium") == ("speech:piper:en_US-lessac-medium", "unknown")
    assert voice_source("crowd", Fields("a", {})) is None


def test_every_engine_is_in_the_table():
    from kwsdata.stages.synthesize.engines import ENGINES

    voices = {"piper": "en_US-joe-medium"}
    for engine in ENGINES:
        spoken = Fields("a", {"engine": engine, "request": {"voice": voices.get(engine, "any")}})
        source, licence = voice_source("speech", spoken)
        assert licences_of(licence), source


def test_noise_that_was_computed_here_may_be_handed_on(params):
    items = list(noise_items(4, 0.1, 1, params.partitions))
    told = {voice_source("synthetic-noise", item.told) for item in items}
    assert told == {("synthetic-noise:noise", "Apache-2.0")}
