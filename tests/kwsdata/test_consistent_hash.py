"""Choosing from a list that grows."""

import numpy as np
import pytest

from kwsdata.consistent_hash import Ring
from kwsdata.errors import StageInputError

UNITS = np.linspace(0, 1, 2000, endpoint=False)


def test_an_item_that_joins_changes_only_what_it_takes() -> None:
    names = [f"n{i}" for i in range(20)]
    before = list(map(Ring(names).choose, UNITS))
    after = list(map(Ring([*names, "new"]).choose, UNITS))
    changed = {new for old, new in zip(before, after, strict=True) if old != new}
    assert changed == {"new"}
    share = np.mean([name == "new" for name in after])
    assert share == pytest.approx(1 / 21, abs=0.04)


def test_all_items_are_chosen_and_order_does_not_matter() -> None:
    names = [f"n{i}" for i in range(30)]
    chosen = list(map(Ring(names).choose, UNITS))
    assert set(chosen) == set(names)
    assert chosen == list(map(Ring(names[::-1]).choose, UNITS))
    assert max(chosen.count(name) for name in names) < 3 * len(UNITS) / 30


def test_nothing_to_choose_from_is_an_error() -> None:
    with pytest.raises(StageInputError, match="nothing to choose from"):
        Ring([]).choose(0.5)
