"""Synthesised noise has the spectrum of its kind, and every partition its share of the kinds."""

from collections import Counter

import numpy as np
import pytest
from scipy.signal import welch

from kwsdata.audio import SAMPLE_RATE, rms
from kwsdata.clips.partitions import PARTITIONS, partition_of
from kwsdata.params.synthesis import NoisesParams
from kwsdata.stages.synthesize.noises import CORPUS, KINDS, coloured_noise, noise, noise_items, noise_sources


@pytest.mark.parametrize("slope_db", [0, 3, 6])
def test_power_falls_by_the_slope_asked_an_octave(slope_db):
    hz, power = welch(coloured_noise(np.random.default_rng(0), 20 * SAMPLE_RATE, slope_db), SAMPLE_RATE, nperseg=4096)
    band = (hz > 100) & (hz < 6000)
    measured = np.polyfit(np.log2(hz[band]), 10 * np.log10(power[band]), 1)[0]
    assert measured == pytest.approx(-slope_db, abs=0.2)  # dB: 20 s of noise leave that much chance


@pytest.mark.parametrize("kind", KINDS)
def test_each_clip_is_its_own_and_always_the_same(kind):
    wave = noise(kind, 1, 0, 2.0)
    assert wave.dtype == np.float32
    assert wave.size == 2 * SAMPLE_RATE
    assert np.abs(wave).max() <= 0.9 + 1e-6
    assert 0.001 < rms(wave) <= 0.0201
    assert np.array_equal(wave, noise(kind, 1, 0, 2.0))
    assert abs(np.corrcoef(wave, noise(kind, 1, 1, 2.0))[0, 1]) < 0.7  # two chord clips may share a note
    assert not np.array_equal(wave, noise(kind, 2, 0, 2.0))


def test_hum_is_at_the_mains_frequency():
    for number in range(5):
        hz, power = welch(noise("hum", 1, number, 4.0), SAMPLE_RATE, nperseg=SAMPLE_RATE)
        at = {mains: power[hz == mains][0] for mains in (50.0, 60.0)}
        mains = max(at, key=lambda key: at[key])
        between = power[(hz > mains + 5) & (hz < 1.9 * mains)].max()
        assert at[mains] > 30 * between


def test_every_partition_has_its_share_of_every_kind(params):
    per_kind = 20
    sources = list(noise_sources(per_kind * len(KINDS), params.partitions))
    assert len(set(sources)) == len(sources)
    counts = Counter((kind, partition_of(f"{CORPUS}:{kind}/{n}", params.partitions)) for kind, n in sources)
    for kind in KINDS:
        for partition in PARTITIONS:
            share = getattr(params.partitions, partition)
            assert counts[kind, partition] == pytest.approx(share * per_kind, abs=1.2)


@pytest.mark.parametrize("shares", [(0.6, 0.2, 0.2), (0.9, 0.05, 0.05), (0.2, 0.3, 0.5)])
@pytest.mark.parametrize("clips", [3, 7, 29, 120])
def test_few_clips_leave_no_partition_without_noise(params, shares, clips):
    partitions = params.partitions.model_copy(update=dict(zip(PARTITIONS, shares, strict=True)))
    counts = Counter(partition_of(f"{CORPUS}:{kind}/{n}", partitions) for kind, n in noise_sources(clips, partitions))
    for partition, share in zip(PARTITIONS, shares, strict=True):
        assert counts[partition] >= 1
        assert counts[partition] == pytest.approx(share * clips, abs=2)


@pytest.mark.parametrize("clips", [1, 2])
def test_too_few_clips_for_three_partitions_are_refused(params, clips):
    with pytest.raises(ValueError, match="at least 3"):
        NoisesParams(clips=clips, duration_s=1)


def test_more_clips_change_no_clip(params):
    few, many = (list(noise_sources(count, params.partitions)) for count in (30, 90))
    assert few == many[:30]


def test_items_name_their_source_and_kind(params):
    items = list(noise_items(12, 0.5, 1, params.partitions))
    assert len({item.key for item in items}) == len({item.speaker for item in items}) == 12
    assert all(item.fields["synthetic"] and item.speaker.startswith(item.fields["kind"]) for item in items)
