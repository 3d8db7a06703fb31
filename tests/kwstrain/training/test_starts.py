"""Windows in which a stream starts: silence, then what was heard; labelled by that, taught by no one who knew more."""

import numpy as np
import pytest
from feature_stores import SILENCE

from kwsdata.draws import rng_for
from kwsdata.features.store import ClipRow, FeatureStore
from kwsdata.files.atomic import write_json
from kwstrain.answers import TeachStore, clips_digest
from kwstrain.training.sampler import EARLY, KEYWORD, Sampler
from kwstrain.training.starts import CLIP_SHARE, Starts
from kwstrain.training.windows import Shape

SHAPE = Shape(receptive_field=40, stride=2, decisions=8, hold=25)


@pytest.fixture(scope="module")
def store(ridges) -> FeatureStore:
    return FeatureStore(ridges / "train")


@pytest.fixture(scope="module")
def sampler(store, small, change) -> Sampler:
    """Every window has a start in it."""
    return Sampler(store, change(small, train={"start_fraction": 1.0}).train, SHAPE, mined_weight=1.0)


@pytest.fixture(scope="module")
def windows(sampler):
    return sampler.draw(rng_for(2), 4000)


def of_kind(sampler, windows, name) -> np.ndarray:
    return windows.kind == sampler.kinds.index(name)


def test_before_the_start_there_is_silence_and_after_it_the_clip(sampler, windows):
    features = sampler.gather(windows).features
    for row in range(0, 4000, 7):
        heard, last, clip = windows.heard[row], windows.last[row], sampler.store.clips[windows.clip[row]]
        before = SHAPE.length - heard
        assert np.all(features[row, :before] == SILENCE)
        place = np.clip(np.arange(last - heard + 1, last + 1), 0, clip.frames - 1)
        assert np.array_equal(features[row, before:], sampler.store.frames(clip)[place].astype(np.float32))


def test_a_stream_has_heard_whole_decisions(windows):
    started = windows.heard < SHAPE.length
    assert np.all(windows.heard[started] % SHAPE.stride == 0)
    assert windows.heard.max() <= SHAPE.length and windows.heard.min() == 0


def test_a_keyword_is_heard_whole_however_short_the_stream(sampler, windows):
    keyword = of_kind(sampler, windows, KEYWORD)
    word = np.asarray([sampler.store.clips[clip].word for clip in windows.clip[keyword]])
    onset = windows.last[keyword] - windows.heard[keyword] + 1
    assert np.all(onset <= word[:, 0])
    assert np.all(windows.last[keyword] - SHAPE.span >= word[:, 1])
    assert (word[:, 0] - onset).min() <= SHAPE.stride  # some begin with the word
    assert (word[:, 0] - onset).max() > 3 * SHAPE.stride
    assert sampler.gather(windows).target[keyword, :, 1].all()


