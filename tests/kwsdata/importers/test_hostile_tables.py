"""Tables and transcripts of any origin: bad lines are rejects with their place, and no row reads what it should not."""

import os
from contextlib import suppress
from pathlib import Path

import pytest
from corpus_trees import common_voice, librispeech, mswc, musan, put_tone

from kwsdata.errors import CorpusError
from kwsdata.importers.tables import LONGEST_LINE, Row, lines_of, rows_of

GOOD = b"a.wav,hello\n"


def read(tmp_path: Path, data: bytes, **asked):
    """Return the rows and the rejects of a table."""
    path = tmp_path / "table.csv"
    path.write_bytes(data)
    entries = list(rows_of(path, ("path", "text"), **asked))
    rows = [list(entry.values.values()) for entry in entries if isinstance(entry, Row)]
    return rows, {entry.key: entry.reason for entry in entries if not isinstance(entry, Row)}


@pytest.mark.parametrize(
    ("bad", "line", "reason"),
    [
        (b"b.wav,caf\xe9\n", 3, r"not UTF-8 \(byte 0xe9 at character 10\)"),
        (b"\xff\xfe\n", 3, "not UTF-8"),
        (b"b.wav,\xed\xa0\x80\n", 3, "not UTF-8"),  # a surrogate, written as if it were a letter
        (b"b.wav,\xc0\xaf\n", 3, "not UTF-8"),  # a slash in two bytes
        (b"b.wav,a\0b\n", 3, r"no text \(control character 0x00 at character 8\)"),
        (b"b.wav,\x1b[2J\n", 3, "no text"),
        (b"b.wav," + b"x" * LONGEST_LINE + b"\n", 3, f"longer than {LONGEST_LINE} characters"),
        (b"b.wav," + b"x" * (5 * LONGEST_LINE) + b"\n", 3, "longer than"),
        (b"b.wav\n", 3, r"not in columns \(1 fields where the header has 2\)"),
        (b"b.wav,hello, world\n", 3, "a text that holds commas needs quotation marks"),
        (b'b.wav,"hello" world\n', 3, "no CSV"),
        (b'b.wav,"hello\n', 3, "a quotation mark is opened and not closed"),
        (b'"b.wav\n', 3, "a quotation mark is opened and not closed"),
        (b"\n\n\r\nb.wav\n", 6, "not in columns"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_bad_line_is_a_reject_with_its_place_and_the_rest_is_read(tmp_path, bad, line, reason):
    rows, rejects = read(tmp_path, b"path,text\n" + GOOD + bad + b"c.wav,more\n" * 30)
    assert rows == [["a.wav", "hello"], *[["c.wav", "more"]] * 30]
    assert list(rejects) == [f"table.csv:{line}"]
    assert reason.replace("\\", "") in rejects[f"table.csv:{line}"]


@pytest.mark.parametrize(
    "data",
    [
        b"path,text\n" + GOOD,
        b"\xef\xbb\xbfpath,text\r\na.wav,hello\r\n",
        b"path,text\ra.wav,hello\r",
        b"path,text\na.wav,hello",
        b"\n\npath,text\n\n  \na.wav,hello\n\n",
        b" path , text \n a.wav , hello \n",
        b"path,text\na.wav,hello,,,\n,,\n",
        b'path,text\n"a.wav","hello"\n',
        b"path,text,,\na.wav,hello,,\n",
        b"text,path\nhello,a.wav\n",
        b'path,text,more\n"a.wav",hello\n',
        b"path,text\n" + b"," * LONGEST_LINE + b"\n" + GOOD,
    ],
    ids=lambda data: str(data[:30]),
)
def test_tables_as_programs_write_them_are_read(tmp_path, data):
    rows, _ = read(tmp_path, data)
    assert [sorted(filter(None, row)) for row in rows] == [["a.wav", "hello"]]


def test_a_text_in_quotation_marks_may_hold_commas_marks_and_line_breaks(tmp_path):
    rows, rejects = read(tmp_path, b'path,text\na.wav,"one, ""two""\n\nthree"\nb.wav,5" wide\n')
    assert (rows, rejects) == ([["a.wav", 'one, "two"\nthree'], ["b.wav", '5" wide']], {})


def test_a_quotation_mark_never_closed_costs_one_line(tmp_path):
    rows, rejects = read(tmp_path, b'path,text\na.wav,"one\n' + b"b.wav,two\n" * 100)
    assert (len(rows), list(rejects)) == (100, ["table.csv:2"])
    rows, rejects = read(tmp_path, b"path,text\n" + b'b.wav,"two\n' * 50)
    assert len(rejects) + 2 * len(rows) == 50  # a mark may close the one before it


def test_in_a_table_with_tabs_a_mark_is_a_letter(tmp_path):
    rows, rejects = read(tmp_path, b'path\ttext\na.wav\t"one, two\nb.wav\tthree\tfour\n', tabs=True)
    assert rows == [["a.wav", '"one, two']]
    assert "a tab too many" in rejects["table.csv:3"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("path,text\na,b\n".encode("utf-16"), "is UTF-16 or UTF-32: save it as UTF-8"),
        ("path,text\na,b\n".encode("utf-16-le"), "is no table: its first line is no text"),
        ("path,text\na,b\n".encode("utf-32"), "is UTF-16 or UTF-32"),
        (b"path,caf\xe9\n", "is no table: its first line is not UTF-8"),
        (b"RIFF\x24\0\0\0WAVE", "is no table: its first line is no text"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "is no table"),
        (b"x" * (3 * LONGEST_LINE), "is no table: its first line is longer than"),
        (b'"path\n', "is no table: its first line is no CSV"),
        (b"", r"lacks the columns path, text; its header is \(empty\)"),
        (b"\n\n", "lacks the columns path, text"),
        (b"path\n", "lacks the columns text; its header is path"),
        (b"path;text\na.wav;b\n", "Its columns must be separated by commas"),
        (b"path,text,path\n", "has twice the columns path"),
        (b"path,text\n" + b"only one\n" * 5000, "none of its first 1000 rows can be used; line 1001 is not in columns"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_table_as_a_whole_is_one_clear_error(tmp_path, data, message):
    with pytest.raises(CorpusError, match=f"table.csv.*{message}"):
        read(tmp_path, data)


@pytest.mark.parametrize("kind", ["missing", "a folder"])
def test_a_table_that_cannot_be_opened_is_named(tmp_path, kind):
    if kind == "a folder":
        (tmp_path / "x.csv").mkdir()
    with pytest.raises(CorpusError, match=r"x.csv cannot be read \((No such file|Is a directory)"):
        list(lines_of(tmp_path / "x.csv"))


@pytest.fixture
def lenient(importing):
    importing.limits = importing.limits.model_copy(update={"max_reject_fraction": 0.95})
    return importing


ESCAPES = [
    "../../../secret.wav",
    "{secret}",
    "linked.wav",
    "linked/secret.wav",
    "..\\..\\..\\secret.wav",
    "file://{secret}",
]


@pytest.fixture
def secret(tmp_path) -> Path:
    return put_tone(tmp_path / "secret.wav", 9)


def with_links(folder: Path, secret: Path) -> None:
    (folder / "linked.wav").symlink_to(secret)
    (folder / "linked").symlink_to(secret.parent, target_is_directory=True)


@pytest.mark.parametrize("name", ESCAPES)
def test_no_row_of_common_voice_leaves_its_clips(lenient, tmp_path, secret, name):
    place = common_voice(tmp_path / "tree")
    with_links(place / "clips", secret)
    with (place / "validated.tsv").open("a") as table:
        table.write(f"zz\t{name.format(secret=secret)}\tMine.\t2\t0\t\t\t\tcy\t\n")
    assert lenient("common-voice", place)["clips"] == 3
    assert sum(reason.startswith("outside the corpus (names") for reason in lenient.rejects().values()) == 1
    if "\\" not in name and "://" not in name:
        allowed = lenient("common-voice", place, name="allowed", allow_outside=True)
        assert allowed["clips"] == (3 if name.startswith("..") else 4)  # clips/../../../ is not where the secret lies


@pytest.mark.parametrize("name", ESCAPES)
def test_no_row_of_mswc_leaves_its_clips(lenient, tmp_path, secret, name):
    root = mswc(tmp_path / "mswc")
    with_links(root / "en/clips", secret)
    with (root / "en/en_splits.csv").open("a") as table:
        table.write(f"TRAIN,{name.format(secret=secret)},mine,True,zz,NA\n")
    assert lenient("mswc", root)["clips"] == 3
    assert sum("--allow-outside" in reason for reason in lenient.rejects().values()) == 1


@pytest.mark.parametrize("name", ESCAPES)
def test_no_row_of_labels_leaves_the_folder(lenient, tmp_path, secret, name):
    put_tone(tmp_path / "a/b/x/1.wav", 0)
    with_links(tmp_path / "a/b/x", secret)
    labels = tmp_path / "labels.csv"
    labels.write_text(f"path,text\n1.wav,one\n{name.format(secret=secret)},two\n")
    asked = {"role": "speech", "labels": labels}
    assert lenient("folder", tmp_path / "a/b/x", **asked)["clips"] == 1
    assert [(key[-8:], reason[:18]) for key, reason in lenient.rejects().items()] == [
        ("(line 3)", "outside the corpus")
    ]
    if "\\" not in name and "://" not in name:
        allowed = lenient("folder", tmp_path / "a/b/x", name="allowed", allow_outside=True, **asked)
        assert allowed["clips"] == 2


def test_an_absolute_path_of_a_file_in_the_folder_is_that_file(lenient, tmp_path):
    files = [put_tone(tmp_path / f"x/{n}.wav", n) for n in range(3)]
    (tmp_path / "linked").symlink_to(tmp_path / "x", target_is_directory=True)
    names = [str(files[0]), "1.wav", f"{tmp_path}/linked/2.wav", "./0.wav", f"{tmp_path}/x/../x/1.wav"]
    rows = "".join(f"{name},text {n}\n" for n, name in enumerate(names))
    (tmp_path / "labels.csv").write_text(f"path,text\n{rows}")
    assert lenient("folder", tmp_path / "linked", role="speech", labels=tmp_path / "labels.csv")["clips"] == 3
    assert sorted(lenient.cuts()) == ["tiny-0", "tiny-1", "tiny-2"]
    assert {key.rpartition(" (")[2]: reason.split(" (")[0][:18] for key, reason in lenient.rejects().items()} == {
        "line 5)": "listed twice: labe",
        "line 6)": "outside the corpus",
    }


@pytest.mark.parametrize("kind", ["mswc", "common-voice", "lhotse", "hf", "librispeech", "musan"])
def test_a_named_pipe_in_place_of_a_table_is_not_waited_for(lenient, tmp_path, kind):
    tables = {
        "mswc": (mswc, "en/en_splits.csv"),
        "common-voice": (common_voice, "cv-corpus-13.0/cy/validated.tsv"),
        "librispeech": (librispeech, "LibriSpeech/dev-clean/84/121123/84-121123.trans.txt"),
        "musan": (musan, "musan/music/fma/ANNOTATIONS"),
    }
    asked = {"role": "noise"} if kind in ("lhotse", "hf") else {}
    if kind in tables:
        build, name = tables[kind]
        build(tmp_path)
    else:
        name = "dir/cuts.000000.jsonl.gz" if kind == "lhotse" else "dir/train.parquet"
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with suppress(CorpusError):  # one clear line, or what else there is
        lenient(kind, tmp_path / "dir" if kind in ("lhotse", "hf") else tmp_path, **asked)


def test_a_named_pipe_in_a_table_is_not_opened(lenient, tmp_path):
    put_tone(tmp_path / "x/1.wav", 0)
    os.mkfifo(tmp_path / "x/2.wav")
    (tmp_path / "labels.csv").write_text("path,text\n1.wav,one\n2.wav,two\n.,three\n")
    lenient("folder", tmp_path / "x", role="speech", labels=tmp_path / "labels.csv")
    assert lenient.rejects() == {
        "'2.wav' (line 3)": "no sound file (names '2.wav', which is a named pipe and not a file)",
        "'.' (line 4)": "no sound file (names no file)",
    }


def test_a_clip_that_is_listed_again_with_another_text_is_a_reject(lenient, tmp_path):
    place = common_voice(tmp_path / "tree")
    table = place / "validated.tsv"
    first = table.read_text().splitlines(keepends=True)[1]
    table.write_text(table.read_text() + first + first.replace("helo", "ta-ta"))
    assert lenient("common-voice", place)["clips"] == 3
    (twice,) = [key for key, reason in lenient.rejects().items() if "listed twice" in reason]
    assert twice == "cy/common_voice_cy_1.mp3 (cy/validated.tsv:8)"


CHAPTER = "dev-clean/84/121123"


@pytest.mark.parametrize(
    ("lines", "line", "reason"),
    [
        (b"84-121123-0000 HELLO\n\n84-121123-0001 WORLD\n", None, None),
        (b"\xef\xbb\xbf84-121123-0000 HELLO\r\n84-121123-0001 WORLD\r\n", None, None),
        (b"84-121123-0000\tHELLO\n  84-121123-0001  WORLD", None, None),
        (b"84-121123-0000 HELLO\n84-121123-0001\n", 2, "no text (after '84-121123-0001')"),
        (b"84-121123-0000 CAF\xc9\n84-121123-0001 WORLD\n", 1, "not UTF-8 (byte 0xc9"),
        (b"84-121123-0000 A\0B\n84-121123-0001 WORLD\n", 1, "no text (control character"),
        (b"84-121123-0000 " + b"A" * LONGEST_LINE + b"\n84-121123-0001 WORLD\n", 1, "longer than"),
        (b"84-121123-0000 A\n84-121123-0000 B\n84-121123-0001 C\n", 2, "listed twice: 84-121123.trans.txt has"),
        (b"84-121123-0000 A\n84-121123-0001 C\n../../../../secret HI\n", 3, "no utterance of its folder"),
        (b"84-121123-0000 A\n84-121123-0001 C\n/etc/passwd HI\n", 3, "no utterance of its folder"),
        (b"84-121123-0000 A\n84-121123-0001 C\n84-99-0000 HI\n", 3, "no utterance of its folder"),
        (b"84-121123-0000 A\n84-121123-0001 C\n..-..-passwd HI\n", 3, "no utterance of its folder"),
        (b"84-121123-0000 A\n84-121123-0001 C\nHello there\n", 3, "no utterance of its folder"),
        ("84-121123-0000 A\n".encode("utf-16"), "", "no transcript (84-121123.trans.txt is UTF-16"),
        (b"", None, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_line_of_a_transcript_is_a_reject(lenient, tmp_path, secret, lines, line, reason):
    root = librispeech(tmp_path / "tree")
    (root / CHAPTER / "84-121123.trans.txt").write_bytes(lines)
    summary = lenient("librispeech", root)
    rejects = lenient.rejects()
    kept = 2 if line is None or line == 3 or (line == 2 and "twice" in reason) else 1
    assert summary["clips"] - 1 == (kept if lines and line != "" else 0)  # one is of another chapter
    if reason is not None:
        place = f"{CHAPTER}/84-121123.trans.txt{f':{line}' if line else ''}"
        assert rejects[place].startswith(reason)
    assert summary["rejects"] == 2 + (reason is not None) + 2 - (summary["clips"] - 1)


def test_alignments_beside_transcripts_do_not_matter(lenient, tmp_path):
    root = librispeech(tmp_path / "tree")
    (root / CHAPTER / "84-121123.alignment.txt").write_text("not in order\n")
    assert lenient("librispeech", root)["clips"] == 3


def test_a_transcript_too_near_the_root_is_an_error(lenient, tmp_path):
    root = librispeech(tmp_path / "tree")
    with pytest.raises(CorpusError, match=r"PART/SPEAKER/CHAPTER/84-121123.trans.txt: import a folder above it"):
        lenient("librispeech", root / "dev-clean/84")


def test_whatever_a_recipe_raises_is_one_line(lenient, tmp_path, monkeypatch):
    root = librispeech(tmp_path / "tree")

    def stop(*args, **kwargs):
        raise AssertionError(f"{args[0]}/x is\nnot in order")

    monkeypatch.setattr("kwsdata.importers.librispeech.prepare_librispeech", stop)
    with pytest.raises(CorpusError, match=rf"^{root} cannot be read .*\(AssertionError: {root}/x is not in order\)"):
        lenient("librispeech", root)
    monkeypatch.setattr("kwsdata.importers.musan.scan_recordings", stop)
    tree = musan(tmp_path / "more")
    with pytest.raises(CorpusError, match="cannot be read by Lhotse's recipe"):
        lenient("musan", tree)


def test_lines_of_annotations_that_are_none_are_rejects(lenient, tmp_path):
    root = musan(tmp_path / "tree")
    notes = b"music-fma-0000 jazz Y caf\xe9\n\nmusic-fma-0001 rock\nmusic-fma-0001 rock N the_tones extra\n"
    (root / "music/fma/ANNOTATIONS").write_bytes(notes)
    assert lenient("musan", root)["clips"] == 4
    rejects = lenient.rejects()
    assert rejects["music/fma/ANNOTATIONS:1"].startswith("not UTF-8")
    assert rejects["music/fma/ANNOTATIONS:3"].startswith("no note")
    assert "tiny:the_tones" in {cut.custom["speaker"] for cut in lenient.cuts().values()}
