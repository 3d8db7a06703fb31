"""The warm-up is a share of the shortest keyword that was trained on."""

import numpy as np
import pytest
from feature_stores import INFO
from params_files import copy_params

from kwsdata.errors import ParamsError
from kwsdata.features.store import ClipRow, FeatureStore, write_store
from kwsdata.params import WarmUpParams, load_params
from kwstrain.training.starts import warm_up_of


def store_of(directory, words, label="keyword", **info) -> FeatureStore:
    """A store of one clip a word, of so many frames of 10 ms."""
    rows = [(ClipRow(str(n), label, 0, 0, 0, (20, 20 + word), None, None), np.zeros((1, 16))) for n, word in words]
    write_store(directory, [rows], 16, INFO | info)
    return FeatureStore(directory)


@pytest.mark.parametrize(
    ("shortest", "share", "expected"),
    [(0.0, 1.0, 0.30), (0.0, 0.5, 0.15), (0.5, 1.0, 0.80), (1.0, 1.0, 1.30), (0.1, 0.5, 0.20), (0.5, 0.0, 0.0)],
)
def test_it_is_a_share_of_a_quantile(tmp_path, shortest, share, expected):
    store = store_of(tmp_path / "s", enumerate(range(30, 131)))
    assert warm_up_of(store, WarmUpParams(shortest=shortest, share=share)) == pytest.approx(expected)


def test_it_is_in_seconds_whatever_a_frame_lasts(tmp_path):
    params = WarmUpParams(shortest=0.5, share=0.5)
    store = store_of(tmp_path / "s", enumerate([8] * 5), hop_samples=1280, window_samples=1280)
    assert warm_up_of(store, params) == 0.32


def test_other_clips_do_not_count_and_without_keywords_there_is_none(tmp_path):
    params = WarmUpParams(shortest=0.01, share=0.5)
    assert warm_up_of(store_of(tmp_path / "none", enumerate([5, 6]), label="confusable"), params) == 0.0
    rows = [(ClipRow("k", "keyword", 0, 0, 0, None, None, None), np.zeros((1, 16)))]
    write_store(tmp_path / "unmarked", [rows], 16, INFO)
    assert warm_up_of(FeatureStore(tmp_path / "unmarked"), params) == 0.0


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{shortest: 1.5, share: 0.5}", "warm_up.shortest = 1.5"),
        ("{shortest: 0.01, share: -1}", "warm_up.share = -1"),
        ("{shortest: 0.01, shares: 0.5}", "unknown key 'warm_up.shares'; did you mean 'share'"),
    ],
)
def test_impossible_params_are_refused(tmp_path, line, says):
    path = copy_params(tmp_path).parent / "params/kwstrain.yaml"
    rows = path.read_text().splitlines()
    path.write_text("\n".join(f"warm_up: {line}" if row.startswith("warm_up:") else row for row in rows))
    with pytest.raises(ParamsError, match=says):
        load_params(tmp_path / "params.yaml")
