"""The ways in which people write licences, and what is none of them."""

import pytest

from kwsdata.licences.names import licences_of
from kwsdata.licences.table import LICENCES


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("CC-BY-4.0", ["CC-BY-4.0"]),
        ("cc by 4.0", ["CC-BY-4.0"]),
        ("CC BY\u00a04.0", ["CC-BY-4.0"]),
        ("CC BY 4.0 International", ["CC-BY-4.0"]),
        ("CC-BY-SA-3.0-DE", ["CC-BY-SA-3.0"]),
        ("CC-BY-ND-NC-3.0", ["CC-BY-NC-ND-3.0"]),
        ("CC BY-NC-SA 3.0", ["CC-BY-NC-SA-3.0"]),
        ("CC0", ["CC0-1.0"]),
        ("CC0-1.0\n", ["CC0-1.0"]),
        ("CC0\u20111.0", ["CC0-1.0"]),  # a hyphen that does not break
        ("CC\u2013BY\u20134.0", ["CC-BY-4.0"]),  # dashes
        ("CC\u200b0-1.0", ["CC0-1.0"]),  # a space without width
        ("\uff23\uff23\uff10", ["CC0-1.0"]),  # full width
        ("the creative commons zero license", ["CC0-1.0"]),
        ("Creative Commons Zero v1.0 Universal", ["CC0-1.0"]),
        ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", ["CC0-1.0"]),
        ("Creative Commons Attribution 4.0 International (CC BY 4.0)", ["CC-BY-4.0"]),
        ("Creative Commons Attribution NonCommercial NoDerivatives", ["CC-BY-NC-ND"]),
        ("Creative Commons Attribution-ShareAlike License, version 3.0", ["CC-BY-SA-3.0"]),
        ("https://creativecommons.org/licenses/by-nc/3.0/", ["CC-BY-NC-3.0"]),
        ("http://creativecommons.org/publicdomain/zero/1.0/", ["CC0-1.0"]),
        ("https://creativecommons.org/licenses/by/4.0/legalcode, CC0", ["CC-BY-4.0", "CC0-1.0"]),
        ("public domain", ["public-domain"]),
        ("public-domain waivers", ["public-domain"]),
        ("Public Domain Mark 1.0", ["public-domain"]),
        ("free for any use", ["free-for-any-use"]),
        ("GPL-2.0", ["GPL-2.0-only"]),
        ("GPL-2.0+", ["GPL-2.0-or-later"]),
        ("GPL-2.0-or-later", ["GPL-2.0-or-later"]),
        ("GNU General Public License v3.0 or later", ["GPL-3.0-or-later"]),
        ("GPL-2.0-only WITH Classpath-exception-2.0", ["GPL-2.0-only"]),
        ("CC-BY-NC-4.0+", ["CC-BY-NC-4.0"]),
        ("Apache License 2.0", ["Apache-2.0"]),
        ("Apache License, Version 2.0", ["Apache-2.0"]),
        ("MIT License (MIT)", ["MIT"]),
        ("MIT OR (Apache-2.0 AND CC0-1.0)", ["MIT", "Apache-2.0", "CC0-1.0"]),
        ("Apache-2.0 AND proprietary", ["Apache-2.0", "all-rights-reserved"]),
        ("CC-BY-4.0 + ODbL-1.0", ["CC-BY-4.0", "ODbL-1.0"]),
        ("CC0 or CC-BY per clip", ["CC0-1.0", "CC-BY"]),
        ("CC0 / CC-BY per clip", ["CC0-1.0", "CC-BY"]),
        ("CC0, CC-BY, CC-BY-SA or PD per clip", ["CC0-1.0", "CC-BY", "CC-BY-SA", "public-domain"]),
        ("all rights reserved per file", ["all-rights-reserved"]),
        (["CC0-1.0", "CC BY", "CC0"], ["CC0-1.0", "CC-BY"]),
    ],
)
def test_a_licence_is_known_however_it_is_written(text, spdx):
    assert [licence.spdx for licence in licences_of(text)] == spdx


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ",", "CC", "unknown", "own", "per clip", "MIT-style", "not CC0", "non-CC-BY", "see LICENSE.txt"),
        "\u0421\u04210-1.0",  # Cyrillic letters that look like C
        "CC-BY-4.0,",  # a list that ends too early
        "CC0 or something per clip",
        "CC0 per clip all rights reserved",
        "CC0-1.0 for text, audio all rights reserved",
        "CC0 except where noted",
        "CC-BY 4.0; except speaker 3: research only",
        "CC-BY-4.0\nexcept speaker 3",
        "CC-BY-4.0 unless stated otherwise",
        "CC-BY-4.0 (no derivatives)",
        "CC BY 4.0 (see below)",
        "Creative Commons Attribution 4.0 International (CC BY-NC 4.0)",
        "CC-BY WITH no derivatives",
        "CC-BY-4.0-ND",
        "CC-BY-NC-SA-ND-4.0",
        "CC-BY-5.0",
        "CC-BY-NC-4.0-XX",
        "https://creativecommons.org/licenses/sampling+/1.0/",
        "https://example.org/creativecommons.org/licenses/by/4.0/",
        [],
        ["CC0", ""],
    ],
)
def test_what_is_not_in_the_table_is_unknown(text):
    assert licences_of(text) is None


def test_every_licence_of_the_table_is_read_from_its_own_id():
    for licence in LICENCES.values():
        assert licences_of(licence.spdx) == [licence]
