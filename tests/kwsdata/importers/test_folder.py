import logging
import os
import unicodedata

import numpy as np
import pytest
import soundfile
from corpus_trees import put_tone, write
from sound import tone, white_noise

from kwsdata.audio import SAMPLE_RATE
from kwsdata.errors import CorpusError


def texts_of(cuts):
    return sorted(cut.supervisions[0].text for cut in cuts.values())


def test_a_keyword_is_the_folder_directly_below_the_path(importing, tmp_path):
    put_tone(tmp_path / "words/Hey-Big_Computer/session/1.wav", 0)
    put_tone(tmp_path / "words/2.wav", 1)
    importing("folder", tmp_path / "words", role="keyword")
    assert texts_of(importing.cuts()) == ["hey big computer", "words"]


def test_names_that_another_system_decomposed_are_the_same_names(importing, tmp_path):
    for form in ("NFC", "NFD"):
        put_tone(tmp_path / form / unicodedata.normalize(form, "größe/jörg/ü.wav"), 0)
        importing(
            "folder", tmp_path / form, name=form.lower(), role="keyword", match="jörg", words=["GRÖSSE"],
            speaker_pattern="/(?P<speaker>jörg|jürgen)/",
        )  # fmt: skip
    (one,), (other,) = importing.cuts("nfc").values(), importing.cuts("nfd").values()
    assert one.id.removeprefix("nfc") == other.id.removeprefix("nfd")
    assert one.supervisions[0].text == other.supervisions[0].text == "größe"
    assert (one.custom["speaker"], other.custom["speaker"]) == ("nfc:jörg", "nfd:jörg")


