"""A params file of an older version becomes one of the installed version; what the user wrote stays."""

import pytest
from imports import ROOT

from kwsdata.errors import ParamsError
from kwsdata.params import load_params
from kwsdata.params.files import DATA_FILE, PARAMS_FILE, TRAINING_FILE, merged
from kwsdata.tools.project.params_file import renames, updated_params, write_params
from kwsdata.tools.project.shipped import shipped_params
from kwsdata.tools.project.yaml_text import dump, load, plain

SHIPPED = shipped_params()


def updated(tmp_path, texts: dict[str, str], *renames: tuple[str, str]):
    write_params(tmp_path, texts)
    return updated_params(tmp_path, SHIPPED, renames)


def with_line(old: str, new: str, texts: dict[str, str] = SHIPPED) -> dict[str, str]:
    (file,) = [file for file, text in texts.items() if old in text]
    assert texts[file].count(old) == 1, old
    return texts | {file: texts[file].replace(old, new)}


def values(texts: dict[str, str]) -> dict:
    return merged({file: plain(text) for file, text in texts.items()})


def test_a_file_of_this_version_stays_to_the_byte(tmp_path):
    text = with_line("gamma: 0.0\n", "gamma:   2  # mine\n")
    change = updated(tmp_path, text, ("loss.delta", "loss.gamma"))
    assert (change.texts, change.notes, change.blocks) == (text, (), set())


def test_reading_and_writing_keeps_every_character():
    assert {file: dump(load(text)) for file, text in SHIPPED.items()} == SHIPPED


def test_a_renamed_param_keeps_its_value_place_and_comment(tmp_path):
    text = with_line("  gamma: 0.0\n", "  focus: 2.5             # more on the hard ones\n")
    change = updated(tmp_path, text, ("loss.focus", "loss.gamma"))
    assert change.texts == with_line("  gamma: 0.0\n", "  gamma: 2.5             # more on the hard ones\n")
    assert change.notes == ("loss.focus is now loss.gamma",)
    assert change.blocks == {"loss"}


def test_a_param_may_move_to_another_block(tmp_path):
    text = with_line("max_gb: 300, ", "", with_line("cache: {max_gb: 50}", "cache: {max_gb: 50, fetched_gb: 7}"))
    change = updated(tmp_path, text, ("cache.fetched_gb", "download.max_gb"))
    assert values(change.texts)["download"]["max_gb"] == 7
    assert values(change.texts)["cache"] == {"max_gb": 50}
    assert change.blocks == {"cache", "download"}


def test_renames_of_two_versions_follow_each_other(tmp_path):
    text = with_line("  gamma: 0.0\n", "  first: 3.0\n")
    change = updated(tmp_path, text, ("loss.first", "loss.second"), ("loss.second", "loss.gamma"))
    assert values(change.texts)["loss"]["gamma"] == 3.0


def test_a_block_may_be_renamed(tmp_path):
    change = updated(tmp_path, with_line("\nlikeness:", "\nnearness:"), ("nearness", "likeness"))
    assert values(change.texts) == values(SHIPPED)


def test_the_schema_tells_what_moved():
    told = dict(renames())
    assert told["augment.snr_db"] == "augment.effects.noise.snr_db"
    for old, new in told.items():
        value = values(SHIPPED)
        for part in new.split("."):
            value = value[part]  # each new name is there
        assert old not in told.values()


def test_a_file_of_before_the_effects_had_blocks_keeps_its_numbers(tmp_path):
    document = load(dump(values(SHIPPED)))
    effects = document["augment"].pop("effects")
    told = {new: old for old, new in renames() if new.startswith("augment.effects.")}
    expected = values(SHIPPED)
    for effect, block in effects.items():
        for key, value in block.items():
            if (old := told.get(f"augment.effects.{effect}.{key}")) is not None:
                other = value / 2 if isinstance(value, float) else value
                document["augment"][old.removeprefix("augment.")] = other
                expected["augment"]["effects"][effect][key] = other
    change = updated(tmp_path, {PARAMS_FILE: dump(document)}, *renames())
    assert values(change.texts) == expected
    assert "augment.snr_db is now augment.effects.noise.snr_db" in change.notes


