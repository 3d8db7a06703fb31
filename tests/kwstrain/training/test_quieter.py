"""A window that training makes quieter is what the front end gives for the quieter sound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwsdata.draws import rng_for
from kwsdata.features.store import FeatureStore, add_to_store
from kwsdata.runtime.front_ends import features_of, make_frontend
from kwstrain.training.distort import draw, lower
from kwstrain.training.sampler import Sampler
from kwstrain.training.windows import Shape

SHAPE = Shape(receptive_field=40, stride=2, decisions=8, hold=25)


@pytest.fixture(params=["logmel", "micro"])
def features(request, small, change):
    return change(
        small, features={"frontend": request.param, "window_ms": 30 if request.param == "micro" else 25}
    ).features


@settings(max_examples=20, deadline=None)
@given(by_db=st.floats(0, 60), seed=st.integers(0, 99))
def test_it_is_what_the_front_end_hears_of_the_quieter_sound(small, by_db, seed):
    wave = voice(seed)
    heard = features_of(wave * np.float32(10 ** (-by_db / 20)), small.features)
    made = lower(features_of(wave, small.features)[None], np.array([by_db], np.float32), silence(small.features))
    np.testing.assert_allclose(made[0], heard, atol=2e-3)


def test_only_front_ends_that_say_so_give_log_energies(features):
    wave = voice(1)
    heard = features_of(wave * np.float32(0.1), features)
    made = lower(features_of(wave, features)[None], np.array([20.0], np.float32), silence(features))[0]
    assert make_frontend(features).log_energies == np.allclose(made, heard, atol=2e-3)


def test_half_of_the_windows_are_made_quieter_by_any_of_the_levels_allowed(small, change):
    params = change(small, train={"quieter_probability": 0.5, "quieter_db": 30.0}).train
    by_db = draw(rng_for(1), (20_000, SHAPE.length, 4), params).quieter_db
    quieter = by_db[by_db > 0]
    assert len(quieter) / len(by_db) == pytest.approx(0.5, abs=0.02)
    np.testing.assert_allclose(np.quantile(quieter, [0.0, 0.25, 0.5, 0.75, 1.0]), [0, 7.5, 15, 22.5, 30], atol=0.6)


def test_batches_of_log_energies_are_made_quieter_and_others_are_not(ridges, small, change, tmp_path):
    off = {"time_masks": 0, "mel_masks": 0, "mixup_probability": 0.0}
    plain = change(small, train=off | {"quieter_probability": 0.0}).train
    lowered = change(small, train=off | {"quieter_probability": 1.0, "quieter_db": 3.0}).train
    marked = tmp_path / "train"
    marked.mkdir()
    for path in (ridges / "train").iterdir():
        (marked / path.name).write_bytes(path.read_bytes())
    add_to_store(marked, {"log_energies": True})

    def batch(directory, params):
        return Sampler(FeatureStore(directory), params, SHAPE, mined_weight=1.0).batch(3)

    usual, same, quieter = batch(marked, plain), batch(ridges / "train", lowered), batch(marked, lowered)
    np.testing.assert_array_equal(usual.features, same.features)
    fallen = (usual.features - quieter.features) * 10 / np.log(10)  # dB
    assert -0.001 < fallen.min() < fallen.max() < 3.001
    assert fallen.max(axis=(1, 2)).std() > 0.5
    np.testing.assert_array_equal(usual.target, quieter.target)


def voice(seed: int) -> np.ndarray:
    """Return a second of a buzz whose level rises, over a little noise: float32 [samples]."""
    rng = rng_for(seed, "voice")
    time = np.arange(16_000) / 16_000
    buzz = sum(np.sin(2 * np.pi * 120 * n * time + rng.uniform(0, 6)) / n for n in range(1, 40))
    return (0.1 * time * buzz + rng.normal(0, 1e-3, time.size)).astype(np.float32)


def silence(features) -> np.ndarray:
    return make_frontend(features).silence
