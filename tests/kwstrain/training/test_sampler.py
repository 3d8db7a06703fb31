"""Batches hold the shares asked for; every window is labelled by what it has heard; the same step, the same batch."""

import numpy as np
import pytest
from feature_stores import INFO
from hypothesis import given, settings
from hypothesis import strategies as st

from kwsdata.draws import rng_for
from kwsdata.errors import ParamsError, StageInputError
from kwsdata.features.store import ClipRow, FeatureStore, write_store
from kwstrain.training.distort import MEAN_EVERY, Distortion, apply, draw
from kwstrain.training.sampler import EARLY, KEYWORD, Sampler, batches
from kwstrain.training.windows import Shape

SHAPE = Shape(receptive_field=40, stride=2, decisions=8, hold=25)


@pytest.fixture(scope="module")
def small(small, change):
    """No window has a stream's start in it: see test_starts.py."""
    return change(small, train={"start_fraction": 0.0})


@pytest.fixture(scope="module")
def sampler(ridges, small) -> Sampler:
    return Sampler(FeatureStore(ridges / "train"), small.train, SHAPE, mined_weight=1.0)


def test_kinds_have_their_shares_in_every_batch_within_one(sampler, small):
    fractions = small.train.fractions.model_dump()
    early = fractions[KEYWORD] * small.train.early_fraction
    wanted = fractions | {KEYWORD: fractions[KEYWORD] - early, EARLY: early}
    wanted["speech"] += wanted.pop("mined")  # nothing is mined here
    counts = np.zeros(len(sampler.kinds))
    for step in range(50):
        kind = sampler.draw(rng_for(1, step), 100).kind
        drawn = np.bincount(kind, minlength=len(sampler.kinds))
        assert np.all(np.abs(drawn - [100 * wanted[k] for k in sampler.kinds]) < 1 + 1e-9)
        counts += drawn
    assert counts / counts.sum() == pytest.approx([wanted[k] for k in sampler.kinds], abs=0.005)
    assert sampler.shares[1] == pytest.approx(wanted[KEYWORD])


def test_every_positive_decision_has_heard_the_words_end_and_not_long_ago(sampler):
    windows = sampler.draw(rng_for(2), 2000)
    for kind, number, last in zip(windows.kind, windows.clip, windows.last, strict=True):
        clip, name = sampler.store.clips[number], sampler.kinds[kind]
        assert clip.label == (KEYWORD if name == EARLY else name)
        first_decision = last - SHAPE.span
        if name == KEYWORD:
            assert clip.word[1] <= first_decision
            assert last < clip.word[1] + SHAPE.hold
        elif name == EARLY:
            assert last < (clip.word[0] + clip.word[1]) / 2
        else:
            assert 0 <= last < clip.frames
    targets = sampler.gather(windows).target
    positive = windows.kind == sampler.kinds.index(KEYWORD)
    assert np.array_equal(targets[:, :, 1], np.repeat(positive[:, None], 8, axis=1).astype(np.float32))
    assert np.all(targets.sum(axis=-1) == 1)


def test_starts_are_jittered_over_the_whole_hold(sampler):
    windows = sampler.draw(rng_for(3), 4000)
    positive = windows.kind == sampler.kinds.index(KEYWORD)
    ends = np.array([sampler.store.clips[number].word[1] for number in windows.clip[positive]])
    assert set(windows.last[positive] - ends) == set(range(SHAPE.span, SHAPE.hold))


def test_gathered_frames_are_the_clips_own(sampler):
    windows = sampler.draw(rng_for(4), 64)
    features = sampler.gather(windows).features
    for row, (number, last) in enumerate(zip(windows.clip, windows.last, strict=True)):
        clip = sampler.store.clips[number]
        place = np.clip(np.arange(last - SHAPE.length + 1, last + 1), 0, clip.frames - 1)  # edges repeat
        assert np.array_equal(features[row], sampler.store.frames(clip)[place].astype(np.float32))


