"""Copies whose channel tells the keyword are found out, and stop the stage where params say so."""

from pathlib import Path

import numpy as np
import pytest
from sound import burst, white_noise

from kwsdata.audio import Waveform
from kwsdata.clips.manifests import make_cut
from kwsdata.clips.shards import Clip, write_shard
from kwsdata.errors import StageInputError
from kwsdata.features.store import FeatureStore
from kwsdata.params import Params
from kwsdata.stages.featurize.stage import run

CLIPS = 60  # of each kind


@pytest.fixture
def project(tmp_path, monkeypatch, params) -> Params:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dev/clean").mkdir(parents=True)
    return params.model_copy(update={"executor": params.executor.model_copy(update={"kind": "serial"})})


def write_copies(floor_of: dict[str, float], copy: int = 1) -> None:
    def clip(label: str, number: int) -> Clip:
        seed = number + CLIPS * list(floor_of).index(label)
        wave: Waveform = burst(seed) + white_noise(seed, 1.0, floor_of[label])
        custom = {"label": label, "corpus": label, "recipe": {"copy": copy}}
        return Clip(make_cut(f"{label}{number}-c{copy}", wave.size, custom=custom), wave)

    write_shard(Path("augmented"), 0, (clip(label, number) for label in floor_of for number in range(CLIPS)))


def featurize(params: Params, limit: float):
    block = params.featurize.model_copy(update={"max_shortcut_auc": limit})
    changed = params.model_copy(update={"featurize": block})
    return run(changed, Path("augmented"), Path(), Path("features"))["train"]["shortcut"]


def test_a_floor_that_only_keywords_have_is_found_and_stops_the_stage(project) -> None:
    write_copies({"keyword": 0.01, "speech": 0.0005})
    assert featurize(project, 1.0)["auc"] > 0.95
    assert FeatureStore(Path("features/train")).info["shortcut"]["tells"]
    with pytest.raises(StageInputError, match=r"max_shortcut_auc = 0\.65.*channel\.probability"):
        featurize(project, 0.65)
    assert FeatureStore(Path("features/train")).info["clips"] == 2 * CLIPS  # of before: nothing is half written


def test_one_floor_under_all_tells_nothing(project) -> None:
    write_copies({"keyword": 0.002, "speech": 0.002})
    assert 0.3 < featurize(project, 0.75)["auc"] < 0.7  # 0.5 within 4 standard errors of 0.05


@pytest.mark.parametrize(("labels", "copy"), [(("keyword",), 1), (("keyword", "noise"), 1), (("keyword", "speech"), 0)])
def test_without_copies_of_both_there_is_nothing_to_tell(project, labels, copy) -> None:
    write_copies(dict.fromkeys(labels, 0.002), copy)
    assert featurize(project, 0.5) is None


def test_what_is_measured_is_no_matter_of_workers(project) -> None:
    write_copies({"keyword": 0.01, "speech": 0.002})
    small = project.featurize.model_copy(update={"clips_per_shard": 7})
    assert featurize(project, 1.0) == featurize(project.model_copy(update={"featurize": small}), 1.0)
    assert np.isfinite(featurize(project, 1.0)["auc"])
