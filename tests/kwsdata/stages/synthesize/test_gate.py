"""The gate keeps speech and drops what is not; the span is the voice."""

import numpy as np
import pytest

from kwsdata.audio import SAMPLE_RATE
from kwsdata.stages.synthesize.gate import cut_to_voice, failure


def burst(before_s, voice_s, after_s, tail_db=None):
    """Silence, noise at -20 dBFS, silence; with `tail_db` the last 60 ms of the noise are that much weaker."""
    rng = np.random.default_rng(1)
    voice = 0.1 * rng.standard_normal(round(voice_s * SAMPLE_RATE))
    if tail_db is not None:
        voice[-960:] *= 10 ** (tail_db / 20)
    return np.concatenate(
        [np.zeros(round(before_s * SAMPLE_RATE)), voice, np.zeros(round(after_s * SAMPLE_RATE))]
    ).astype(np.float32)


@pytest.fixture
def gate(params):
    return params.synthesize.gate


def test_a_clip_is_cut_to_its_voice_and_the_margin(gate):
    voiced = cut_to_voice(burst(0.5, 0.6, 0.7), gate)
    frame = 160  # samples: the span is found to 10 ms
    assert voiced.span[1] - voiced.span[0] == pytest.approx(0.6 * SAMPLE_RATE, abs=frame)
    assert voiced.span[0] == pytest.approx(gate.margin_s * SAMPLE_RATE, abs=1)
    assert voiced.wave.size == pytest.approx((0.6 + 2 * gate.margin_s) * SAMPLE_RATE, abs=frame)


def test_a_weak_final_consonant_is_inside_the_span(gate):
    voiced = cut_to_voice(burst(0.3, 0.6, 0.3, tail_db=-38), gate)
    assert voiced.span[1] - voiced.span[0] == pytest.approx(0.6 * SAMPLE_RATE, abs=160)


def test_a_clip_shorter_than_its_margins_is_kept_whole(gate):
    wave = burst(0.01, 0.4, 0.02)
    assert cut_to_voice(wave, gate).wave.size == wave.size


@pytest.mark.parametrize(
    ("wave", "sounds", "reason"),
    [
        (burst(0.2, 0.6, 0.2), 9, None),
        (np.zeros(0, np.float32), 9, "no sound"),
        (np.full(16_000, 1e-5, np.float32), 9, "silent"),
        (burst(0.1, 3.2, 0.1), 12, None),  # as slow as the slowest voice says a long word
        (burst(0.1, 4.4, 0.1), 12, "too slow"),
        (burst(0.1, 1.6, 0.1), 3, "too slow"),
        (burst(0.1, 0.1, 0.1), 9, "too short"),
        (burst(0.1, 8.0, 0.1), 100, None),
        (burst(0.1, 8.0, 0.1), 9, "too slow"),
        (burst(0.1, 1.0, 0.1), 100, "too short"),
    ],
)
def test_failed_synthesis_is_told_by_its_reason(gate, wave, sounds, reason):
    voiced = cut_to_voice(wave, gate)
    said = failure(voiced.wave, voiced.span, sounds, gate)
    assert (said is None) if reason is None else said.startswith(reason)
