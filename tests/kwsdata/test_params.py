import copy
from pathlib import Path

import pytest
import yaml

from kwsdata.errors import ParamsError
from kwsdata.params import Params, load_params

ROOT = Path(__file__).resolve().parents[2]


def written(tmp_path: Path, **changes: object) -> Path:
    values = copy.deepcopy(yaml.safe_load((ROOT / "params.yaml").read_text()))
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
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert params.model_dump(by_alias=True, mode="json") == values


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


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"partitions__train": 0.9}, "must be 1"),
        ({"streaming__n": 9}, "n = 9 is above m = 5"),
        ({"augment__speed": {"low": 2, "high": 1}}, "low = 2 is above high = 1"),
        ({"keyword__text": "  "}, "at least one word"),
        ({"import__max_reject_fraction": 1.5}, "less than or equal to 1"),
    ],
)
def test_a_value_out_of_range_says_the_limit(tmp_path, change, says):
    with pytest.raises(ParamsError, match=says):
        load_params(written(tmp_path, **change))


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(ParamsError, match="from the project's root"):
        load_params(tmp_path / "absent.yaml")


def test_the_keyword_is_read_in_lower_case_with_single_spaces(tmp_path):
    assert load_params(written(tmp_path, keyword__text="  Hey   Lumen ")).keyword.text == "hey lumen"
