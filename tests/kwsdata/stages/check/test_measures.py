import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sound import burst, tone, white_noise

from kwsdata.audio import resample
from kwsdata.clips.manifests import make_cut
from kwsdata.measures.shortcut import BANDS, NAMES, area_under_curve, background_of, levels_of, shortcut
from kwsdata.stages.check.balance import counts_of, imbalances


def test_bandwidth_is_that_of_the_recording():
    wide = white_noise(0, 2.0)
    assert levels_of(wide)[3] > 7800
    for rate in (4000, 8000, 11_025):
        narrow = resample(resample(wide, 16_000, rate), rate, 16_000)
        # soxr passes 91 % of the band and is 60 dB down just above its end.
        assert 0.9 * rate / 2 < levels_of(narrow)[3] < 1.08 * rate / 2


def test_levels_of_a_tone_and_of_nothing():
    loudest, level, clipped, _ = levels_of(tone(hz=1000, level=0.5))
    assert loudest == pytest.approx(-9.03, abs=0.05)  # 0.5 / sqrt 2
    assert level == pytest.approx(-9.03, abs=0.05)
    assert clipped == 0
    assert levels_of(np.clip(4 * tone(hz=1000, level=0.5), -1, 1))[2] == pytest.approx(2 / 3, abs=0.05)
    assert levels_of(np.zeros(0, np.float32))[0] == -200


def test_the_background_is_what_sounds_when_nobody_speaks():
    hiss = resample(resample(white_noise(1, 2.0, level=0.01), 16_000, 4000), 4000, 16_000)
    talk = np.concatenate([burst(0), np.zeros(16_000, np.float32)])[: hiss.size]
    background = background_of(np.pad(talk, (0, hiss.size - talk.size)) + hiss)
    low, high = background[: BANDS // 4 - 1], background[BANDS // 4 + 1 :]
    assert low.min() > high.max() + 20
    np.testing.assert_allclose(
        background, background_of(0.25 * (np.pad(talk, (0, hiss.size - talk.size)) + hiss)), atol=0.5
    )


@given(seed=st.integers(0, 50))
def test_area_under_the_curve_is_the_chance_of_a_right_order(seed):
    rng = np.random.default_rng(seed)
    scores, positive = rng.integers(0, 6, 40) / 5.0, rng.random(40) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[positive] for b in scores[~positive]]
    expected = np.mean(pairs) if pairs else 0.5
    assert area_under_curve(scores, positive) == pytest.approx(expected)


def test_a_shortcut_is_found_and_named_and_noise_is_none():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((400, BANDS + 2))
    is_keyword = rng.random(400) < 0.3
    ids = [str(i) for i in range(400)]
    auc, _ = shortcut(features, is_keyword, ids)
    assert 0.38 < auc < 0.62  # 0.5 within 4 standard errors of 0.03
    features[is_keyword, -1] += 4
    auc, telling = shortcut(features, is_keyword, ids)
    assert auc > 0.97
    assert telling[0] == NAMES[-1] == "bandwidth"


def cuts_of(**counts):
    return [
        make_cut(f"{label}{i}", 16_000, speaker=f"s{i % speakers}", custom={"label": label})
        for label, (clips, speakers) in counts.items()
        for i in range(clips)
    ]


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"keyword": (10, 10), "speech": (50, 3)}, []),
        ({"speech": (50, 3)}, ["has no keyword"]),
        ({"keyword": (10, 2), "speech": (50, 3)}, ["said by 2 speakers", "says 0.50"]),
        ({"keyword": (10, 10), "speech": (4000, 3)}, ["400 times"]),
    ],
)
def test_what_is_out_of_proportion_is_said(params, counts, said):
    limits = params.check.model_copy(update={"min_speakers": 5, "max_speaker_share": 0.3, "max_hours_ratio": 300})
    messages = [finding.message for finding in imbalances("dev", counts_of(cuts_of(**counts)), limits)]
    assert len(messages) == len(said)
    assert all(words in message for words, message in zip(said, messages, strict=True))