def test_a_rule_of_before_gets_its_name_of_now(tmp_path):
    text = with_line("cross_partition_source", "stray_source", with_line("min_keyword_similarity", "odd_keyword"))
    change = updated(tmp_path, text, *renames())
    assert change.texts == SHIPPED
    assert "check.fail: stray_source is now cross_partition_source" in change.notes
    assert "check.odd_keyword is now check.min_keyword_similarity" in change.notes
    assert change.blocks == {"check"}


def test_a_param_under_both_names_is_refused(tmp_path):
    text = with_line("  gamma: 0.0\n", "  gamma: 0.0\n  focus: 1.0\n")
    with pytest.raises(ParamsError, match=r"loss\.focus and loss\.gamma"):
        updated(tmp_path, text, ("loss.focus", "loss.gamma"))


def test_new_params_and_blocks_come_with_their_values_and_comments(tmp_path):
    text = SHIPPED[TRAINING_FILE]
    block = text[text.index("\nwarm_up:") : text.index("\nevaluate:")]
    text = with_line(block, "\n", with_line("  pools: []  ", "  # pools: []"))
    change = updated(tmp_path, text)
    assert values(change.texts) == values(SHIPPED)
    assert "# of a stream, before any score counts" in change.texts[TRAINING_FILE]
    assert sorted(note.split(" is new")[0] for note in change.notes) == ["mine_negatives.pools", "warm_up"]


def test_params_that_are_no_more_go_and_are_named_with_their_value(tmp_path):
    change = updated(tmp_path, with_line("  gamma: 0.0\n", "  gamma: 0.0\n  spice: [1, 2]\n"))
    assert change.texts == SHIPPED
    assert change.notes == ("loss.spice is no more and was taken out; it was [1, 2]",)


def test_what_the_user_may_name_freely_is_neither_new_nor_gone(tmp_path):
    text = with_line("  whole: {}  ", "  whole: {ours: test}  ")
    assert updated(tmp_path, text).texts == text


def test_a_value_that_is_not_valid_is_the_users_to_mend(tmp_path):
    text = with_line("  gamma: 0.0\n", "  focus: many\n")
    with pytest.raises(ParamsError, match=rf"{tmp_path}/params\.yaml: .*loss\.gamma"):
        updated(tmp_path, text, ("loss.focus", "loss.gamma"))


def test_the_shipped_file_is_valid():
    load_params(ROOT / "params.yaml")


def test_a_number_in_another_file_than_its_own_moves_there(tmp_path):
    texts = with_line("  patience: null\n", "", with_line("train: {seed: 1,", "train: {seed: 1, patience: 8,"))
    change = updated(tmp_path, texts)
    assert plain(change.texts[TRAINING_FILE])["train"]["patience"] == 8
    assert change.notes == ("train.patience stands in params/kwstrain.yaml now",)
    assert change.texts[PARAMS_FILE] == SHIPPED[PARAMS_FILE]


def test_a_number_that_two_files_say_otherwise_is_refused(tmp_path):
    with pytest.raises(ParamsError, match=r"params\.yaml and .*params/kwstrain\.yaml hold train\.patience"):
        updated(tmp_path, with_line("train: {seed: 1,", "train: {seed: 1, patience: 8,"))


def test_a_file_of_all_numbers_is_spread_with_comments_of_the_users_beside_what_they_changed(tmp_path):
    document = load(dump(values(SHIPPED)))
    document["train"]["patience"] = 9
    del document["check"]["copies"]["trust"]
    text = dump(document).replace("  patience: 9\n", "  patience: 9  # mine\n")
    change = updated(tmp_path, {PARAMS_FILE: text + "extra: {of: mine}\n"})
    assert change.texts[TRAINING_FILE] == with_line("  patience: null\n", "  patience: 9  # mine\n")[TRAINING_FILE]
    assert (change.texts[DATA_FILE], change.texts[PARAMS_FILE]) == (SHIPPED[DATA_FILE], SHIPPED[PARAMS_FILE])
    assert change.notes[1:] == (
        "check.copies.trust is new: 0.2",
        "extra is no more and was taken out; it was {of: mine}",
    )
    assert change.blocks == {"check", "extra"}
