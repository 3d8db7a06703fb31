"""Which of two licences permits more."""

from itertools import product

import pytest

from kwsdata.licences.compare import permits_beyond, strictest
from kwsdata.licences.names import licences_of
from kwsdata.licences.table import LICENCES


@pytest.mark.parametrize(
    ("declared", "own", "beyond"),
    [
        ("CC0-1.0", "CC0", []),
        ("CC0-1.0", "CC-BY-4.0", ["use without credit"]),
        ("CC-BY-4.0", "CC0-1.0", []),
        ("CC-BY-4.0", "CC-BY-3.0", []),
        ("CC-BY-4.0", "CC-BY-NC-4.0", ["commercial use"]),
        ("CC0-1.0", "CC-BY-NC-4.0", ["commercial use", "use without credit"]),
        ("CC-BY-4.0", "CC-BY-ND-4.0", ["changed copies"]),
        ("CC-BY-NC-4.0", "CC-BY-NC-ND-4.0", ["changed copies"]),
        ("CC-BY-4.0", "CC-BY-SA-4.0", ["other terms for what is made from it"]),
        ("CC-BY-NC-4.0", "CC-BY-SA-4.0", ["other terms for what is made from it"]),
        ("CC-BY-SA-4.0", "CC-BY-NC-4.0", ["commercial use"]),
        ("CC-BY-SA-4.0", "CC-BY-SA-3.0", []),
        ("CC-BY-SA-3.0", "CC-BY-SA-4.0", ["other terms for what is made from it"]),
        ("CC-BY-SA-4.0", "CC-BY-SA", []),  # the version was not written down
        ("GPL-3.0-only", "CC-BY-SA-4.0", []),
        ("GPL-2.0-only", "GPL-2.0-or-later", []),
        ("GPL-2.0-or-later", "GPL-2.0-only", ["other terms for what is made from it"]),
        ("CC-BY-ND-4.0", "CC-BY-SA-4.0", []),
        ("CC-BY-4.0", "all rights reserved", ["handing copies on"]),
        ("all rights reserved", "CC-BY-NC-ND-4.0", []),
        ("proprietary", "research only", []),
        ("CC0-1.0", "unknown", ["what no known licence permits"]),
        ("CC-BY-NC-ND-4.0", "see LICENSE.txt", ["what no known licence permits"]),
        ("own", "CC-BY-NC-ND-4.0", []),  # a name that is in no table permits nothing
        ("own", "unknown", []),
        ("CC-BY-4.0", "CC0 or CC-BY per clip", []),
        ("CC0", "CC0 or CC-BY per clip", ["use without credit"]),
        ("CC-BY-NC-4.0 AND CC-BY-SA-4.0", "CC-BY-NC-4.0", []),
        ("MIT", "CC0 AND CC-BY-ND-4.0", ["changed copies"]),
    ],
)
def test_what_a_declared_licence_permits_beyond_the_clips_own(declared, own, beyond):
    assert permits_beyond(declared, own) == beyond


def test_strictness_is_an_order():
    """But for those that want the whole work: which of them takes another is a list, and no order."""
    ids = [licence.spdx for licence in LICENCES.values() if not licence.same]
    covers = {(one, other) for one, other in product(ids, repeat=2) if not permits_beyond(one, other)}
    assert all((one, one) in covers for one in ids)
    for (one, other), third in product(covers, ids):
        assert (other, third) not in covers or (one, third) in covers, (one, other, third)


def test_the_strictest_are_those_that_no_other_covers():
    def names(text):
        return [licence.spdx for licence in strictest(licences_of(text))]

    assert names("CC0, CC-BY-4.0, MIT") == ["CC-BY-4.0", "MIT"]
    assert names("CC0, CC-BY-4.0, CC-BY-SA-4.0") == ["CC-BY-SA-4.0"]
    assert names("CC-BY-NC-4.0, CC-BY-SA-4.0, CC-BY") == ["CC-BY-NC-4.0", "CC-BY-SA-4.0"]
    assert names("CC-BY-NC-4.0, all rights reserved, CC0") == ["all-rights-reserved"]
