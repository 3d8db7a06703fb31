"""When several channels are averaged, and when that would take their sound away."""

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st
from sound import tone, white_noise

from kwsdata.audio import SAMPLE_RATE, dbfs, rms
from kwsdata.soundfiles.channels import ChannelPowers, at_project_rate, one_channel

VOICE, OTHER = white_noise(1), white_noise(2)
SILENT = np.zeros_like(VOICE)


def loudest(*channels: np.ndarray, parts: int = 5) -> int | None:
    powers = ChannelPowers(len(channels))
    for part in np.array_split(np.stack(channels, axis=1), parts):
        powers.add(part)
    return powers.loudest_if_cancelling()


@pytest.mark.parametrize("gain", [1.0, 0.97, 0.9, 0.7, 0.5, 0.3])
def test_channels_that_are_each_others_inverse_give_way_to_the_louder(gain):
    assert loudest(VOICE, -gain * VOICE) == 0
    if gain < 1:
        assert loudest(-gain * VOICE, VOICE) == 1
    assert loudest(VOICE, -gain * VOICE, parts=1) == 0


@pytest.mark.parametrize(
    "channels",
    [
        (VOICE, VOICE),
        (VOICE, 0.01 * VOICE),
        (VOICE, OTHER),
        (VOICE, SILENT),
        (SILENT, VOICE),
        (SILENT, SILENT),
        (VOICE, -0.1 * VOICE),
        (VOICE, -0.2 * VOICE + OTHER),
        (VOICE, OTHER, SILENT, SILENT),
        (VOICE, *([SILENT] * 7)),
        (VOICE + 0.3, VOICE - 0.3),  # offsets that cancel are no sound that does
        (SILENT + 0.3, SILENT - 0.3),
        (VOICE,),
        (SILENT,),
        (np.roll(VOICE, 7), VOICE),
    ],
)
def test_channels_that_do_not_cancel_are_averaged(channels):
    assert loudest(*channels) is None


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ((VOICE, VOICE, -VOICE), 0),
        ((VOICE, VOICE, VOICE, -VOICE), None),  # half of it is left, as of two dead channels
        ((0.5 * VOICE, VOICE, -VOICE), 1),
        ((0.1 * VOICE, VOICE, -VOICE), 1),
        ((VOICE, -VOICE, 0.5 * OTHER, -0.5 * OTHER), 0),
        ((VOICE, -VOICE, SILENT, SILENT), 0),
        ((0.5 * VOICE, -0.5 * VOICE, OTHER, -1.2 * OTHER), 3),
    ],
)
def test_more_than_two_channels(channels, expected):
    assert loudest(*channels) == expected


@given(gain=st.floats(-1, 1), share=st.floats(0, 1))
def test_no_more_is_lost_than_by_averaging_a_dead_channel_and_3_db(gain, share):
    """Whatever the second channel is, the level stays within 9.1 dB of the louder one."""
    second = (gain * VOICE + share * OTHER).astype(np.float32)
    block = np.stack([VOICE, second], axis=1)
    powers = ChannelPowers(2)
    powers.add(block)
    pick = powers.loudest_if_cancelling()
    made = one_channel(block) if pick is None else block[:, pick]
    assert dbfs(rms(made)) >= dbfs(max(rms(VOICE), rms(second))) - 9.1  # 6 dB of a dead channel, 3 dB of the rule


def test_the_mean_of_blocks_is_the_mean_of_all():
    for channels in (1, 2, 3, 8, 9, 64):
        wave = np.stack([white_noise(n, 0.1) for n in range(channels)], axis=1)
        parts = [one_channel(part) for part in np.array_split(wave, 7)]
        np.testing.assert_array_equal(np.concatenate(parts), wave.mean(axis=1, dtype=np.float32))


@pytest.mark.parametrize(
    "rate", [1_000, 7_999, 8_000, 11_025, 15_999, 22_050, 44_056, 48_000, 96_000, 192_000, 655_350]
)
@pytest.mark.parametrize("samples", [0, 1, 100, 30_000])
def test_resampling_in_blocks_is_resampling_at_once_to_the_last_bit(rate, samples):
    wave = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    blocks = list(at_project_rate(np.array_split(wave, 9), rate))
    expected = soxr.resample(wave, rate, SAMPLE_RATE, quality="HQ") if samples else wave
    np.testing.assert_array_equal(np.concatenate(blocks), expected)


def test_sound_at_the_projects_rate_is_left_as_it_is():
    wave = tone()
    np.testing.assert_array_equal(np.concatenate(list(at_project_rate([wave], SAMPLE_RATE))), wave)