@pytest.mark.parametrize(("on_disk", "in_table"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_table_finds_files_that_another_system_named(importing, tmp_path, caplog, on_disk, in_table):
    put_tone(tmp_path / "x" / unicodedata.normalize(on_disk, "größe/ü.wav"), 0)
    table = tmp_path / "labels.csv"
    table.write_text(unicodedata.normalize(in_table, "path,text\ngröße/ü.wav,größe\n"), encoding="utf-8")
    importing("folder", tmp_path / "x", role="keyword", labels=table)
    assert texts_of(importing.cuts()) == ["größe"]
    assert "were not imported" not in caplog.text


def test_label_gives_every_file_one_text(importing, tmp_path):
    put_tone(tmp_path / "x/a/1.wav", 0)
    put_tone(tmp_path / "x/b/2.wav", 1)
    summary = importing("folder", tmp_path / "x", role="keyword", label="Okay  Computer", language="en")
    cuts = importing.cuts()
    assert texts_of(cuts) == ["okay computer"] * 2
    assert {cut.supervisions[0].language for cut in cuts.values()} == {"en"}
    assert summary["speakers"] == "unknown"
    assert not any("speaker" in cut.custom for cut in cuts.values())


def test_speech_without_texts_has_no_supervision(importing, tmp_path):
    put_tone(tmp_path / "x/a/1.wav", 0)
    importing("folder", tmp_path / "x", role="speech")
    assert [len(cut.supervisions) for cut in importing.cuts().values()] == [0]


def test_a_csv_lists_files_texts_and_speakers(importing, tmp_path, caplog):
    for number, name in enumerate(("a/1.wav", "b/2.flac", "c/3.wav")):
        put_tone(tmp_path / "x" / name, number)
    table = tmp_path / "labels.csv"
    rows = ["path,text,speaker,gender", 'a/1.wav,"Turn on, please",ann,F', "b/2.flac,turn off,bob,male"]
    table.write_text("\n".join([*rows, "a/1.wav,again,ann,F"]), encoding="utf-8-sig")  # as a spreadsheet saves it
    with caplog.at_level(logging.WARNING):
        summary = importing("folder", tmp_path / "x", role="speech", labels=table)
    cuts = importing.cuts()
    assert texts_of(cuts) == ["turn off", "turn on, please"]
    assert {cut.custom["speaker"]: cut.supervisions[0].gender for cut in cuts.values()} == {
        "tiny:ann": "female",
        "tiny:bob": "male",
    }
    assert summary["speakers"] == "known"
    assert importing.rejects() == {"a/1.wav (line 4)": "listed twice: labels.csv has it before"}
    assert "1 sound files" in caplog.text and "labels.csv" in caplog.text


def test_a_csv_row_without_its_file_or_speaker_is_rejected(importing, tmp_path):
    put_tone(tmp_path / "x/1.wav", 0)
    put_tone(tmp_path / "x/2.wav", 1)
    (tmp_path / "labels.csv").write_text("path,text,speaker\n1.wav,one,ann\n2.wav,two,\nlost.wav,three,bob\n")
    importing.limits = importing.limits.model_copy(update={"max_reject_fraction": 0.9})
    importing("folder", tmp_path / "x", role="speech", labels=tmp_path / "labels.csv")
    assert importing.rejects() == {
        "2.wav": "no speaker (other sounds of this corpus have one)",
        "lost.wav": "cannot be read (No such file or directory)",
    }


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,text\n1.wav,one\n", "lacks the columns path"),
        ("path,text,who\n1.wav,one,ann\n", "has the columns who.*speaker"),
        ("", r"lacks the columns path; its header is \(empty\)"),
    ],
)
def test_a_csv_with_wrong_columns_is_refused(importing, tmp_path, table, message):
    put_tone(tmp_path / "x/1.wav", 0)
    (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(CorpusError, match=message):
        importing("folder", tmp_path / "x", role="speech", labels=tmp_path / "labels.csv")


def test_columns_of_a_csv_may_have_other_names(importing, tmp_path):
    put_tone(tmp_path / "x/1.wav", 0)
    table = tmp_path / "labels.csv"
    table.write_text("client_id,file,sentence,age\nann,1.wav,One two,30\n")
    asked = {"path": "file", "text": "sentence", "speaker": "client_id"}
    importing("folder", tmp_path / "x", role="keyword", labels=table, columns=asked)
    (cut,) = importing.cuts().values()
    assert (cut.supervisions[0].text, cut.custom["speaker"]) == ("one two", "tiny:ann")
    with pytest.raises(CorpusError, match="lacks the columns said; its header is client_id,file,sentence,age"):
        importing("folder", tmp_path / "x", role="keyword", labels=table, columns=asked | {"text": "said"})


def test_a_pattern_that_matches_some_files_rejects_the_others(importing, tmp_path):
    put_tone(tmp_path / "x/ann_1.wav", 0)
    put_tone(tmp_path / "x/bob_1.wav", 1)
    put_tone(tmp_path / "x/nobody.wav", 2)
    summary = importing("folder", tmp_path / "x", role="speech", speaker_pattern=r"^(?P<speaker>[a-z]+)_\d")
    assert (summary["speakers"], summary["speaker_count"]) == ("known", 2)
    assert "does not match --speaker-pattern" in importing.rejects()["nobody.wav"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"^(?P<speaker>\d+)/", "matches none of 1 paths; the first is 'ann_1.wav'"),
        (r"^([a-z]+)_", r"lacks the group `\(\?P<speaker>"),
        (r"^(?P<speaker>", "is not a regular expression"),
    ],
)
def test_a_pattern_that_cannot_work_is_an_error(importing, tmp_path, pattern, message):
    put_tone(tmp_path / "x/ann_1.wav", 0)
    with pytest.raises(CorpusError, match=message):
        importing("folder", tmp_path / "x", role="speech", speaker_pattern=pattern)


def test_a_noise_is_its_own_source_unless_a_pattern_groups_them(importing, tmp_path):
    for number, name in enumerate(("rain/1-17-A.wav", "rain/1-17-B.wav", "sea/1-18-A.wav")):
        put_tone(tmp_path / "x" / name, number)
    alone = importing("folder", tmp_path / "x", role="noise", name="alone")
    grouped = importing(
        "folder", tmp_path / "x", role="noise", name="grouped", speaker_pattern=r"\d-(?P<speaker>\d+)-[A-Z]\."
    )
    assert (alone["speakers"], alone["speaker_count"]) == ("known", 3)
    assert (grouped["speakers"], grouped["speaker_count"]) == ("known", 2)


