import difflib
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from params_files import copy_params

from kwsdata.errors import ParamsError, PartitionError
from kwsdata.importers.partition import partition_advice, record_partition
from kwsdata.params import load_params

PARAMS = Path(__file__).resolve().parents[3] / "params.yaml"


@pytest.fixture
def copy(tmp_path):
    return copy_params(tmp_path)


def test_nothing_but_the_entry_changes_and_comments_stay(copy):
    record_partition(copy, "crowd", "train")
    record_partition(copy, "village", "test")
    changed = list(difflib.ndiff(PARAMS.read_text().splitlines(), copy.read_text().splitlines()))
    gone = [line for line in changed if line.startswith("- ")]
    new = [line for line in changed if line.startswith("+ ")]
    assert len(gone) == len(new) == 1 and "whole:" in gone[0]
    assert gone[0].partition("#")[2] == new[0].partition("#")[2] != ""
    before, after = load_params(PARAMS), load_params(copy)
    assert after.split.whole == before.split.whole | {"crowd": "train", "village": "test"}
    assert after.model_copy(update={"split": before.split}) == before


def test_doing_it_again_changes_nothing_and_another_partition_moves_it(copy):
    record_partition(copy, "crowd", "train")
    once = copy.read_text()
    record_partition(copy, "crowd", "train")
    assert copy.read_text() == once
    record_partition(copy, "crowd", "dev")
    assert load_params(copy).split.whole["crowd"] == "dev"


@pytest.mark.parametrize("corpus", ["on", "no", "null", "123", "1e3"])
def test_a_corpus_whose_name_yaml_reads_otherwise_goes_where_it_was_sent(copy, corpus):
    record_partition(copy, corpus, "train")
    record_partition(copy, corpus, "dev")
    assert load_params(copy).split.whole == {corpus: "dev"}


def test_a_corpus_named_on_that_somebody_typed_without_quotes_is_moved(copy):
    copy.write_text(copy.read_text().replace("whole: {} ", "whole: {on: train} "))
    record_partition(copy, "on", "dev")
    assert load_params(copy).split.whole == {"on": "dev"}


TEXT = "# params\nkeyword: {text: computer}  # ü 日本 \U0001f600\n\nsplit:\n  whole: {}\n\ntrain:\n  seed: 1 # one\n"


def with_whole(text: str) -> str:
    """A small params file, with `split.whole` written as `text`."""
    return TEXT.replace("  whole: {}", text)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  whole: {}               # who", "  whole: {crowd: test}               # who"),
        ("  whole: { }", "  whole: {crowd: test}"),
        ("  whole:", "  whole: {crowd: test}"),
        ("  whole:      # nobody", "  whole: {crowd: test}      # nobody"),
        ("  whole: null # nobody", "  whole: {crowd: test} # nobody"),
        ("  whole: ~", "  whole: {crowd: test}"),
        ("  whole: {x: dev}", "  whole: {x: dev, crowd: test}"),
        ('  whole: {"x": \'dev\',}', '  whole: {"x": \'dev\', crowd: test,}'),
        ("  whole: {crowd: dev, x: dev}", "  whole: {crowd: test, x: dev}"),
        ("  whole: {crowd: test}", "  whole: {crowd: test}"),
        ("  whole: {on: dev, no: train}", "  whole: {on: dev, no: train, crowd: test}"),
        ("  whole: {'crowd': \"dev\"} # {a}", "  whole: {'crowd': test} # {a}"),
        ("  whole: {\n    x: dev # one\n  }", "  whole: {\n    x: dev, crowd: test # one\n  }"),
        ("  whole:\n    x: dev", "  whole:\n    x: dev\n    crowd: test"),
        ("  whole:\n    # of people\n    x: dev # one\n    # end",
         "  whole:\n    # of people\n    x: dev # one\n    crowd: test\n    # end"),
        ("  whole:\n    crowd: dev # one\n    x: dev", "  whole:\n    crowd: test # one\n    x: dev"),
        ("  whole: &kept {x: dev}", "  whole: &kept {x: dev, crowd: test}"),
        ("  whole: !!map {x: dev}", "  whole: !!map {x: dev, crowd: test}"),
        ("  whole: {x: &d dev, y: *d}", "  whole: {x: &d dev, crowd: test, y: *d}"),
    ],
)  # fmt: skip
def test_every_way_to_write_the_block_keeps_every_other_byte(copy, before, after, mark, end):
    raw = mark + with_whole(before).replace("\n", end).encode()
    copy.write_bytes(raw)
    record_partition(copy, "crowd", "test")
    assert copy.read_bytes() == mark + with_whole(after).replace("\n", end).encode()