def test_all_others_say_no_and_start_anywhere_or_with_their_clip(sampler, windows):
    others = ~of_kind(sampler, windows, KEYWORD)
    assert not sampler.gather(windows).target[others, :, 1].any()
    onset = windows.last[others] - windows.heard[others] + 1
    assert onset.min() >= 0
    assert np.mean(onset == 0) == pytest.approx(CLIP_SHARE, abs=0.05)
    assert np.unique(onset).size > 60
    assert np.bincount(windows.heard[others] // SHAPE.stride).min() > 0  # every length, silence alone too


def test_early_windows_end_before_the_word_is_half_said_wherever_the_stream_starts(sampler, windows):
    early = of_kind(sampler, windows, EARLY)
    word = np.asarray([sampler.store.clips[clip].word for clip in windows.clip[early]])
    assert np.all(windows.last[early] < word.mean(axis=1))


@pytest.mark.parametrize("fraction", [0.0, 0.2, 1.0])
def test_each_kind_has_its_fraction_of_starts(store, small, change, fraction):
    sampler = Sampler(store, change(small, train={"start_fraction": fraction}).train, SHAPE, mined_weight=1.0)
    windows = sampler.draw(rng_for(3), 6000)
    for kind in np.flatnonzero([name != KEYWORD for name in sampler.kinds]):  # some words here are as long as a window
        heard = windows.heard[windows.kind == kind]
        assert np.mean(heard < SHAPE.length) == pytest.approx(fraction, abs=0.06)  # 1 of 28 starts cuts nothing


def test_without_starts_no_number_is_drawn(store):
    rng = rng_for(1)
    clip, last, none = np.arange(5), np.full(5, 90), np.zeros(5, bool)
    kept, heard = Starts(store.clips, SHAPE, 0.0).draw(rng, clip, last, none, none)
    assert np.array_equal(kept, last) and set(heard) == {SHAPE.length}
    assert rng.random() == rng_for(1).random()


@pytest.mark.parametrize(
    ("word", "last", "heard"),
    [
        ((0, 30), 46, {48}),  # begins with the clip: one frame more than there is, the clip's first repeated
        ((0, 30), 47, {48}),
        ((3, 30), 47, {46, 48}),  # 45 frames hold the word, in whole decisions 46
        ((0, 90), 110, {54}),  # longer than a window: nothing can be cut
    ],
)
def test_lengths_of_a_keywords_stream(word, last, heard):
    row = ClipRow("a", "keyword", 0, 0, 120, word, None, None)
    starts, all_of_them = Starts([row], SHAPE, 1.0), np.ones(300, bool)
    _, found = starts.draw(rng_for(5), np.zeros(300, int), np.full(300, last), all_of_them, ~all_of_them)
    assert set(found.tolist()) == heard


@pytest.mark.parametrize("frames", [1, 2, 5, 40, 300])
def test_a_clip_of_any_length_can_start_a_stream(frames):
    row = ClipRow("a", "speech", 0, 0, frames, None, None, None)
    none = np.zeros(500, bool)
    last, heard = Starts([row], SHAPE, 1.0).draw(rng_for(6), np.zeros(500, int), np.full(500, frames - 1), none, none)
    assert heard.min() == 0 and heard.max() == min(frames // 2 * 2, SHAPE.length)
    assert last.max() < frames and np.all(last - heard + 1 >= 0)


@pytest.fixture
def taught(store, tmp_path):
    """Answers each 80 ms, which depend on 3200 samples: answer j says j."""
    counts = [max(0, clip.frames * 160 // 1280) for clip in store.clips]
    np.save(tmp_path / "first.npy", np.concatenate([[0], np.cumsum(counts)]))
    np.save(tmp_path / "log_odds.npy", np.concatenate([np.arange(count) for count in counts]).astype(np.float16))

    def made(context):
        info = {"hop_samples": 1280, "window_samples": 1280, "context_samples": context, "dim": 0}
        write_json(tmp_path / "teach.json", info | {"clips_sha256": clips_digest(store)})
        return TeachStore(tmp_path, store)

    return made


def test_no_answer_is_taken_that_knows_what_came_before_the_start(taught):
    clip, frame = np.zeros(1, int), np.arange(100)[None]
    whole = taught(3200).answers(clip[:, None], frame, np.zeros((1, 1), int))
    assert whole.known[0].tolist() == [160 * n + 400 >= 1280 for n in range(100)]
    for onset in (1, 8, 37):
        started = taught(3200).answers(clip[:, None], frame, np.full((1, 1), onset))
        first_heard = 1280 * whole.log_odds[0] + 1280 - 3200
        assert np.array_equal(started.known[0], whole.known[0] & (first_heard >= 160 * onset))
        assert started.known.any()
        assert np.array_equal(started.log_odds[started.known], whole.log_odds[started.known])
        assert not taught(None).answers(clip[:, None], frame, np.full((1, 1), onset)).known.any()
    assert taught(None).answers(clip[:, None], frame, np.zeros((1, 1), int)).known.any()


def test_the_sampler_takes_answers_from_the_clips_own_start_on(store, small, change, taught):
    params = change(small, train={"start_fraction": 1.0}).train
    sampler = Sampler(store, params, SHAPE, taught(3200), mined_weight=1.0)
    windows = sampler.draw(rng_for(2), 1000)
    _, known, _ = sampler.gather(windows).soft
    onset = windows.last - windows.heard + 1
    started = (windows.heard < SHAPE.length) & (onset > 0)
    assert not known[started & (windows.heard * 160 < 3200 - 1280)].any()
    assert known[started & (windows.heard > 40)].any()
    assert known[(onset == 0) & (windows.heard > 24)].all()
