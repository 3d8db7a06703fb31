"""Copies are found whatever was done to them, and different recordings are not, on sound that the test makes."""

import numpy as np
import pytest
from scipy.signal import fftconvolve
from sound import tone, white_noise
from talk import room, talk

from kwsdata.audio import rms
from kwsdata.similarity.copies.held import Held, write_held
from kwsdata.similarity.copies.search import find_copies
from kwsdata.similarity.copies.spectrum import spectrum_of
from kwsdata.transforms.warp import warp

COUNT = 12


def noisy(wave, snr_db, seed=0):
    noise = white_noise(seed, wave.size / 16_000)
    return wave + noise * np.float32(rms(wave) / rms(noise) * 10 ** (-snr_db / 20))


def reverberant(wave, seed, t60_s, direct=1.0):
    return fftconvolve(wave, room(seed, t60_s, direct))[: wave.size].astype(np.float32)


def faster(wave, factor):
    return warp(wave, factor, 1 / factor)


@pytest.fixture(scope="module")
def waves():
    return [talk(seed) for seed in range(COUNT)]


@pytest.fixture(scope="module")
def held(waves, tmp_path_factory):
    directory = tmp_path_factory.mktemp("held") / "held"
    write_held(directory, (spectrum_of(wave) for wave in waves))
    return Held(directory)


@pytest.fixture(scope="module")
def search(params, held, waves):
    def search(wave):
        return find_copies(held, spectrum_of(wave), lambda: wave, waves.__getitem__, params.check.copies)

    return search


CHANGES = {
    "nothing": lambda wave: wave,
    "gain": lambda wave: 0.05 * wave,
    "polarity": lambda wave: -wave,
    "shift": lambda wave: wave[1234:],
    "silence before": lambda wave: np.pad(wave, (16_000, 0)),
    **{f"speed {f}": lambda wave, f=f: faster(wave, f) for f in (0.94, 0.98, 1.02, 1.06)},
    **{f"tempo {f}": lambda wave, f=f: warp(wave, 1.0, 1 / f) for f in (0.94, 0.98, 1.02, 1.06)},
    **{f"pitch {f}": lambda wave, f=f: warp(wave, f, 1.0) for f in (0.94, 0.97, 1.03, 1.06)},
    "dry room": lambda wave: reverberant(wave, 1, 0.2, 2.0),
    "living room": lambda wave: reverberant(wave, 2, 0.5),
    "lively room, faster": lambda wave: faster(reverberant(wave, 3, 0.4), 1.03),
    "noise at 10 dB": lambda wave: noisy(wave, 10),
    "room and noise": lambda wave: noisy(reverberant(wave, 4, 0.3), 15),
    "first half": lambda wave: wave[: wave.size // 2],
    "one second": lambda wave: wave[16_000:32_000],
    "inside other sound": lambda wave: np.concatenate([talk(900, 1.0), wave, talk(901, 1.0)]),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_is_found_and_nothing_else(search, waves, change):
    for number in range(0, COUNT, 3):
        found = search(CHANGES[change](waves[number]).astype(np.float32))
        assert [copy.held for copy in found] == [number]


@pytest.mark.parametrize("factor", [0.95, 1.0, 1.04])
def test_what_was_done_is_told(search, waves, factor):
    (copy,) = search(faster(waves[0], factor))
    assert copy.speed == pytest.approx(factor, abs=0.005)
    assert copy.semitones == pytest.approx(12 * np.log2(factor), abs=0.2)
    assert copy.held_s == pytest.approx(factor * copy.asked_s, abs=0.03)


def test_different_sounds_are_not_found(search):
    strangers = [talk(seed) for seed in range(100, 130)]
    strangers += [white_noise(seed, 3.0) for seed in range(5)]
    strangers += [tone(hz, 3.0) for hz in (50.0, 220.0, 1000.0)]
    assert [search(wave) for wave in strangers] == [[]] * len(strangers)


@pytest.mark.parametrize("wave", [np.zeros(0), np.zeros(100), np.zeros(48_000), np.full(16_000, 0.5), np.ones(7)])
def test_silence_and_scraps_match_nothing(search, wave):
    assert search(wave.astype(np.float32)) == []


def test_silence_that_is_held_matches_nothing(params, tmp_path):
    silence = np.zeros(32_000, np.float32)
    write_held(tmp_path / "held", [spectrum_of(silence), spectrum_of(silence[:0])])
    held = Held(tmp_path / "held")
    assert len(held) == 2
    assert find_copies(held, spectrum_of(silence), lambda: silence, lambda _: silence, params.check.copies) == []


@pytest.mark.parametrize("copies", [1, 40, 600])
def test_however_many_copies_are_held_one_is_found(params, waves, tmp_path, copies):
    wave = waves[0][:24_000]
    spectrum = spectrum_of(wave)
    write_held(tmp_path / "held", [spectrum] * copies + [spectrum_of(waves[1])])
    asked = (0.5 * wave).astype(np.float32)
    found = find_copies(Held(tmp_path / "held"), spectrum_of(asked), lambda: asked, lambda _: wave, params.check.copies)
    assert len(found) == min(copies, params.check.copies.candidates)
    assert all(copy.held < copies for copy in found)


def test_an_index_of_cells_finds_what_the_exact_one_does(params, waves, tmp_path, monkeypatch):
    from kwsdata.similarity.copies import held as module

    monkeypatch.setattr(module, "_EXACT_BELOW", 100)
    monkeypatch.setattr(module, "_A_LIST", 50)
    write_held(tmp_path / "held", (spectrum_of(wave) for wave in waves))
    held = Held(tmp_path / "held")
    for number in range(0, COUNT, 2):
        wave = noisy(faster(waves[number], 1.04), 15)
        found = find_copies(held, spectrum_of(wave), lambda w=wave: w, waves.__getitem__, params.check.copies)
        assert [copy.held for copy in found] == [number]


@pytest.mark.parametrize("gain", [1e-3, 0.25, 3.0])
def test_gain_changes_no_level(waves, gain):
    one, other = spectrum_of(waves[0]), spectrum_of((gain * waves[0]).astype(np.float32))
    assert np.abs(one.levels.astype(int) - other.levels).max() <= 1  # rounding


def test_a_synthesiser_that_speaks_in_step_must_agree_more(params, waves, held):
    wave = warp(waves[0], 1.0, 1 / 1.05)
    spectrum, limits = spectrum_of(wave), params.check.copies
    strict = limits.model_copy(update={"min_alike_synthetic": 1.0})
    assert find_copies(held, spectrum, lambda: wave, waves.__getitem__, strict)
    assert not find_copies(held, spectrum, lambda: wave, waves.__getitem__, strict, lambda number: True)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"min_alike": [(1.0, 0.9), (0.5, 0.95)]}, "seconds must grow"),
        ({"min_doubt": [(1.0, 0.9), (1.0, 0.95)]}, "seconds must grow"),
        ({"min_predicted": [(0.0, 0.9)]}, "seconds above 0"),
        ({"min_alike": [(1.0, 1.5)]}, "correlation from -1 to 1"),
        ({"min_alike": []}, "at least 1 item"),
        ({"min_common_s": 0.1}, "greater than or equal to 0.5"),
    ],
)
def test_limits_that_mean_nothing_are_refused(params, rows, said):
    from kwsdata.params.negatives import CopiesParams

    with pytest.raises(ValueError, match=said):
        CopiesParams(**params.check.copies.model_dump() | rows)
