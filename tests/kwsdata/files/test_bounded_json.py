"""JSON that would fill the memory or the stack, or says two things at once, is one clear error."""

import gzip
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_json, read_jsonl_gz
from kwsdata.files.bounded_json import DEEPEST, parse_json


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + closing * depth


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "nested more than 64 deep"),
        (nested(100_000), "nested more than 64 deep"),
        ('{"a":' * 100_000, "nested more than 64 deep"),
        (nested(DEEPEST + 1), "nested more than 64 deep"),
        ('{"a":' * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1), "nested more than 64 deep"),
        (f"[{'[],' * 100}{nested(DEEPEST)}]", "nested more than 64 deep"),
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ('{"a" 1}', "Expecting ':'"),
        ('{"a": 1} x', "Extra data"),
        (b'{"a": "caf\xe9"}', "byte 11 is not UTF-8"),
        (b"\xff\xfe{\x00}\x00", "byte 1 is not UTF-8"),
        (b"\x00\x01", "Expecting value"),
        ("9" * 10_000, "integer string conversion"),
        ('{"a": "\\ud800"}', "half of a character"),
        ('{"a\\uDFFF": [1]}', "half of a character"),
    ],
)
def test_what_is_no_json_within_limits_is_a_value_error(text, words):
    with pytest.raises(ValueError, match=words):
        parse_json(text)


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        7,
        None,
        "é\u2028\U0001f600",
        "\\ud800, spelt out",
        [[]] * 1000,
        [{"a": [1, {"b": []}]}] * 1000,
        json.loads(nested(DEEPEST)),
        ["[" * 1000, {"{": "{" * 1000}],  # brackets inside words nest nothing
    ],
)
def test_json_within_limits_is_its_value(value):
    assert parse_json(json.dumps(value)) == value
    assert parse_json("\ufeff".encode() + json.dumps(value).encode()) == value


def test_a_key_twice_is_refused_where_that_is_asked():
    text = '{"a": {"source": "a.wav", "b": 1, "source": "/etc/passwd"}}'
    assert parse_json(text)["a"]["source"] == "/etc/passwd"
    with pytest.raises(ValueError, match="the key 'source' occurs twice"):
        parse_json(text, unique_keys=True)


def zipped(path: Path, data: bytes) -> Path:
    path.write_bytes(gzip.compress(data, mtime=0))
    return path


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (b'{"a": 1}\n[1]\n', "line 2: it is no JSON object"),
        (b'{"a": 1}\n\n7\n', "line 3: it is no JSON object"),
        (b'{"a": 1}\n{"a": 1\n', "line 2: Expecting"),
        (b'{"a": 1}\n' + b"[" * 100_000 + b"\n", "line 2: values are nested"),
        (b'{"a": "\xe9"}\n', "line 1: byte 8 is not UTF-8"),
        (b'{"a": 1}\n{"a": "' + b"x" * (17 << 20) + b'"}\n', "line 2: the line is longer than 16 MiB"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path, lines, said):
    for path in (zipped(tmp_path / "rows.jsonl.gz", lines), tmp_path / "rows.jsonl"):
        if path.suffix != ".gz":
            path.write_bytes(lines)
        with pytest.raises(StageInputError, match=f"{path.name}, {said}"):
            list(read_jsonl_gz(path))


def test_a_stream_that_is_damaged_inside_is_named(tmp_path):
    whole = zipped(tmp_path / "rows.jsonl.gz", b'{"a": 1}\n' * 100_000).read_bytes()
    for damaged in (
        whole[:-20],
        whole[:60] + b"\xff\xff\xff\xff" + whole[64:],
        b"PK\3\4" + whole,
        whole[:-6] + b"abcdef",
    ):
        (tmp_path / "rows.jsonl.gz").write_bytes(damaged)
        with pytest.raises(StageInputError, match=r"rows.jsonl.gz, line \d+: .* The file is damaged"):
            list(read_jsonl_gz(tmp_path / "rows.jsonl.gz"))


def test_blank_lines_and_other_line_ends_are_no_rows(tmp_path):
    path = zipped(tmp_path / "rows.jsonl.gz", b'{"a": 1}\r\n\n  \n{"a": 2}')
    assert list(read_jsonl_gz(path)) == [{"a": 1}, {"a": 2}]


def test_a_line_of_gigabytes_in_a_small_file_is_refused_within_little_memory(tmp_path):
    with gzip.open(tmp_path / "bomb.jsonl.gz", "wb", 9) as file:
        file.write(b'{"a":"')
        for _ in range(300):
            file.write(b"x" * (1 << 20))
    code = "import sys; from kwsdata.files.atomic import read_jsonl_gz; list(read_jsonl_gz(sys.argv[1]))"
    small = (400 << 20,) * 2
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "bomb.jsonl.gz"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, small),
        capture_output=True,
        text=True,
    )
    assert "StageInputError" in done.stderr and "longer than 16 MiB" in done.stderr, done.stderr


def test_a_json_file_nested_without_end_is_one_clear_error(tmp_path):
    (tmp_path / "store.json").write_text("[" * 100_000)
    with pytest.raises(StageInputError, match=r"store.json is not valid JSON \(values are nested more than 64 deep\)"):
        read_json(tmp_path / "store.json")
