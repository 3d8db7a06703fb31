"""Rooms have the T60 asked for, the direct path where it is documented, and one partition each."""

from pathlib import Path

import numpy as np
import pyroomacoustics as pra
import pytest
import soundfile
from sound import white_noise

from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.clips.partitions import PARTITIONS, partition_of
from kwsdata.errors import AudioError, PartitionError, StageInputError
from kwsdata.files.atomic import sha256_of
from kwsdata.importers.run import run_import
from kwsdata.rooms.bank import DIRECT_SAMPLE, align, find_direct, load_bank, measure_t60
from kwsdata.rooms.room import draw_room
from kwsdata.rooms.simulate import simulate_room
from kwsdata.stages.simulate_rirs.measured import trim_tail
from kwsdata.stages.simulate_rirs.stage import run

ROOMS = 12


@pytest.fixture(scope="module")
def rooms(params):
    block = params.simulate_rirs.model_copy(update={"sources_per_room": 2})
    draws = [draw_room(block, number) for number in range(ROOMS)]
    return [(draw, simulate_room(draw, block.max_rir_s)) for draw in draws]


def decay(t60_s: float, seconds: float = 1.0, seed: int = 0) -> np.ndarray:
    """Return noise that falls by 60 dB in `t60_s`, a click before it."""
    wave = white_noise(seed, seconds, 0.1) * np.exp(-6.9078 * np.arange(round(seconds * 16_000)) / 16_000 / t60_s)
    wave[0] = 1.0
    return wave.astype(np.float32)


@pytest.mark.parametrize("t60_s", [0.15, 0.4, 0.9])
def test_schroeder_finds_the_t60_of_a_decay(t60_s: float) -> None:
    assert measure_t60(decay(t60_s, 2 * t60_s)) == pytest.approx(t60_s, rel=0.05)


def test_a_click_has_no_reverberation() -> None:
    click = np.zeros(1000, dtype=np.float32)
    click[40] = 1.0
    assert measure_t60(click) == 0.0


def test_simulated_t60_is_the_target(rooms) -> None:
    for draw, responses in rooms:
        for description, wave in responses:
            assert description["t60_s"] == pytest.approx(draw.t60_s, abs=1e-4)
            assert measure_t60(wave) == pytest.approx(draw.t60_s, rel=0.15)
            # pyroomacoustics' own measurement, from -5 to -35 dB by two points
            assert pra.experimental.measure_rt60(wave, 16_000, decay_db=30) == pytest.approx(draw.t60_s, rel=0.25)


def test_the_direct_path_is_at_its_sample_with_energy_one(params) -> None:
    base = params.simulate_rirs
    dead = base.model_copy(update={"absorption": base.t60_s.__class__(low=0.98, high=0.98)})
    for number in range(10):
        for description, wave in simulate_room(draw_room(dead, number), 1.0):
            if description["distance_m"] > 1:
                continue  # where walls are as near as the source, they are heard with it
            assert abs(find_direct(wave) - DIRECT_SAMPLE) <= 1  # it falls between two samples
            window = wave[DIRECT_SAMPLE - 16 : DIRECT_SAMPLE + 17]
            assert np.sum(np.square(window)) == pytest.approx(1.0, abs=0.1)  # walls leave 2 % of the energy


def test_nothing_comes_before_the_direct_path(rooms) -> None:
    for _, responses in rooms:
        for _, wave in responses:
            before = np.sum(np.square(wave[: DIRECT_SAMPLE - 12]))
            assert before < 0.01 * np.sum(np.square(wave))  # what the band limit rings


def test_a_farther_source_has_more_reverberation(params) -> None:
    near, far = (
        params.simulate_rirs.model_copy(update={"distance_m": params.simulate_rirs.distance_m.__class__(low=d, high=d)})
        for d in (0.4, 2.0)
    )
    ratios = []
    for block in (near, far):
        waves = [wave for number in range(3) for _, wave in simulate_room(draw_room(block, number), 2.0)]
        ratios.append(np.mean([np.sum(np.square(wave[DIRECT_SAMPLE + 80 :])) for wave in waves]))
    assert ratios[1] > 4 * ratios[0]  # 14 dB by the inverse square law; the early window takes some of it