def put_response(path, *channels):
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, np.stack(channels, axis=1), 16_000, subtype="FLOAT")


def response(place):
    """Return 56 ms: a direct path, a wall, and a reflection 94 dB below, under a step of 16 bits."""
    wave = np.zeros(900, np.float32)
    wave[[4, place, -1]] = 0.5, 0.1, 1e-5
    return wave


def test_each_channel_of_an_impulse_response_is_one_of_the_same_room(importing, tmp_path):
    near, far = response(500), -response(600)
    put_response(tmp_path / "x/room.wav", near, far)
    put_response(tmp_path / "x/hall.wav", response(300))
    summary = importing("folder", tmp_path / "x", role="rir")
    assert (summary["speakers"], summary["speaker_count"], summary["clips"]) == ("known", 2, 3)
    cuts = importing.cuts()
    for name, wave in (("tiny-room-ch1", near), ("tiny-room-ch2", far), ("tiny-hall", response(300))):
        np.testing.assert_allclose(cuts[name].load_audio()[0], wave, atol=2**-23)  # 24 bits
    assert {cuts[f"tiny-room-ch{n}"].custom["speaker"] for n in (1, 2)} == {"tiny:room.wav"}
    assert [cuts[f"tiny-room-ch{n}"].custom["channel"] for n in (1, 2)] == [1, 2]


def test_a_channel_that_holds_no_response_is_left_out_and_named(importing, tmp_path):
    put_response(tmp_path / "x/dead.wav", response(500), np.zeros(900, np.float32), response(600))
    put_response(tmp_path / "x/mono_as_stereo.wav", response(300), response(300))
    importing("folder", tmp_path / "x", role="rir")
    assert set(importing.cuts()) == {"tiny-dead-ch1", "tiny-dead-ch3", "tiny-mono_as_stereo"}
    assert importing.rejects() == {"dead.wav channel 2": "silent (every sample is 0)"}


def test_the_longest_name_has_room_for_a_channel(importing, tmp_path):
    put_response(tmp_path / "x" / f"{'a' * 60}.wav", *(response(300 + n) for n in range(12)))
    importing("folder", tmp_path / "x", name="n" * 32, role="rir")
    names = importing.cuts("n" * 32)
    assert len(names) == 12
    assert all(len(name) <= 32 + 1 + 60 for name in names)


def test_other_channels_are_averaged(importing, tmp_path):
    left, right = tone(440, 0.5, 0.4), white_noise(1, 0.5, 0.05)
    (tmp_path / "x").mkdir()
    soundfile.write(tmp_path / "x/stereo.flac", np.stack([left, right], axis=1), 16_000)
    importing("folder", tmp_path / "x", role="noise")
    (cut,) = importing.cuts().values()
    np.testing.assert_allclose(cut.load_audio()[0], (left + right) / 2, atol=1.5 * 2**-15)  # two roundings of 16 bits


def test_a_wav_cut_short_is_damaged_not_shorter(importing, tmp_path):
    put_tone(tmp_path / "x/whole.wav", 0)
    part = write(tmp_path / "x/part.wav", tone(), 16_000)
    part.write_bytes(part.read_bytes()[:20_000])
    importing("folder", tmp_path / "x", role="noise")
    assert importing.rejects() == {"part.wav": "cut short (20000 bytes of the 48044 that its header promises)"}


