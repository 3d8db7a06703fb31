import re
from pathlib import Path

import pytest
import yaml
from params_files import copy_params, whole_values

from kwsdata.errors import ParamsError
from kwsdata.params import AugmentParams, Params, load_params
from kwsdata.params.base import Block, moved_to
from kwsdata.params.files import (
    BESIDE,
    DATA_FILE,
    FILES,
    FIRST,
    OF_TRAINING,
    PARAMS_FILE,
    TRAINING_FILE,
    misplaced,
    read_files,
    setting,
)
from kwsdata.params.reading import read_values

ROOT = Path(__file__).resolve().parents[2]
_BEFORE = (ROOT / "params.yaml").read_text().partition("computer")[0]
LINE, PLACE = _BEFORE.count("\n") + 1, len(_BEFORE)  # of the keyword in params.yaml


def written(tmp_path: Path, **changes: object) -> Path:
    values = whole_values()
    for dotted, value in changes.items():
        block = values
        *path, last = dotted.split("__")
        for part in path:
            block = block[part]
        block[last] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_every_block_of_the_file_is_read(params):
    values = whole_values()
    assert params.model_dump(by_alias=True, mode="json") == values


def test_what_one_changes_in_a_week_fits_on_a_screen_or_two():
    assert len((ROOT / "params.yaml").read_text().splitlines()) <= 65


def test_each_key_stands_in_its_own_file_and_no_name_of_them_is_idle():
    parts = read_files(ROOT / "params.yaml", Params)
    assert list(parts) == list(FILES)
    assert not [name for file, values in parts.items() for name in misplaced(values, file)]
    for name in FIRST:
        value = parts[PARAMS_FILE]
        for key in name.split("."):
            value = value[key]
    assert parts[TRAINING_FILE].keys() >= OF_TRAINING
    assert parts[TRAINING_FILE].keys().isdisjoint(parts[DATA_FILE])


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        (DATA_FILE, ("trust:", "trusts:"), r"params/kwsdata\.yaml: .*; unknown key 'check.copies.trusts'; did you"),
        (TRAINING_FILE, ("  patience: null", "  patience: -1"), r"params/kwstrain\.yaml: train.patience = -1"),
        (TRAINING_FILE, ("  patience: null\n", ""), r"params/kwstrain\.yaml: 'train.patience' is missing"),
        (PARAMS_FILE, ("  gamma: 0.0\n", ""), r"/params\.yaml: 'loss.gamma' is missing"),
    ],
)
def test_an_error_names_the_file_to_mend(tmp_path, file, change, says):
    path = copy_params(tmp_path)
    before = (tmp_path / file).read_text()
    assert change[0] in before
    (tmp_path / file).write_text(before.replace(*change, 1))
    with pytest.raises(ParamsError, match=says):
        load_params(path)


@pytest.mark.parametrize(
    ("file", "text", "right"),
    [
        (PARAMS_FILE, "check: {copies: {trust: 0.3}}\n", "check belongs in params/kwsdata.yaml"),
        (PARAMS_FILE, "teach: {}\n", "-S params/kwstrain.yaml:teach=VALUE"),
        (TRAINING_FILE, "scout: {alarms_per_clip: 0}\n", "scout belongs in params.yaml"),
    ],
)
def test_a_key_in_another_file_than_its_own_is_refused(tmp_path, file, text, right):
    path = copy_params(tmp_path)
    with (tmp_path / file).open("a") as out:
        out.write(text)
    with pytest.raises(ParamsError, match=re.escape(right)):
        load_params(path)


def test_a_key_of_a_divided_block_is_refused_alone(tmp_path):
    path = copy_params(tmp_path)
    path.write_text(path.read_text().replace("train: {seed: 1,", "train: {seed: 1, patience: 6,"))
    with pytest.raises(ParamsError, match=r"train\.patience belongs in params/kwstrain\.yaml, and nowhere else"):
        load_params(path)


