"""Windows for pretraining: what a decision is to say is what was heard when it is made."""

import numpy as np
import pytest
from feature_stores import INFO, N_MELS, SILENCE

from kwsdata.errors import StageInputError
from kwsdata.features.store import ClipRow, FeatureStore, write_store
from kwstrain.stages.pretrain.windows import Geometry, Pairs

GEOMETRY = Geometry(receptive_field=29, stride=2, decisions=4)


@pytest.fixture(scope="module")
def pairs(stores, small):
    features, embedded = stores
    return Pairs(FeatureStore(features / "train"), FeatureStore(embedded / "train"), GEOMETRY, small.pretrain)


def test_no_speaker_is_trained_on_and_held_out(pairs):
    train, held = ({clip.speaker for clip, _ in part} for part in (pairs.train, pairs.held))
    assert len(train) + len(held) == 20
    assert 1 <= len(held) <= 9
    assert not train & held


def test_a_step_has_its_batch_and_another_step_another(pairs):
    (first, said), (again, _), (other, _) = pairs.batch(5), pairs.batch(5), pairs.batch(6)
    assert first.shape == (32, GEOMETRY.length, N_MELS)
    assert said.shape == (32, 4, 12)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_targets_are_standardised(pairs):
    said = np.concatenate([pairs.batch(step)[1].reshape(-1, 12) for step in range(40)])
    assert np.abs(said.mean(0)).max() < 0.2
    assert said.std(0) == pytest.approx(np.full(12, 0.85), abs=0.2)  # interpolated: less than 1


@pytest.fixture
def clock(tmp_path, small):
    """A world in which a frame holds its number, and an embedding the seconds that were heard."""
    frames, embeddings = [], []
    for number in range(40):
        row = ClipRow(f"c{number}", "speech", 0, 0, 0, None, f"s{number}", "talk")
        count = 20 + 7 * number
        frames.append((row, np.repeat(np.arange(float(count))[:, None], N_MELS, axis=1)))
        heard = (np.arange((count * 160 + 240) // 1280) + 1) * 0.08
        embeddings.append((row, np.repeat(heard[:, None], 2, axis=1)))
    hops = {"hop_samples": 1280, "window_samples": 1280, "silence": [0.0, 0.0]}
    write_store(tmp_path / "features", [frames], N_MELS, INFO | {"silence": SILENCE.tolist()})
    write_store(tmp_path / "embedded", [embeddings], 2, hops)
    return Pairs(FeatureStore(tmp_path / "features"), FeatureStore(tmp_path / "embedded"), GEOMETRY, small.pretrain)


def test_a_decision_says_the_embedding_of_its_own_time(clock):
    frames, said = clock.batch(1)
    last = frames[:, [-7, -5, -3, -1], 0]  # the last frame of each decision
    seconds = (last * 160 + 400) / 16_000
    told = said[..., 0] * clock.scale[0] + clock.mean[0]
    np.testing.assert_allclose(told, seconds, atol=0.002)  # float16 in the stores


def test_before_a_clip_there_is_silence(clock):
    windows = np.concatenate([clock.batch(step)[0] for step in range(20)])
    before = windows[:, 0, 0] == SILENCE[0]
    assert before.any()
    for window in windows[before]:
        start = int((window[:, 0] != SILENCE[0]).argmax())
        assert window[start, 0] == 0  # then the clip from its first frame


def test_longer_clips_are_drawn_more_often_by_the_square_root(clock):
    lasts = clock.batch(0)[0]
    assert lasts.shape[0] == clock.params.batch_size
    chance = np.diff(np.concatenate([[0.0], clock._chance[False]]))
    frames = np.array([clip.frames for clip, _ in clock.train])
    assert np.corrcoef(chance**2, frames)[0, 1] > 0.999


def test_stores_of_other_clips_are_refused(stores, small, tmp_path):
    features, embedded = stores
    row = ClipRow("other", "speech", 0, 0, 0, None, "s", "talk")
    write_store(
        tmp_path / "embedded", [[(row, np.zeros((9, 12), np.float32))]], 12, FeatureStore(embedded / "train").info
    )
    with pytest.raises(StageInputError, match="holds other clips than"):
        Pairs(FeatureStore(features / "train"), FeatureStore(tmp_path / "embedded"), GEOMETRY, small.pretrain)


@pytest.mark.parametrize("speakers", [2, 3, 7])
def test_of_few_speakers_one_is_held_out(small, tmp_path, speakers):
    rows = [ClipRow(f"c{number}", "speech", 0, 0, 0, None, f"s{number}", "talk") for number in range(speakers)]
    frames = [(row, np.zeros((80, N_MELS), np.float32)) for row in rows]
    write_store(tmp_path / "features", [frames], N_MELS, INFO | {"silence": SILENCE.tolist()})
    hops = {"hop_samples": 1280, "window_samples": 1280, "silence": [0.0, 0.0]}
    write_store(tmp_path / "embedded", [[(row, np.zeros((9, 2), np.float32)) for row in rows]], 2, hops)
    rare = small.pretrain.model_copy(update={"held_out": 0.001})
    pairs = Pairs(FeatureStore(tmp_path / "features"), FeatureStore(tmp_path / "embedded"), GEOMETRY, rare)
    assert (len(pairs.held), len(pairs.train)) == (1, speakers - 1)


def test_a_world_of_one_speaker_cannot_be_held_out(small, tmp_path):
    row = ClipRow("one", "speech", 0, 0, 0, None, "s", "talk")
    write_store(tmp_path / "features", [[(row, np.zeros((80, N_MELS), np.float32))]], N_MELS, INFO)
    hops = {"hop_samples": 1280, "window_samples": 1280, "silence": [0.0, 0.0]}
    write_store(tmp_path / "embedded", [[(row, np.zeros((9, 2), np.float32))]], 2, hops)
    with pytest.raises(StageInputError, match="held-out"):
        Pairs(FeatureStore(tmp_path / "features"), FeatureStore(tmp_path / "embedded"), GEOMETRY, small.pretrain)