def test_everything_in_a_folder_is_a_clip_or_a_reject_or_counted(importing, tmp_path, caplog):
    put_tone(tmp_path / "x/anna/1.wav", 0)
    put_tone(tmp_path / "else/1.flac", 1)
    (tmp_path / "x/ben").symlink_to(tmp_path / "else")
    put_tone(tmp_path / "x/cafe.wav", 2).rename(tmp_path / "x" / os.fsdecode(b"caf\xe9.wav"))
    put_tone(tmp_path / "x/no_suffix.wav", 3).rename(tmp_path / "x/no_suffix")
    os.mkfifo(tmp_path / "x/pipe.wav")
    (tmp_path / "x/carl").symlink_to("/not/mounted")
    (tmp_path / "x/page.mp3").write_text("<html>not found</html>")
    (tmp_path / "x/empty.aiff").touch()
    (tmp_path / "x/.DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (tmp_path / "x/read me.txt").write_text("not sound")
    importing.limits = importing.limits.model_copy(update={"max_reject_fraction": 0.9})
    with caplog.at_level(logging.WARNING):
        importing("folder", tmp_path / "x", role="noise")
    assert "1 files below" in caplog.text and "are no sound and were left out (.txt 1)" in caplog.text
    origins = {cut.custom.get("origin", cut_id) for cut_id, cut in importing.cuts().items()}
    assert origins == {"anna/1.wav", "ben/1.flac", "caf\\xe9.wav", "tiny-no_suffix"}
    assert importing.rejects() == {
        "carl": "cannot be read (a link to what is not there)",
        "empty.aiff": "is empty (0 bytes)",
        "page.mp3": "cannot be decoded (it is a web page (HTML): download the file again)",
        "pipe.wav": "cannot be read (it is a named pipe)",
    }


def test_two_encodings_of_one_name_are_two_clips(importing, tmp_path):
    for number, name in enumerate((b"caf\xe9.wav", b"caf\xea.wav", "caf\u00e9.wav".encode())):
        put_tone(tmp_path / "x/new.wav", number).rename(tmp_path / "x" / os.fsdecode(name))
    assert importing("folder", tmp_path / "x", role="noise")["clips"] == 3


@pytest.mark.parametrize("role", ["keyword", "noise"])
def test_the_folder_itself_may_have_a_name_in_any_encoding(importing, tmp_path, role):
    put_tone(tmp_path / "x/1.wav", 0)
    (tmp_path / "x").rename(tmp_path / os.fsdecode(b"k\xf6ln"))
    summary = importing("folder", tmp_path / os.fsdecode(b"k\xf6ln"), role=role)
    assert (summary["source"], summary["clips"]) == ("k\\xf6ln", 1)


def test_a_file_in_place_of_the_folder_is_told(importing, tmp_path):
    with pytest.raises(CorpusError, match="is a file: give the folder that it is in"):
        importing("folder", put_tone(tmp_path / "1.wav", 0), role="noise")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "needs --role, one of keyword, speech, noise, rir"),
        ({"role": "music"}, "--role music"),
        ({"role": "speech", "columns": {"text": "x"}}, "--column names columns of the CSV that --labels gives"),
        ({"role": "speech", "columns": {"words": "x"}}, "--column words=x: 'words' must be one of path, text, speaker"),
        ({"role": "speech", "allow_urls": True}, "--allow-urls means nothing to `kwsdata import folder`"),
        ({"role": "speech", "label": "x", "labels": "y.csv"}, "--label and --labels"),
        ({"role": "speech", "match": "("}, "is not a regular expression"),
        ({"role": "speech", "match": "flac"}, "found in none of 1 paths"),
    ],
)
def test_options_that_do_not_fit_are_refused(importing, tmp_path, asked, message):
    put_tone(tmp_path / "x/1.wav", 0)
    with pytest.raises(CorpusError, match=message):
        importing("folder", tmp_path / "x", **asked)


def test_the_word_is_found_in_its_recording_when_asked(importing, tmp_path, caplog):
    wave = 0.001 * np.random.default_rng(0).standard_normal(2 * SAMPLE_RATE)
    wave[16_000:24_000] += 0.3 * np.sin(np.arange(8_000) / 5)
    (tmp_path / "x").mkdir()
    soundfile.write(tmp_path / "x/1.wav", wave, SAMPLE_RATE)
    importing("folder", tmp_path / "x", role="keyword", label="computer", find_word=True)
    (cut,) = importing.cuts().values()
    (said,) = cut.supervisions
    assert cut.duration == 2.0
    assert said.start == pytest.approx(1.0, abs=0.1)
    assert said.end == pytest.approx(1.5, abs=0.16)
    assert "--find-word" not in caplog.text
    importing("folder", tmp_path / "x", role="keyword", label="computer", force=True)
    assert "half of them over 2.0 s" in caplog.text
    assert "--find-word" in caplog.text