@pytest.mark.parametrize("file", BESIDE)
def test_a_file_that_is_missing_beside_the_others_is_named(tmp_path, file):
    path = copy_params(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(ParamsError, match=f"{file} is missing"):
        load_params(path)


@pytest.mark.parametrize("file", FILES)
def test_what_dvc_sets_in_any_file_is_read(tmp_path, file):
    hydra = pytest.importorskip("dvc.utils.hydra", reason="DVC comes with the extra `data`")
    path = copy_params(tmp_path)
    name = {PARAMS_FILE: "loss.gamma", DATA_FILE: "check.copies.trust", TRAINING_FILE: "train.ema_decay"}[file]
    assert setting(name) == (name if file == PARAMS_FILE else f"{file}:{name}")
    hydra.apply_overrides(str(tmp_path / file), [f"{name}=0.75"])
    value = load_params(path)
    for key in name.split("."):
        value = getattr(value, key)
    assert value == 0.75


def test_no_number_has_a_default_in_code():
    def walk(block):
        for name, field in block.model_fields.items():
            assert field.is_required(), f"{block.__name__}.{name} has a default; numbers live in params.yaml"
            if hasattr(field.annotation, "model_fields"):
                walk(field.annotation)

    walk(Params)


def test_an_unknown_key_names_the_nearest(tmp_path):
    with pytest.raises(ParamsError, match=r"'loss.gama'; did you mean 'gamma'"):
        load_params(written(tmp_path, loss__gama=2))


def test_a_key_given_one_level_too_high_names_where_it_belongs(tmp_path):
    with pytest.raises(ParamsError, match=r"'model.kernels'; did you mean 'dstcn.kernels'"):
        load_params(written(tmp_path, model__kernels=[3]))
    with pytest.raises(ParamsError, match=r"'model.stride'; did you mean 'dstcn.stride' or 'mobilenetv3.stride'"):
        load_params(written(tmp_path, model__stride=3))


def test_a_key_of_another_family_of_models_is_refused(tmp_path):
    with pytest.raises(ParamsError, match=r"unknown key 'model.mobilenetv3.kernels'"):
        load_params(written(tmp_path, model__mobilenetv3__kernels=[3]))


def test_an_unknown_block_names_the_nearest(tmp_path):
    with pytest.raises(ParamsError, match=r"'streeming'; did you mean 'streaming'"):
        load_params(written(tmp_path, streeming={}))


def test_a_rule_that_was_renamed_is_an_error_that_names_the_new_one(tmp_path, params):
    values = params.model_dump(by_alias=True, mode="json")
    values["check"]["fail"] = ["silent", "alike_sound"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ParamsError, match=r"check: fail holds 'alike_sound': it is 'near_duplicate' now"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize(("old", "new"), AugmentParams.moved.items())
def test_a_key_that_has_moved_is_an_error_that_names_the_new_one(tmp_path, params, old, new):
    with pytest.raises(ParamsError, match=rf"unknown key 'augment\.{old}': it is 'augment\.{new}' now"):
        load_params(written(tmp_path, **{f"augment__{old}": 0.5}))
    assert moved_to(Params, f"augment.{old}.low") == f"augment.{new}.low"
    assert moved_to(Params, f"augment.{new}") is None
    there = params.augment
    for part in new.split("."):
        there = getattr(there, part)  # the new one is a key
    assert f"| `{old}` | `{new}` |" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"partitions__train": 0.9}, "must be 1"),
        ({"streaming__n": 9}, "n = 9 is above m = 5"),
        ({"augment__effects__speed__factor": {"low": 2, "high": 1}}, "low = 2 is above high = 1"),
        ({"augment__effects__tempo__factor__low": 0}, "factor.low = 0 must be above 0"),
        ({"augment__effects__codec__codecs": []}, "codecs is empty"),
        ({"keyword__text": "  "}, "at least one word"),
        ({"import__max_reject_fraction": 1.5}, "less than or equal to 1"),
    ],
)
def test_a_value_out_of_range_says_the_limit(tmp_path, change, says):
    with pytest.raises(ParamsError, match=says):
        load_params(written(tmp_path, **change))


def typed(tmp_path: Path, text: str, encoding: str = "utf-8", key: str = "  text: computer ") -> Path:
    """Return a copy of params.yaml in which `text` stands as it is where the keyword was."""
    path = copy_params(tmp_path)
    before = (ROOT / "params.yaml").read_text(encoding="utf-8")
    assert key in before
    path.write_bytes(before.replace(key, f"{key.partition(':')[0]}: {text} ").encode(encoding))
    return path