@pytest.mark.parametrize(
    "raw",
    [
        with_whole("  whole: [a]").encode(),
        with_whole("  whole: train").encode(),
        with_whole("  whole: {crowd: &d dev, y: *d}").encode(),  # the anchor would be lost
        with_whole("  whole: {# }\n  }").encode(),
        with_whole("  hole: {}").encode(),
        with_whole("  whole: {x: dev}\nsplit:\n  whole: {y: dev}").encode(),
        TEXT.replace("日本 \U0001f600", "").encode("latin-1"),
        TEXT.encode("utf-16"),
        TEXT.encode() + b"\x00",
        TEXT.encode() + b"\nkeyword: {",
        b"",
        b"- 1\n",
        b"split: 3\n",
        ("x: " + "[" * 1000).encode(),
        b"base: &b {whole: {}}\nsplit: *b\nother: *b\n",
        b"--- {}\n--- {}\n",
    ],
)
def test_a_file_that_cannot_be_changed_safely_stays_and_the_line_to_add_is_said(copy, raw):
    copy.write_bytes(raw)
    with pytest.raises(ParamsError) as raised:
        record_partition(copy, "crowd", "test")
    assert copy.read_bytes() == raw
    assert "split.whole.crowd cannot be set" in str(raised.value)
    assert "`whole: {crowd: test}`" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["on", "No", "y", "null", "123", "1e3", "0x1F", "-", "_", "12_30", "True", "crowd-2"])
def test_a_corpus_may_have_any_name(copy, name):
    copy.write_text(TEXT)
    for partition in ("dev", "train"):
        record_partition(copy, name, partition)
        assert yaml.safe_load(copy.read_text())["split"]["whole"] == {name: partition}


def test_no_final_line_end_stays_none(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_bytes(b"split:\n  whole:\n    x: dev")
    record_partition(path, "crowd", "test")
    assert path.read_bytes() == b"split:\n  whole:\n    x: dev\n    crowd: test"


def test_imports_at_once_keep_every_line(copy):
    code = (
        "import sys; from pathlib import Path; from kwsdata.importers.partition import record_partition\n"
        "record_partition(Path(sys.argv[1]), sys.argv[2], 'train')"
    )
    copy.write_text(TEXT)
    imports = [subprocess.Popen([sys.executable, "-c", code, copy, f"c{number}"]) for number in range(8)]
    assert {process.wait() for process in imports} == {0}
    whole = yaml.safe_load(copy.read_text())["split"]["whole"]
    assert whole == {f"c{number}": "train" for number in range(8)}
    assert sorted(path.name for path in copy.parent.iterdir()) == ["params", "params.yaml"]


def test_mode_and_symbolic_link_stay(copy, tmp_path):
    copy.chmod(0o600)
    (tmp_path / "link.yaml").symlink_to("params.yaml")
    record_partition(tmp_path / "link.yaml", "crowd", "train")
    assert (tmp_path / "link.yaml").is_symlink()
    assert copy.stat().st_mode & 0o7777 == 0o600
    assert load_params(copy).split.whole == {"crowd": "train"}


def test_a_partition_that_does_not_exist_is_refused(copy):
    with pytest.raises(PartitionError, match=r"validation.*train, dev, test"):
        record_partition(copy, "crowd", "validation")
    assert copy.read_text() == PARAMS.read_text()


def test_a_file_without_the_block_is_refused(tmp_path):
    (tmp_path / "params.yaml").write_text("keyword: {text: computer}\n")
    with pytest.raises(ParamsError, match=r"split\.whole\.crowd cannot be set"):
        record_partition(tmp_path / "params.yaml", "crowd", "train")
    with pytest.raises(ParamsError, match=r"missing\.yaml"):
        record_partition(tmp_path / "missing.yaml", "crowd", "train")


def test_advice_is_given_only_where_a_partition_is_missing():
    unknown, known = {"name": "crowd", "speakers": "unknown"}, {"name": "words", "speakers": "known"}
    assert "split.whole.crowd" in str(partition_advice(unknown, {}))
    assert "--partition train" in str(partition_advice(unknown, {"village": "dev"}))
    assert partition_advice(unknown, {"crowd": "dev"}) is None
    assert partition_advice(known, {}) is None
