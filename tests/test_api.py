"""The names that programs use: lazily imported, typed, and doing what their examples show."""

import ast
import doctest
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from glides import talk
from hypothesis import given
from hypothesis import strategies as st
from imports import ROOT
from params_files import copy_params
from sound import tone, white_noise

import kwsdata
import kwstrain
from kwsdata.errors import ParamsError, StageInputError
from kwsdata.params import AugmentParams
from kwsdata.params.files import DATA_FILE, PARAMS_FILE, TRAINING_FILE

PACKAGES = [kwsdata, kwstrain]
NAMES = [(package, name) for package in PACKAGES for name in package.__all__]


@pytest.mark.parametrize(("package", "name"), NAMES, ids=lambda value: getattr(value, "__name__", value))
def test_every_name_is_there_described_and_no_modules(package, name):
    value = getattr(package, name)
    assert value.__doc__
    assert value.__module__.split(".")[0] in ("kwsdata", "kwstrain")
    assert not (ROOT / package.__name__ / name).is_dir()  # importing a.b would put the module in the place of the name
    assert not (ROOT / package.__name__ / f"{name}.py").exists()
    assert name in dir(package)


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_are_told_the_same_names_from_the_same_modules(package):
    stub = ast.parse((ROOT / package.__name__ / "__init__.pyi").read_text())
    told = {alias.asname: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == package._MODULES


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_imports_nothing_that_it_offers(package):
    program = f"import sys, {package.__name__} as p; print(*(n for n in sys.modules if n.split('.')[0] in sys.argv))"
    heavy = ["numpy", "lhotse", "torch", "onnxruntime", "pydantic", "pyroomacoustics", "scipy"]
    done = subprocess.run([sys.executable, "-c", program, *heavy], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_name_that_is_not_there_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match="no attribute 'augment_waves'"):
        package.augment_waves  # noqa: B018


@pytest.mark.parametrize("module", ["augmenting", "params", "rooms", "searching"])
def test_the_examples_run(module):
    found = doctest.testmod(import_module(f"kwsdata.api.{module}"))
    assert (found.failed, found.attempted > 0) == (0, True)


@given(copy=st.integers(0, 50), hz=st.floats(100, 2000))
def test_a_wave_is_made_again_from_its_record(copy, hz):
    rooms = {"hall": np.exp(-np.arange(4000) / 600).astype(np.float32) * white_noise(1, 0.25, 0.3)}
    mixed_in = kwsdata.sound_materials(rooms, {"fan": white_noise(2, 3.0, 0.1)}, {"talk": tone(300, 2.0, 0.2)})
    wave, params = tone(hz, 1.0, 0.3), kwsdata.default_params().augment
    made = kwsdata.augment_wave(wave, params, copy, materials=mixed_in, span=(1000, 9000))
    again = kwsdata.render_again(wave, made.record, materials=mixed_in, span=(1000, 9000))
    np.testing.assert_array_equal(again.wave, made.wave)
    assert again.span == made.span
    assert np.abs(made.wave).max() <= 1


def test_sounds_in_memory_are_heard_as_those_of_a_project_are():
    values = kwsdata.default_params().augment.model_dump()
    values["effects"]["noise"]["probability"] = 1.0
    params = AugmentParams.model_validate(values)
    mixed_in = kwsdata.sound_materials(noises={"fan": white_noise(2, 3.0, 0.1)})
    made = kwsdata.augment_wave(tone(440, 1.0, 0.3), params, 1, materials=mixed_in)
    assert made.record["noise"]["noise"] == "fan"
    bare = {name: draw for name, draw in made.record.items() if name != "noise"}
    assert not np.array_equal(kwsdata.render_again(tone(440, 1.0, 0.3), bare).wave, made.wave)


@pytest.mark.parametrize(("t60_s", "distance_m"), [(0.2, 0.5), (0.5, 2.0), (0.9, 1.0)])
def test_a_room_has_the_reverberation_time_that_was_asked_for(t60_s, distance_m):
    room = kwsdata.simulate_room(6.0, 5.0, 3.0, t60_s, distance_m=distance_m, seed=1)
    assert room.t60_s == pytest.approx(t60_s, rel=0.1)  # what is left of the walls' formula
    assert room.distance_m == pytest.approx(distance_m, abs=1e-3)
    again = kwsdata.simulate_room(6.0, 5.0, 3.0, t60_s, distance_m=distance_m, seed=1)
    np.testing.assert_array_equal(again.response, room.response)


@pytest.mark.parametrize(
    "wrong", [{"t60_s": 0}, {"t60_s": 0.3, "distance_m": -1}, {"t60_s": 0.3, "treble_t60_ratio": 2}]
)
def test_a_room_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="above 0"):
        kwsdata.simulate_room(5, 4, 3, **wrong)


def test_a_stretch_is_found_where_it_was_taken_from():
    pytest.importorskip("livekit.wakeword", reason="the extra `mine` is not installed")
    sounds = {name: talk(seed, 3.0, [(1.2, seed == 1)]) for seed, name in enumerate(("falling", "rising", "other"))}
    index = kwsdata.SoundIndex(sounds)
    start = 13 * 1280  # windows are 1280 samples apart; this one holds the word
    best = index.search(sounds["rising"][start : start + 12_400], count=2)
    assert len(best) == 2
    assert best[0].sound == "rising"
    assert best[0].start_s == pytest.approx(start / 16_000, abs=0.081)  # a window is heard without what was before it
    assert best[0].similarity > best[1].similarity


def test_changed_params_go_into_their_files_and_all_else_stays(tmp_path):
    path = copy_params(tmp_path)
    before = kwsdata.load_params(path)
    changes = {"loss": {"gamma": 2.5, "label_smoothing": 0.1}, "split": {"whole": {"hum": "train"}}}
    after = kwsdata.change_params(changes, path)
    assert (after.loss.gamma, after.loss.label_smoothing, after.split.whole) == (2.5, 0.1, {"hum": "train"})
    assert after.model_copy(update={"loss": before.loss, "split": before.split}) == before
    for file, lines in ((PARAMS_FILE, 2), (TRAINING_FILE, 1), (DATA_FILE, 0)):
        old, new = (place.read_text().splitlines() for place in (ROOT / file, tmp_path / file))
        assert sum(one != other for one, other in zip(old, new, strict=True)) == lines
    with pytest.raises(ParamsError, match=r"unknown key 'loss.gama'"):
        kwsdata.change_params({"loss": {"gama": 1}}, path)


def test_an_index_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no sounds"):
        kwsdata.SoundIndex({})


@pytest.mark.parametrize("open_it", [kwsdata.load_cuts, kwstrain.ClipDataset])
def test_a_dataset_that_is_not_there_says_what_to_type(open_it, tmp_path):
    with pytest.raises(StageInputError, match="dvc repro"):
        open_it("data/split/train.jsonl.gz", root=tmp_path)
