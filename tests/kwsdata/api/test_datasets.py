"""A dataset opened by a program: the same clips and samples as its stages read, from any directory."""

import numpy as np
import pytest
import torch
from lhotse import CutSet

from kwsdata import load_cuts
from kwsdata.clips.manifests import read_cuts
from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.errors import StageInputError
from kwstrain import ClipDataset

MANIFESTS = ["data/split/train.jsonl.gz", "data/augmented"]


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_cuts_bring_the_sound_that_stages_read(built, tmp_path_factory, monkeypatch, manifest):
    expected = list(shard_cuts(built / manifest) if (built / manifest).is_dir() else read_cuts(built / manifest))
    waves = [load_audio(cut) for cut in expected]
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    cuts = load_cuts(manifest, root=built)
    assert isinstance(cuts, CutSet)
    assert [cut.id for cut in cuts] == [cut.id for cut in expected]
    for cut, wave in zip(cuts, waves, strict=True):
        np.testing.assert_array_equal(cut.load_audio()[0], wave)
    louder = cuts.filter(lambda cut: cut.custom["label"] == "keyword").perturb_volume(2.0)  # Lhotse's own, lazily
    assert all(cut.custom["label"] == "keyword" for cut in louder)
    assert len(list(cuts)) == len(expected)  # and again from the start


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_torch_dataset_has_each_clip_once_with_its_label(built, manifest):
    dataset = ClipDataset(manifest)
    cuts = {cut.id: cut for cut in load_cuts(manifest)}
    assert sorted(dataset.ids) == sorted(cuts)
    loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=0)
    for cut_id, (wave, keyword) in zip(dataset.ids, loader, strict=True):
        assert wave.dtype == torch.float32
        np.testing.assert_array_equal(wave.numpy(), cuts[cut_id].load_audio()[0])
        assert keyword == (cuts[cut_id].custom["label"] == "keyword")


def test_a_torch_dataset_may_keep_some_labels_alone(built):
    noise = ClipDataset("data/augmented", labels=["noise"])
    assert set(noise.labels) == {"noise"}
    assert {keyword for _, keyword in noise} == {0}
    with pytest.raises(StageInputError, match="no clip that is klaxon"):
        ClipDataset("data/augmented", labels=["klaxon"])
