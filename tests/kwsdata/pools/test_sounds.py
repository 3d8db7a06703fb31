"""A pool gives the same samples whether it is kept in memory or read piece by piece."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sound import white_noise

from kwsdata.audio import to_int16
from kwsdata.clips.manifests import make_cut
from kwsdata.clips.shards import Clip, shard_cuts, write_shard
from kwsdata.pools.sounds import Sound, SoundPool

NOISE = white_noise(7, 1.5)
STORED = to_int16(NOISE) / np.float32(32768)


@pytest.fixture(scope="module")
def pools(tmp_path_factory) -> tuple[SoundPool, SoundPool]:
    directory: Path = tmp_path_factory.mktemp("pool")
    event = np.zeros(32_000, dtype=np.float32)
    event[20_000:20_800] = 0.5
    clips = [Clip(make_cut(name, wave.size), wave) for name, wave in (("noise", NOISE), ("event", event))]
    write_shard(directory, 0, clips)
    sounds = {cut.id: Sound((cut.custom or {})["shard"], cut.num_samples, cut.id) for cut in shard_cuts(directory)}
    return SoundPool(sounds), SoundPool(sounds, kept_samples=0)


@settings(max_examples=60, deadline=None)
@given(samples=st.integers(200, 60_000), position=st.floats(0, 1, exclude_max=True))
def test_a_stretch_wraps_round_the_recording(samples: int, position: float, pools) -> None:
    kept, read = pools
    start = int(position * STORED.size)
    wanted = np.resize(np.roll(STORED, -start), samples)
    assert np.array_equal(kept.stretch("noise", samples, position), wanted)
    assert np.array_equal(read.stretch("noise", samples, position), wanted)


@settings(max_examples=40, deadline=None)
@given(samples=st.integers(0, 60_000), position=st.floats(0, 1))
def test_a_piece_lies_inside_the_recording(samples: int, position: float, pools) -> None:
    kept, read = pools
    piece = kept.piece("noise", samples, position)
    assert piece.size == min(samples, STORED.size)
    start = round(position * (STORED.size - piece.size))
    assert np.array_equal(piece, STORED[start : start + piece.size])
    assert np.array_equal(read.piece("noise", samples, position), piece)


@pytest.mark.parametrize("position", [0.0, 0.3, 0.9])
def test_where_a_recording_pauses_its_event_is_taken(position: float, pools) -> None:
    for pool in pools:
        heard = pool.stretch("event", 8000, position)
        assert heard.size == 8000
        assert np.max(np.abs(heard)) > 0.4


def test_the_level_is_the_recordings_not_the_stretchs(pools) -> None:
    for pool in pools:
        assert pool.level("event") == pytest.approx(0.5, rel=1e-3)  # over the 50 ms where it sounds
        assert pool.level("noise") == pytest.approx(0.1, rel=0.02)