def test_walls_may_be_given_instead_of_t60(params) -> None:
    base = params.simulate_rirs
    measured = []
    for absorption in (0.1, 0.4):
        block = base.model_copy(update={"absorption": base.t60_s.__class__(low=absorption, high=absorption)})
        description, wave = simulate_room(draw_room(block, 0), 3.0)[0]
        assert "t60_s" not in description
        assert description["recipe"]["absorption"] == absorption
        measured.append(measure_t60(wave))
    # Eyring: T60 is in proportion to -1 / ln(1 - absorption)
    assert measured[0] / measured[1] == pytest.approx(np.log(0.6) / np.log(0.9), rel=0.35)


def test_a_room_does_not_depend_on_the_others(params, rooms) -> None:
    block = params.simulate_rirs.model_copy(update={"sources_per_room": 2, "rooms": 999})
    draw, responses = rooms[5]
    assert draw_room(block, 5) == draw
    for (_, before), (_, again) in zip(responses, simulate_room(draw, block.max_rir_s), strict=True):
        assert np.array_equal(before, again)


def test_sources_and_microphones_are_inside(params) -> None:
    for number in range(300):
        draw = draw_room(params.simulate_rirs, number)
        for place in [draw.microphone, *draw.sources]:
            assert all(0.25 < at < side - 0.25 for at, side in zip(place, draw.dimensions, strict=True))
        for source in draw.sources:
            distance = np.linalg.norm(np.array(source) - draw.microphone)
            assert distance <= params.simulate_rirs.distance_m.high + 1e-9


@pytest.fixture
def small(params):
    rooms = params.simulate_rirs.model_copy(update={"rooms": 8, "sources_per_room": 1, "rirs_per_shard": 3})
    executor = params.executor.model_copy(update={"kind": "serial"})
    grid = params.noise_reverb.model_copy(update={"clips_per_cell": 0})
    return params.model_copy(update={"simulate_rirs": rooms, "executor": executor, "noise_reverb": grid})


def test_the_stage_gives_each_room_one_partition_and_the_same_bytes(project: Path, small) -> None:
    summary = run(small)
    first = {path: sha256_of(path) for path in sorted(Path("data/rirs").rglob("*")) if path.is_file()}
    assert summary["t60_error"]["max"] < 0.15
    count = 0
    for partition in PARTITIONS:
        if summary["rirs"][partition] == 0:
            with pytest.raises(StageInputError, match="no impulse response"):
                load_bank(Path("data/rirs") / partition)
            continue
        bank = load_bank(Path("data/rirs") / partition)
        for rir_id in bank.ids:
            custom = bank.cuts[rir_id].custom
            assert partition_of(custom["speaker"], small.partitions) == partition == custom["partition"]
            # 24 bits: T60 is as it was simulated, to the rounding in the description
            assert measure_t60(bank.wave(rir_id)) == pytest.approx(custom["t60_measured_s"], rel=0.01)
            count += 1
    assert count == 8
    run(small)
    assert {path: sha256_of(path) for path in first} == first


def rir_corpus(name: str, waves: list[np.ndarray], speakers: bool = True) -> None:
    info = CorpusInfo(name, "folder", "rir", "CC0", "none", "made here", "known" if speakers else "unknown")
    items = [Item(f"r{n}", wave, speaker=f"room{n}" if speakers else None) for n, wave in enumerate(waves)]
    write_corpus(Path("data/corpora") / name, info, items, 50, 0.0)


def test_measured_rooms_join_the_bank(project: Path, small) -> None:
    late = np.concatenate((np.zeros(700), decay(0.5, 1.0, 1))).astype(np.float32)
    noisy = decay(0.3, 2.0, 2) + white_noise(3, 2.0, 0.0005)
    rir_corpus("hall", [0.3 * late, noisy / 2])
    summary = run(small)
    assert summary["methods"]["measured"] == 2
    found = {
        cut.id: load_bank(Path("data/rirs") / partition).wave(cut.id)
        for partition in PARTITIONS
        if summary["rirs"][partition]
        for cut in load_bank(Path("data/rirs") / partition).cuts.values()
        if cut.custom["method"] == "measured"
    }
    assert len(found) == 2
    for rir_id, t60_s in (("hall-r0", 0.5), ("hall-r1", 0.3)):
        assert find_direct(found[rir_id]) == DIRECT_SAMPLE
        assert measure_t60(found[rir_id]) == pytest.approx(t60_s, rel=0.15)


