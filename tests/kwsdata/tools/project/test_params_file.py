"""A params file of an older version becomes one of the installed version; what the user wrote stays."""

import pytest
from imports import ROOT

from kwsdata.errors import ParamsError
from kwsdata.params import load_params
from kwsdata.tools.project.params_file import renames, updated_params
from kwsdata.tools.project.yaml_text import dump, load, plain

SHIPPED = (ROOT / "params.yaml").read_text()


def updated(tmp_path, text: str, *renames: tuple[str, str]):
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    return updated_params(tmp_path / "params.yaml", SHIPPED, renames)


def with_line(old: str, new: str, text: str = SHIPPED) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_a_file_of_this_version_stays_to_the_byte(tmp_path):
    text = with_line("gamma: 0.0\n", "gamma:   2  # mine\n")
    change = updated(tmp_path, text, ("loss.delta", "loss.gamma"))
    assert (change.text, change.notes, change.blocks) == (text, (), set())


def test_reading_and_writing_keeps_every_character():
    assert dump(load(SHIPPED)) == SHIPPED


def test_a_renamed_param_keeps_its_value_place_and_comment(tmp_path):
    text = with_line("  gamma: 0.0\n", "  focus: 2.5             # more on the hard ones\n")
    change = updated(tmp_path, text, ("loss.focus", "loss.gamma"))
    assert change.text == with_line("  gamma: 0.0\n", "  gamma: 2.5             # more on the hard ones\n")
    assert change.notes == ("loss.focus is now loss.gamma",)
    assert change.blocks == {"loss"}


def test_a_param_may_move_to_another_block(tmp_path):
    text = with_line("max_gb: 300, ", "", with_line("cache: {max_gb: 50}", "cache: {max_gb: 50, fetched_gb: 7}"))
    change = updated(tmp_path, text, ("cache.fetched_gb", "download.max_gb"))
    assert plain(change.text)["download"]["max_gb"] == 7
    assert plain(change.text)["cache"] == {"max_gb": 50}
    assert change.blocks == {"cache", "download"}


def test_renames_of_two_versions_follow_each_other(tmp_path):
    text = with_line("  gamma: 0.0\n", "  first: 3.0\n")
    change = updated(tmp_path, text, ("loss.first", "loss.second"), ("loss.second", "loss.gamma"))
    assert plain(change.text)["loss"]["gamma"] == 3.0


def test_a_block_may_be_renamed(tmp_path):
    change = updated(tmp_path, with_line("\nlikeness:", "\nnearness:"), ("nearness", "likeness"))
    assert plain(change.text) == plain(SHIPPED)


def test_the_schema_tells_what_moved():
    told = dict(renames())
    assert told["augment.snr_db"] == "augment.effects.noise.snr_db"
    for old, new in told.items():
        value = plain(SHIPPED)
        for part in new.split("."):
            value = value[part]  # each new name is there
        assert old not in told.values()


def test_a_file_of_before_the_effects_had_blocks_keeps_its_numbers(tmp_path):
    document = load(SHIPPED)
    effects = document["augment"].pop("effects")
    told = {new: old for old, new in renames() if new.startswith("augment.effects.")}
    expected = plain(SHIPPED)
    for effect, block in effects.items():
        for key, value in block.items():
            if (old := told.get(f"augment.effects.{effect}.{key}")) is not None:
                other = value / 2 if isinstance(value, float) else value
                document["augment"][old.removeprefix("augment.")] = other
                expected["augment"]["effects"][effect][key] = other
    change = updated(tmp_path, dump(document), *renames())
    assert plain(change.text) == expected
    assert "augment.snr_db is now augment.effects.noise.snr_db" in change.notes


def test_a_rule_of_before_gets_its_name_of_now(tmp_path):
    text = with_line("cross_partition_source", "stray_source", with_line("min_keyword_similarity", "odd_keyword"))
    change = updated(tmp_path, text, *renames())
    assert change.text == SHIPPED
    assert "check.fail: stray_source is now cross_partition_source" in change.notes
    assert "check.odd_keyword is now check.min_keyword_similarity" in change.notes
    assert change.blocks == {"check"}


def test_a_param_under_both_names_is_refused(tmp_path):
    text = with_line("  gamma: 0.0\n", "  gamma: 0.0\n  focus: 1.0\n")
    with pytest.raises(ParamsError, match=r"loss\.focus and loss\.gamma"):
        updated(tmp_path, text, ("loss.focus", "loss.gamma"))


def test_new_params_and_blocks_come_with_their_values_and_comments(tmp_path):
    block = SHIPPED[SHIPPED.index("\nwarm_up:") : SHIPPED.index("\nevaluate:")]
    text = with_line(block, "\n", with_line("  pools: []  ", "  # pools: []"))
    change = updated(tmp_path, text)
    assert plain(change.text) == plain(SHIPPED)
    assert "# of a stream, before any score counts" in change.text
    assert sorted(note.split(" is new")[0] for note in change.notes) == ["mine_negatives.pools", "warm_up"]


def test_params_that_are_no_more_go_and_are_named_with_their_value(tmp_path):
    change = updated(tmp_path, with_line("  gamma: 0.0\n", "  gamma: 0.0\n  spice: [1, 2]\n"))
    assert change.text == SHIPPED
    assert change.notes == ("loss.spice is no more and was taken out; it was [1, 2]",)


def test_what_the_user_may_name_freely_is_neither_new_nor_gone(tmp_path):
    text = with_line("  whole: {}  ", "  whole: {ours: test}  ")
    assert updated(tmp_path, text).text == text


def test_a_value_that_is_not_valid_is_the_users_to_mend(tmp_path):
    text = with_line("  gamma: 0.0\n", "  focus: many\n")
    with pytest.raises(ParamsError, match=rf"{tmp_path}/params\.yaml: .*loss\.gamma"):
        updated(tmp_path, text, ("loss.focus", "loss.gamma"))


def test_the_shipped_file_is_valid():
    load_params(ROOT / "params.yaml")