@pytest.mark.parametrize(
    ("text", "word"),
    [
        *(
            (word, word)
            for word in ("on", "no", "yes", "off", "y", "n", "true", "false", "null", "7", "10", "nan", "-1")
        ),
        *((word, word.lower()) for word in ("On", "NO", "True", "N", "Null")),
        ("12:30", "12:30"),
        ("190:20:30", "190:20:30"),
        ('"1e3"', "1e3"),
        ("'0x1F'", "0x1f"),
        ('"null"', "null"),
        ("'2024-01-01'", "2024-01-01"),
        ("!!str 1.5", "1.5"),
        ("größe", "größe"),
        ("Gro\u0308ße", "größe"),
        ("小爱同学", "小爱同学"),
        ("don't", "don't"),
        ("hey  Lumen", "hey lumen"),
    ],
)
def test_a_keyword_is_the_text_that_was_typed(tmp_path, text, word):
    assert load_params(typed(tmp_path, text)).keyword.text == word


@pytest.mark.parametrize(
    "text", ["1e3", "1000.0", "1.5", "0x1F", "0o17", "007", "1_000", "+1", ".nan", "2024-01-01", "2024-01-01 10:00:00"]
)
def test_a_keyword_that_is_the_value_of_several_texts_belongs_in_quotes(tmp_path, text):
    with pytest.raises(ParamsError) as error:
        load_params(typed(tmp_path, text))
    assert f"params.yaml, line {LINE}: keyword.text = {text} is " in str(error.value)
    assert f'put it in quotes, "{text}"' in str(error.value)


@pytest.mark.parametrize("text", ["", "~"])
def test_a_keyword_that_is_missing_says_how_the_word_null_is_written(tmp_path, text):
    with pytest.raises(ParamsError, match=r"keyword.text is empty.*`-S 'keyword.text=\"null\"'`"):
        load_params(typed(tmp_path, text))


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        *((word, word) for word in ("on", "no", "yes", "off", "y", "true", "7", "12:30", "hey lumen", "c++")),
        *(
            (f'"{word}"', word)
            for word in ("null", "1e3", "0x1f", "größe", "don't", "привет", "नमस्ते", "小爱同学", "nan")
        ),
        *((word, None) for word in ("null", "1e3", "1.5", "nan", "[on]")),
    ],
)
def test_what_dvc_writes_for_an_experiment_is_the_text_or_a_clear_error(tmp_path, asked, word):
    hydra = pytest.importorskip("dvc.utils.hydra", reason="DVC comes with the extra `data`")
    path = typed(tmp_path, "computer")
    hydra.apply_overrides(str(path), [f"keyword.text={asked}"])
    if word is None:
        with pytest.raises(ParamsError, match="in quotes"):
            load_params(path)
    else:
        assert load_params(path).keyword.text == word


def test_names_of_corpora_and_other_texts_are_what_was_typed_too(tmp_path):
    whole = "{on: train, no: dev, 123: test, null: train}"
    assert load_params(typed(tmp_path, whole, key="  whole: {} ")).split.whole == {
        "on": "train",
        "no": "dev",
        "123": "test",
        "null": "train",
    }
    assert load_params(typed(tmp_path, "[yes, 7]", key="  pools: [] ")).mine_negatives.pools == ["yes", "7"]
    assert load_params(typed(tmp_path, "no", key="  language: en-us\n")).keyword.language == "no"  # Norwegian
    assert load_params(typed(tmp_path, "null", key="  model: null ")).mine_negatives.model is None
    with pytest.raises(ParamsError, match="a key of split.whole = 1e3 is 1000.0"):
        load_params(typed(tmp_path, "{1e3: train}", key="  whole: {} "))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda data: data.replace(b"computer", "größe".encode("latin-1"), 1),
            rf"line {LINE}: byte {PLACE + 3} of the file is 0xf6",
        ),
        (lambda data: data.decode().encode("utf-16"), "line 1: bytes 1 and 2 are a mark of UTF-16"),
        (lambda data: data.decode().encode("utf-16-le"), r"line 1: character 2 of the file is U\+0000"),
        (lambda data: data.decode().encode("utf-32"), "mark of UTF-16 or UTF-32"),
        (
            lambda data: data.replace(b"computer", b"com\0puter", 1),
            rf"line {LINE}: character {PLACE + 4} of the file is U\+0000",
        ),
        (lambda data: data + b"\x1b", r"character \d+ of the file is U\+001B"),
        (lambda data: data + b"\xc3", "is 0xc3, which is not UTF-8"),
        (lambda data: data.replace(b"  text", b"\ttext", 1), f"line {LINE}, column 1 is not valid YAML"),
        (lambda data: data + b"bundle: {author: me}\n", r"line \d+: bundle stands there twice"),
        (
            lambda data: data.replace(b"  text", b"  text: x\n  text", 1),
            f"line {LINE + 1}: keyword.text stands there twice",
        ),
        (lambda data: data.replace(b"pools: []", b"pools: &a [*a]", 1), "an alias .* inside of what it names"),
        (
            lambda data: data.replace(b"computer", b"!!python/name:os.system x", 1),
            f"line {LINE}, column 9 is not valid",
        ),
        (lambda data: data + b"---\na: 1\n", "another document"),
        (lambda data: data + b"? [a]\n: 1\n", "a key of the file is no word"),
        (lambda data: b"", "holds NoneType, not a mapping"),
        (lambda data: b"- a\n", "holds list, not a mapping"),
    ],
)
def test_a_file_that_is_no_params_file_is_one_line_with_its_place(tmp_path, change, says):
    path = copy_params(tmp_path)
    path.write_bytes(change((ROOT / "params.yaml").read_bytes()))
    with pytest.raises(ParamsError, match=says) as error:
        load_params(path)
    assert "\n" not in str(error.value)