def test_rooms_without_a_name_need_a_partition(project: Path, small) -> None:
    rir_corpus("hall", [decay(0.4)], speakers=False)
    with pytest.raises(PartitionError, match=r"simulate_rirs: \{measured: \{hall: train\}\}"):
        run(small)
    named = small.simulate_rirs.model_copy(update={"measured": {"hall": "dev"}})
    assert "hall-r0" in load_bank_after(small.model_copy(update={"simulate_rirs": named}))
    wrong = small.simulate_rirs.model_copy(update={"measured": {"hall": "dev", "attic": "dev"}})
    with pytest.raises(PartitionError, match=r"names \['attic'\]"):
        run(small.model_copy(update={"simulate_rirs": wrong}))


def test_all_channels_of_a_measured_room_go_to_one_partition(project: Path, small) -> None:
    Path("rooms").mkdir()
    for room in range(9):
        channels = [0.3 * np.roll(decay(0.3, 0.5, 10 * room + channel), 20 * channel) for channel in range(3)]
        soundfile.write(f"rooms/{room}.wav", np.stack(channels, axis=1), 16_000, subtype="FLOAT")
    run_import("folder", "rooms", name="array", role="rir", params=small.import_, executor=small.executor)
    run(small.model_copy(update={"simulate_rirs": small.simulate_rirs.model_copy(update={"rooms": 0})}))
    found: dict[str, list[str]] = {}
    for directory in sorted({path.parent for path in Path("data/rirs").glob("*/cuts.*")}):
        bank = load_bank(directory)
        for rir_id in bank.ids:
            found.setdefault(bank.cuts[rir_id].custom["speaker"], []).append(directory.name)
            assert find_direct(bank.wave(rir_id)) == DIRECT_SAMPLE  # of each microphone, however far it was
    assert sorted(found) == [f"array:{room}.wav" for room in range(9)]
    assert all(len(places) == 3 and len(set(places)) == 1 for places in found.values())
    assert len({places[0] for places in found.values()}) > 1


def load_bank_after(params) -> list[str]:
    run(params)
    return load_bank(Path("data/rirs/dev")).ids


def test_a_recordings_own_noise_is_cut_off() -> None:
    floor = 10 ** (-50 / 20)
    wave = align(decay(0.4, 2.0) + white_noise(5, 2.0, 0.1 * floor))
    kept = trim_tail(wave, 5.0)
    # 50 dB below the tail's start, less the 3 dB of the rule: after 0.31 to 0.34 s of decay at 0.4 s
    assert 0.25 < kept.size / 16_000 < 0.42
    assert abs(kept[-1]) < 1e-6


def test_a_long_tail_is_faded_out() -> None:
    kept = trim_tail(align(decay(4.0, 4.0)), 1.5)
    assert kept.size == 24_000
    assert abs(kept[-1]) < 1e-6


@pytest.mark.parametrize("wave", [np.zeros(100), np.zeros(0), np.array([np.nan, 1.0])])
def test_what_is_no_response_is_refused(wave: np.ndarray) -> None:
    with pytest.raises(AudioError, match="no impulse response"):
        align(wave)


def test_real_responses_come_through(real_data: Path, project: Path, small) -> None:
    from kwsdata.audio import read_audio

    files = sorted((real_data / "impulse_responses_voxengo").rglob("*.flac"))
    assert files
    rir_corpus("voxengo", [read_audio(path)[0] for path in files])
    summary = run(small)
    assert summary["methods"]["measured"] == len(files)
    for partition in PARTITIONS:
        bank = load_bank(Path("data/rirs") / partition) if summary["rirs"][partition] else None
        for rir_id in bank.ids if bank else []:
            wave = bank.wave(rir_id)
            assert np.isfinite(wave).all()
            assert wave.size <= small.simulate_rirs.max_rir_s * 16_000
            if bank.cuts[rir_id].custom["method"] == "measured":
                assert np.sum(np.square(wave[DIRECT_SAMPLE - 8 : DIRECT_SAMPLE + 9])) == pytest.approx(1.0, abs=1e-3)