def one_clip_store(directory, clips: list[tuple[ClipRow, np.ndarray]]) -> FeatureStore:
    write_store(directory, [clips], 4, INFO | {"silence": [0.0] * 4})
    return FeatureStore(directory)


def test_short_clips_repeat_their_edges_and_long_ones_are_drawn_evenly(tmp_path, small, change):
    params = change(
        small, train={"fractions": {"keyword": 0, "confusable": 0, "speech": 1, "noise": 0, "mined": 0}}
    ).train
    ramp = np.arange(10, dtype=np.float32)[:, None].repeat(4, axis=1)
    short = one_clip_store(tmp_path / "short", [(ClipRow("a", "speech", 0, 0, 0, None, None, None, 0.25), ramp)])
    sampler = Sampler(short, params, SHAPE, mined_weight=1.0)
    batch = sampler.gather(sampler.draw(rng_for(1), 3))
    assert np.all(batch.features[:, : SHAPE.length - 10] == 0)
    assert np.array_equal(batch.features[0, -10:], ramp)
    assert np.all(batch.weight == 0.25)
    rows = [(ClipRow(str(n), "speech", 0, 0, 0, None, None, None), np.zeros((n, 4))) for n in (154, 1053)]
    store = one_clip_store(tmp_path / "long", rows)
    long = Sampler(store, params, SHAPE, mined_weight=1.0).draw(rng_for(1), 20_000)
    # 101 and 1000 windows: each equally likely, so the clips are not.
    assert np.mean(long.clip == 1) == pytest.approx(1000 / 1101, abs=0.01)
    assert long.last[long.clip == 1].min() == 53
    assert long.last[long.clip == 1].max() == 1052


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_augmented_copies_have_their_share_however_many_there_are(tmp_path, small, change, share):
    fractions = {"keyword": 1, "confusable": 0, "speech": 0, "noise": 0, "mined": 0}
    params = change(small, train={"fractions": fractions, "early_fraction": 0, "augmented_share": share}).train
    frames = np.zeros((120, 4))
    rows = [(ClipRow(str(n), "keyword", 0, 0, 0, (20, 60), None, None, copy=n), frames) for n in range(7)]
    store = one_clip_store(tmp_path / "copies", rows)
    clip = Sampler(store, params, SHAPE, mined_weight=1.0).draw(rng_for(1), 6000).clip
    assert np.mean(clip > 0) == pytest.approx(share, abs=0.02)
    if share:
        assert np.bincount(clip[clip > 0])[1:] / (clip > 0).sum() == pytest.approx(np.full(6, 1 / 6), abs=0.03)
    alone = one_clip_store(tmp_path / "alone", rows[:1])  # no copies: the clip gets all draws, whatever the share
    assert Sampler(alone, params, SHAPE, mined_weight=1.0).draw(rng_for(1), 10).clip.tolist() == [0] * 10


def test_mined_windows_have_their_share_and_weight_and_end_where_the_mined_sound_was_heard(tmp_path, small, change):
    fractions = {"keyword": 0, "confusable": 0, "speech": 0.75, "noise": 0, "mined": 0.25}
    params = change(small, train={"fractions": fractions}).train
    talk = (ClipRow("talk", "speech", 0, 0, 0, None, None, None), np.zeros((300, 4)))
    rows = [(ClipRow(f"m{n}", "mined", 0, 0, 0, (100, 180), None, "mined"), np.zeros((200 + n, 4))) for n in range(3)]
    store = one_clip_store(tmp_path / "mined", [talk, *rows])
    sampler = Sampler(store, params, SHAPE, mined_weight=0.5)
    windows = sampler.draw(rng_for(1), 4000)
    mined = windows.clip > 0
    assert mined.sum() == pytest.approx(1000, abs=1)
    assert np.bincount(windows.clip[mined])[1:].min() > 280  # each clip as likely as another, whatever its length
    assert windows.last[mined].min() == 140
    assert windows.last[mined].max() == 180
    batch = sampler.gather(windows)
    assert set(batch.weight[mined].ravel()) == {0.5}
    assert set(batch.weight[~mined].ravel()) == {1.0}
    assert not batch.target[..., 1].any()
    unmined = Sampler(one_clip_store(tmp_path / "none", [talk]), params, SHAPE, mined_weight=0.5)
    assert unmined.kinds == ["speech"]
    assert unmined.draw(rng_for(1), 8).clip.tolist() == [0] * 8


