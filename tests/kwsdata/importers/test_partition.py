import difflib
from pathlib import Path

import pytest

from kwsdata.errors import ParamsError, PartitionError
from kwsdata.importers.partition import partition_advice, record_partition
from kwsdata.params import load_params

PARAMS = Path(__file__).resolve().parents[3] / "params.yaml"


@pytest.fixture
def copy(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS.read_text())
    return path


def test_nothing_but_the_entry_changes_and_comments_stay(copy):
    record_partition(copy, "crowd", "train")
    record_partition(copy, "village", "test")
    changed = list(difflib.ndiff(PARAMS.read_text().splitlines(), copy.read_text().splitlines()))
    gone = [line for line in changed if line.startswith("- ")]
    new = [line for line in changed if line.startswith("+ ")]
    assert len(gone) == len(new) == 1 and "whole:" in gone[0]
    assert gone[0].partition("#")[2] == new[0].partition("#")[2] != ""
    before, after = load_params(PARAMS), load_params(copy)
    assert after.split.whole == before.split.whole | {"crowd": "train", "village": "test"}
    assert after.model_copy(update={"split": before.split}) == before


def test_doing_it_again_changes_nothing_and_another_partition_moves_it(copy):
    record_partition(copy, "crowd", "train")
    once = copy.read_text()
    record_partition(copy, "crowd", "train")
    assert copy.read_text() == once
    record_partition(copy, "crowd", "dev")
    assert load_params(copy).split.whole["crowd"] == "dev"


def test_a_partition_that_does_not_exist_is_refused(copy):
    with pytest.raises(PartitionError, match=r"validation.*train, dev, test"):
        record_partition(copy, "crowd", "validation")
    assert copy.read_text() == PARAMS.read_text()


def test_a_file_without_the_block_is_refused(tmp_path):
    (tmp_path / "params.yaml").write_text("keyword: {text: computer}\n")
    with pytest.raises(ParamsError, match=r"split\.whole\.crowd cannot be set"):
        record_partition(tmp_path / "params.yaml", "crowd", "train")
    with pytest.raises(ParamsError, match=r"missing\.yaml"):
        record_partition(tmp_path / "missing.yaml", "crowd", "train")


def test_advice_is_given_only_where_a_partition_is_missing():
    unknown, known = {"name": "crowd", "speakers": "unknown"}, {"name": "words", "speakers": "known"}
    assert "split.whole.crowd" in str(partition_advice(unknown, {}))
    assert "--partition train" in str(partition_advice(unknown, {"village": "dev"}))
    assert partition_advice(unknown, {"crowd": "dev"}) is None
    assert partition_advice(known, {}) is None
