"""The page of a clip holds the sound that is stored, its parents' sound, and every effect of its recipe in words."""

import re
import zlib
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from lhotse import SupervisionSegment
from sound import burst, tone

from kwsdata.audio import SAMPLE_RATE, Waveform, decode_flac, to_int16
from kwsdata.clips.manifests import audio_sha256, make_cut, read_cuts
from kwsdata.clips.shards import Clip, load_audio, read_clips, write_shard
from kwsdata.errors import StageInputError
from kwsdata.measures.spectrogram import spectrogram_png
from kwsdata.tools.inspect.command import inspect
from kwsdata.tools.inspect.words import sentences

SOUND = re.compile(r'src="data:audio/flac;base64,([^"]*)"')


def sounds_of(page: str) -> list[Waveform]:
    return [decode_flac(b64decode(data)) for data in SOUND.findall(page)]


def stored(wave: Waveform) -> Waveform:
    return to_int16(wave) / np.float32(32768)


def test_an_augmented_clip_is_beside_its_parent(built: Path) -> None:
    clip = next(clip for clip in read_clips(Path("data/augmented")) if clip.cut.custom["recipe"].get("noise"))
    told = inspect(clip.cut.id, open_browser=False)
    page = Path(told["page"]).read_text()
    parent = next(c for c in read_cuts(Path("data/split/train.jsonl.gz")) if c.id == clip.cut.custom["parent"])
    heard, before = sounds_of(page)
    assert np.array_equal(heard, clip.wave)
    assert np.array_equal(before, load_audio(parent))
    assert told["parents"] == [parent.id]
    assert len(told["done"]) == len(clip.cut.custom["recipe"]) - 1  # a sentence an effect; `copy` is none
    noise = clip.cut.custom["recipe"]["noise"]
    assert any(noise["noise"] in one and f"{noise['snr_db']:.1f} dB" in one for one in told["done"])
    fetched = re.findall(r'(?:src|href)="(?!data:)[^"]*"', page)
    assert fetched == []


def test_a_keyword_of_a_test_cell_is_beside_its_recording(built: Path) -> None:
    source = next(read_cuts(Path("data/split/test.jsonl.gz")))
    wave = np.concatenate([np.zeros(3 * SAMPLE_RATE, np.float32), load_audio(source), np.zeros(40_000, np.float32)])
    draw = {"rir": "room_0000-0", "noise": "street-n1", "position": 0.5, "snr_db": -5.0, "t60_s": 0.2}
    cut = make_cut("test-noise_reverb-x", wave.size, custom={"partition": "test", "audio_sha256": audio_sha256(wave)})
    event = {"event": "keyword", "source": source.id, "recipe": draw}
    cut.supervisions = [
        SupervisionSegment(f"{cut.id}-event0000", cut.id, 3.0, source.duration, text="computer", custom=event)
    ]
    cell = Path("data/testsets/test/noise_reverb")
    cell.mkdir(parents=True)
    write_shard(cell, 0, [Clip(cut, wave)])
    told = inspect(f"{cut.id}-event0000", built / "page.html", open_browser=False)
    heard, before = sounds_of((built / "page.html").read_text())
    assert np.array_equal(before, load_audio(source))
    assert np.array_equal(heard, stored(wave)[SAMPLE_RATE : SAMPLE_RATE + heard.size])  # from 2 s before the keyword
    assert heard.size == 3 * SAMPLE_RATE + round(source.duration * SAMPLE_RATE)  # to 1 s after it
    assert [one for one in told["done"] if "room_0000-0" in one]
    assert [one for one in told["done"] if "SNR of -5.0 dB: street-n1" in one]
    whole = inspect(cut.id, built / "stream.html", open_browser=False)
    assert whole["part"] == "testsets/test/noise_reverb"
    assert f"{cut.id}-event0000" in (built / "stream.html").read_text()
    with pytest.raises(StageInputError, match=f"its last one is {cut.id}-event0000"):
        inspect(f"{cut.id}-event0007", open_browser=False)


def test_a_mined_clip_may_come_from_outside_the_dataset(built: Path) -> None:
    word = next(read_cuts(Path("data/split/train.jsonl.gz")))
    why = {"found_by": "neighbour", "similarity": 0.7, "nearest": word.id}
    custom = {"corpus": "mined", "label": "mined", "parent": "podcast/one.ogg", "mined": why, "audio_sha256": "0"}
    Path("data/mined/shar").mkdir(parents=True)
    wave = burst(5)
    write_shard(Path("data/mined/shar"), 0, [Clip(make_cut("mined-one-1600", wave.size, custom=custom), wave)])
    told = inspect("mined-one-1600", built / "page.html", open_browser=False)
    page = (built / "page.html").read_text()
    assert told["parents"] == []
    assert "podcast/one.ogg, which is no clip of the dataset" in page
    assert np.array_equal(sounds_of(page)[1], load_audio(word))


def test_rooms_and_recordings_can_be_heard(built: Path) -> None:
    for clip_id in ("room_0000-0", next(read_cuts(Path("data/split/dev.jsonl.gz"))).id):
        assert inspect(clip_id, built / "page.html", open_browser=False)["parents"] == []


def test_a_mistyped_id_names_the_nearest(built: Path) -> None:
    with pytest.raises(StageInputError, match=r"called 'word-w3-a01'; nearest: words-w3-a01,"):
        inspect("word-w3-a01", open_browser=False)


def test_a_recipe_is_told_in_sentences() -> None:
    assert sentences({"copy": 1, "speed": {"factor": 2.0}}, {}) == [
        "Played 2.000 times as fast, pitch with it (+12.0 semitones)."
    ]
    rooms = {"room_1": {"t60_measured_s": 0.4, "distance_m": 1.25}}
    assert sentences({"copy": 1, "reverb": {"rir": "room_1"}, "echo": {"delay_s": 0.1}}, rooms) == [
        "Heard in a room: room_1 (T60 0.40 s, 1.2 m away).",
        "Echo: delay_s 0.1.",  # of another version
    ]


def test_a_tone_is_bright_at_its_frequency_and_its_time() -> None:
    wave = np.concatenate([np.zeros(SAMPLE_RATE, np.float32), tone(2000, 1.0)])
    png = spectrogram_png(wave, 100)
    assert png[16:24] == (100).to_bytes(4) + (257).to_bytes(4)
    start = png.index(b"IDAT")
    packed = png[start + 4 : start + 4 + int.from_bytes(png[start - 4 : start])]
    image = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(257, 301)[:, 1:].reshape(257, 100, 3)
    bright = image.astype(int).sum(axis=2)
    assert bright[:, 75].argmax() == 256 - 64  # 2 kHz is 64 of 256 steps up
    assert bright[:, 25].max() < bright.max() / 4