BASE = "base: &base {x: 1, y: 2}\n"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a: {<<: *base, x: 3}", {"x": 3, "y": 2}),
        ("a: {x: 3, <<: *base}", {"x": 3, "y": 2}),
        ("a: {<<: [{x: 4}, *base]}", {"x": 4, "y": 2}),
        ("b: &b {<<: *base, x: 3}\nc: {<<: *b, x: 4}\na: *b", {"x": 3, "y": 2}),
        ("b: &b {<<: *base, x: 3}\na: {<<: *b, y: 5}", {"x": 3, "y": 5}),
        ("c: {d: &d {<<: *base, x: 3}, <<: *d}\na: *d", {"x": 3, "y": 2}),
    ],
)
def test_a_key_says_otherwise_than_what_a_merge_brings(tmp_path, text, values):
    path = tmp_path / "p.yaml"
    path.write_text(BASE + text)
    assert read_values(path, Block)["a"] == values


@pytest.mark.parametrize("text", ["a: {<<: *base, x: 3, x: 4}", "a: {x: 3, <<: *base, x: 4}"])
def test_a_key_that_stands_twice_beside_a_merge_is_refused(tmp_path, text):
    path = tmp_path / "p.yaml"
    path.write_text(BASE + text)
    with pytest.raises(ParamsError, match=r"line 2: a\.x stands there twice"):
        read_values(path, Block)


@pytest.mark.parametrize("change", [lambda data: b"\xef\xbb\xbf" + data, lambda data: data.replace(b"\n", b"\r\n")])
def test_marks_and_line_ends_of_editors_change_nothing(tmp_path, params, change):
    path = copy_params(tmp_path)
    path.write_bytes(change((ROOT / "params.yaml").read_bytes()))
    assert load_params(path) == params


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("'!!!'", "'!!!': holds no letter and no digit"),
        ("☕", r"U\+2615 \(HOT BEVERAGE\)"),
        ('"\\u202Ecomputer"', r"U\+202E \(RIGHT-TO-LEFT OVERRIDE\)"),
        ("a" * 101, "101 characters, more than 100"),
    ],
)
def test_a_keyword_that_nobody_can_say_is_refused_when_params_are_read(tmp_path, text, says):
    with pytest.raises(ParamsError, match=says):
        load_params(typed(tmp_path, text))


def test_capitals_of_a_keyword_are_those_of_its_language(tmp_path):
    assert load_params(written(tmp_path, keyword={"text": "IŞIK", "language": "tr"})).keyword.text == "ışık"
    assert load_params(written(tmp_path, keyword={"text": "ISLE", "language": "en-us"})).keyword.text == "isle"


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(ParamsError, match="from the project's root"):
        load_params(tmp_path / "absent.yaml")


def test_the_keyword_is_read_in_lower_case_with_single_spaces(tmp_path):
    assert load_params(written(tmp_path, keyword__text="  Hey   Lumen ")).keyword.text == "hey lumen"
