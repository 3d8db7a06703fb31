"""Pretraining learns the embedding of speakers it never heard, repeats itself, and survives interruption."""

import pytest
from file_hashes import hashes

from kwsdata.errors import ParamsError, StageInputError
from kwsdata.files.atomic import read_json
from kwsdata.params import Params
from kwstrain.models.trunk import load_trunk
from kwstrain.stages.pretrain import loop
from kwstrain.stages.pretrain.stage import run


@pytest.fixture(scope="module")
def made(stores, small, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp("pretrained")
        patch.setenv("KWSDATA_CACHE", str(directory / "cache"))
        return directory / "trunk", run(small, *stores, directory / "trunk")


def test_it_learns_what_held_out_speakers_sound_like(made):
    directory, info = made
    assert info["held_out_loss"] < 0.5  # 1: nothing is known
    assert read_json(directory / "trunk.json") == {name: value for name, value in info.items() if name != "timing"}
    assert len((directory / "history.jsonl").read_text().splitlines()) == 3
    assert info["corpora"] == ["talk"]


def test_the_trunk_holds_all_but_the_head(made, small):
    trunk = load_trunk(made[0])
    assert trunk is not None
    assert "stem.conv.weight" in trunk.weights
    assert not [name for name in trunk.weights if name.startswith("head") or name == "silence"]


def test_an_interrupted_run_gives_the_same_files(made, small, stores, project, monkeypatch):
    measure, calls = loop.Regression.measure, []

    def interrupted(self):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return measure(self)

    monkeypatch.setattr(loop.Regression, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(small, *stores, project / "trunk")
    assert not (project / "trunk").exists()
    run(small, *stores, project / "trunk")
    assert len(calls) == 4  # the first measurement was kept
    assert hashes(project / "trunk") == hashes(made[0])


def test_another_family_learns_it_too(small, stores, project):
    block = {"kernel": 3, "expand": 12, "channels": 12, "squeeze": False, "activation": "relu", "mel_stride": 2}
    shape = {"stem_channels": 8, "stem_kernel": 5, "stride": 3, "head_channels": 24, "dropout": 0.0, "pool": 3}
    values = small.model_dump(by_alias=True)
    values["model"] |= {"name": "mobilenetv3", "mobilenetv3": shape | {"blocks": [block, block]}}
    info = run(Params.model_validate(values), *stores, project / "trunk")
    assert info["held_out_loss"] < 0.8


def test_nothing_is_made_where_none_is_wanted(small, project):
    params = small.model_copy(update={"pretrain": small.pretrain.model_copy(update={"trunk": None})})
    assert run(params, project / "no", project / "no", project / "trunk") == {"trunk": None}
    assert load_trunk(project / "trunk") is None


def test_a_student_for_which_none_ships_is_told_so(small, project):
    params = small.model_copy(update={"pretrain": small.pretrain.model_copy(update={"trunk": "shipped"})})
    with pytest.raises(ParamsError, match=r"none ships for this student .*Set pretrain.trunk to own"):
        run(params, project / "no", project / "no", project / "trunk")


def test_embeddings_that_are_missing_are_told(small, stores, project):
    with pytest.raises(StageInputError, match="dvc repro embed_augmented"):
        run(small, stores[0], project / "none", project / "trunk")