def test_a_share_without_clips_says_what_to_do(tmp_path, small):
    row = ClipRow("a", "speech", 0, 0, 0, None, None, None)
    with pytest.raises(StageInputError, match=r"no keyword clips, but train\.fractions\.keyword"):
        Sampler(one_clip_store(tmp_path / "s", [(row, np.zeros((80, 4)))]), small.train, SHAPE, mined_weight=1.0)
    unmarked = ClipRow("b", "keyword", 0, 0, 0, None, None, None)
    with pytest.raises(StageInputError, match="clip b has no word marked"):
        Sampler(one_clip_store(tmp_path / "t", [(unmarked, np.zeros((80, 4)))]), small.train, SHAPE, mined_weight=1.0)
    with pytest.raises(ParamsError, match="hold_s"):
        Shape(receptive_field=40, stride=2, decisions=8, hold=14)


def test_a_step_is_its_key_and_ranks_do_not_repeat_each_other(sampler):
    one, same, other = sampler.batch(7), sampler.batch(7), sampler.batch(8)
    assert np.array_equal(one.features, same.features)
    assert not np.array_equal(one.features, other.features)
    halves = [sampler.batch(7, rank, 2).features for rank in (0, 1)]
    assert [len(half) for half in halves] == [16, 16]
    assert not np.array_equal(halves[0], halves[1])


def test_batches_ahead_are_the_batches_asked_for(sampler):
    for step, batch in zip(range(3, 9), batches(sampler, range(3, 9)), strict=True):
        assert np.array_equal(batch.features, sampler.batch(step).features)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_masks_are_as_drawn_and_no_wider_than_allowed(small, change, sampler, seed):
    params = change(small, train={"time_masks": 2, "time_mask_frames": 9, "mel_masks": 1, "mel_mask_bins": 3}).train
    batch = sampler.gather(sampler.draw(rng_for(seed), 6))
    distortion = draw(rng_for(seed, "d"), batch.features.shape, params)
    masked = apply(batch, distortion)
    same = masked.features == batch.features
    expected = np.ones_like(same)
    for row in range(6):
        for start, end in distortion.time[row]:
            assert 0 <= start <= end <= SHAPE.length
            assert end - start <= 9
            expected[row, start:end] = False
        for start, end in distortion.mel[row]:
            assert end - start <= 3
            expected[row, :, start:end] = False
    assert np.array_equal(same | ~expected, np.ones_like(same))
    filled = np.broadcast_to(batch.features[:, ::MEAN_EVERY].mean(axis=(0, 1)), same.shape)
    np.testing.assert_allclose(masked.features[~expected], filled[~expected], atol=1e-5)  # float32 mean
    assert np.array_equal(masked.target, batch.target)


def test_mixup_mixes_frames_labels_and_weights_alike(sampler):
    batch = sampler.gather(sampler.draw(rng_for(5), 2))
    none = np.zeros((2, 1, 2), np.int64)
    mixed = apply(batch, Distortion(none, none, np.array([1, 0]), np.array([0.75, 1.0], np.float32)))
    np.testing.assert_allclose(mixed.features[0], 0.75 * batch.features[0] + 0.25 * batch.features[1], rtol=1e-5)
    np.testing.assert_allclose(mixed.target[0], 0.75 * batch.target[0] + 0.25 * batch.target[1])
    assert np.array_equal(mixed.features[1], batch.features[1])
