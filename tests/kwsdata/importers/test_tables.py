"""MSWC, Common Voice and MUSAN beyond the contract: what their tables leave out, and layouts that vary."""

import logging

import numpy as np
import pytest
from corpus_trees import common_voice, mswc, musan, put_tone, write

from kwsdata.errors import CorpusError
from kwsdata.importers.tables import columns_of


def test_mswc_of_several_languages_and_scripts(importing, tmp_path, caplog):
    root = mswc(tmp_path / "mswc")
    put_tone(root / "tt/clips/абзар/common_voice_tt_1.wav", 4, 16_000)  # unpacked as WAV
    put_tone(root / "tt/clips/китап/common_voice_tt_1.opus", 5, 48_000)
    rows = [f"TRAIN,{word}/common_voice_tt_1.opus,{word},True,dd44,MALE\n" for word in ("абзар", "китап")]
    (root / "tt/tt_splits.csv").write_text("SET,LINK,WORD,VALID,SPEAKER,GENDER\n" + "".join(rows), encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        summary = importing("mswc", root)
    assert summary["most_common_texts"] == {"house": 2, "computer": 1, "абзар": 1, "китап": 1}
    assert {cut.supervisions[0].language for cut in importing.cuts().values()} == {"en", "tt"}
    assert "marks 1 clips as not valid" in caplog.text


def test_mswc_without_its_table_says_what_to_unpack(importing, tmp_path):
    root = mswc(tmp_path / "mswc")
    (root / "en/en_splits.csv").unlink()
    with pytest.raises(CorpusError, match=r"0 files \*_splits.csv.*unpack splits/LANG.tar.gz"):
        importing("mswc", root)
    (root / "en/en_splits.csv").write_text("LINK,WORD\na/1.opus,a\n")
    with pytest.raises(CorpusError, match="lacks the columns VALID, SPEAKER, GENDER"):
        importing("mswc", root)
    with pytest.raises(CorpusError, match="LANG/clips/WORD"):
        importing("mswc", root / "en/clips")


def test_common_voice_reads_its_splits_where_validated_is_missing(importing, tmp_path):
    place = common_voice(tmp_path / "cv")
    header, *rows = (place / "validated.tsv").read_text().splitlines(keepends=True)
    (place / "validated.tsv").unlink()
    (place / "train.tsv").write_text(header + "".join(rows[:2]))
    (place / "test.tsv").write_text(header + "".join(rows[1:3]))
    summary = importing("common-voice", place.parent.parent)  # the folder above the release
    assert (summary["clips"], summary["speaker_count"], summary["rejects"]) == (3, 2, 0)
    assert {cut.supervisions[0].gender for cut in importing.cuts().values()} == {"male"}
    (place / "train.tsv").unlink()
    (place / "test.tsv").unlink()
    with pytest.raises(CorpusError, match=r"neither validated.tsv nor"):
        importing("common-voice", place)


def test_musan_speech_has_no_speakers_and_music_keeps_its_notes(importing, tmp_path):
    root = musan(tmp_path / "tree")
    speech = importing("musan", root, role="speech", name="speech")
    assert (speech["clips"], speech["speakers"]) == (1, "unknown")
    importing("musan", root.parent, name="noise")  # the folder above
    music = {key: cut.custom for key, cut in importing.cuts("noise").items() if cut.custom.get("part") == "music"}
    assert {tuple(custom["genres"]) for custom in music.values()} == {("jazz", "pop")}
    assert {key[-4:]: custom["vocals"] for key, custom in music.items()} == {"0000": False, "0001": True}
    write(root / "noise/free-sound/noise-free-sound-0002.wav", np.zeros(0, np.float32), 16_000)
    importing("musan", root, name="noise")
    assert importing.rejects("noise")["noise/free-sound/noise-free-sound-0002.wav"] == "empty (0 samples)"
    with pytest.raises(CorpusError, match="so it is not MUSAN"):
        importing("musan", root / "noise/free-sound")


def test_common_voice_with_columns_of_other_names(importing, tmp_path):
    place = common_voice(tmp_path / "cv")
    header, *rows = (place / "validated.tsv").read_text().splitlines(keepends=True)
    (place / "validated.tsv").write_text(header.replace("sentence", "text").replace("client_id", "who") + "".join(rows))
    with pytest.raises(CorpusError, match="lacks the columns client_id, sentence"):
        importing("common-voice", place)
    summary = importing("common-voice", place, columns={"text": "text", "speaker": "who"})
    assert (summary["clips"], summary["speaker_count"]) == (3, 2)
    with pytest.raises(CorpusError, match="'words' must be one of path, text, speaker, language, gender"):
        importing("common-voice", place, columns={"words": "text"})


@pytest.mark.parametrize("pair", ["text", "text=", "=text", "text=a,text=b"])
def test_what_asks_for_no_column_is_refused(pair):
    assert columns_of(["text=a=b", "audio=c d"]) == {"text": "a=b", "audio": "c d"}
    with pytest.raises(CorpusError, match="must be WHAT=NAME, such as text=sentence"):
        columns_of(pair.split(","))
