"""The card says what the manifests say."""

import gzip
import json
from pathlib import Path

import yaml
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from kwsdata.cli import app
from kwsdata.files.atomic import read_json, read_jsonl_gz, write_json, write_jsonl_gz


def parts_of(text: str):
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def test_front_matter_is_what_the_hub_knows(publishing):
    from huggingface_hub import DatasetCard

    publishing(layouts=["hf"])
    front, _ = parts_of(Path("dist/README.md").read_text())
    assert front["license"] == "cc0-1.0"
    assert front["size_categories"] == ["n<1K"]
    assert [config["config_name"] for config in front["configs"]] == ["split", "augmented"]
    for config in front["configs"]:
        for files in config["data_files"]:
            assert list(Path("dist").glob(files["path"]))
    assert DatasetCard.load("dist/README.md").data.to_dict()["pretty_name"] == "computer (wake word)"


def test_sizes_sources_and_limits_are_those_of_the_manifests(publishing):
    told = publishing(layouts=["shar"])
    _, body = parts_of(Path("dist/README.md").read_text())
    assert "| `split/train` | 14 |" in body
    assert f"content hash `{told['dataset']}`" in body
    for name, source in told["sources"].items():
        assert f"| `{name}` | CC0-1.0 | {source['clips']} |" in body
    assert "`split/dev` has no clip of the keyword." in body
    assert "`kwsdata check` (leaks between partitions, faults of sound and labels) has not been run" in body


def test_no_account_and_no_place_of_this_machine_is_handed_on(publishing):
    """In params, and in what a corpus says of where it came from."""
    path = Path("params.yaml")
    path.write_text(path.read_text().replace("store: null", "store: s3://AKIAKEY:hunter2@lab/kws"))
    corpus = Path("data/corpora/talk/corpus.json")
    told = json.loads(corpus.read_text()) | {"source": "https://ada:hunter2@nas.lab/talk?X-Amz-Signature=hunter2"}
    corpus.write_text(json.dumps(told))
    publishing(layouts=["shar", "hf", "webdataset"], parts=["split/dev", "split/test", "split/train"])
    assert "https://nas.lab/talk" in Path("dist/README.md").read_text()
    for file in (file for file in Path("dist").rglob("*") if file.is_file()):
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        for word in (b"hunter2", b"AKIAKEY", b"s3://", str(Path.cwd()).encode()):
            assert word not in data, (file, word)
    assert (
        "# Left out, as it names a machine, an account or a secret: executor.store"
        in Path("dist/params.yaml").read_text()
    )


def test_the_gates_findings_are_limits(publishing):
    Path("data/check").mkdir()
    Path("data/check/check.json").write_text(json.dumps({"passed": False, "rules": {"min_keyword_similarity": 3}}))
    publishing(layouts=["shar"])
    body = Path("dist/README.md").read_text()
    assert "`kwsdata check` FAILED when it was last run." in body
    assert "min_keyword_similarity 3" in body


def test_unknown_speakers_transcripts_and_what_was_left_out_are_limits(publishing):
    path = Path("data/split/dev.jsonl.gz")
    rows = list(read_jsonl_gz(path))
    for row in rows:
        del row["custom"]["speaker"]
        row["supervisions"] = []
    write_jsonl_gz(path, rows)
    publishing(layouts=["shar"], exclude=["street"])
    body = Path("dist/README.md").read_text()
    assert "Nobody knows who speaks in `others` (5 clips)" in body
    assert "`others` has 5 clips of speech without a transcript" in body
    assert "Left out, with everything it is heard in: `street`" in body


def test_licences_that_ask_for_something_are_listed(publishing):
    for path in [*Path("data/split").glob("*.gz"), *Path("data/augmented/shar").glob("*.gz")]:
        rows = list(read_jsonl_gz(path))
        for row in rows:
            if row["custom"]["corpus"] == "talk":
                row["custom"]["licence"] = "CC-BY-SA-4.0"
        write_jsonl_gz(path, rows)
    publishing(layouts=["shar"])
    front, body = parts_of(Path("dist/README.md").read_text())
    assert front["license"] == ["cc-by-sa-4.0", "cc0-1.0"]
    assert "- credit to the authors: `talk` (CC-BY-SA-4.0)" in body
    assert "- what is made from it carries the same licence: `talk` (CC-BY-SA-4.0)" in body
    assert "No citation is recorded for `talk`" in body
    assert "Whoever uses the whole must meet all of them; the strictest are CC-BY-SA-4.0:" in body


HOSTILE = "x](javascript:a) <script>alert(1)</script> `a` <img src=x onerror=alert(2)>\n\n# Head | &lt;b&gt; \\"


def test_no_word_of_a_corpus_becomes_markup(built):
    """A citation and a source are whatever an importer was told, or a stranger's corpus says of itself."""
    for path in Path("data/corpora").glob("*/corpus.json"):
        write_json(path, read_json(path) | {"citation": HOSTILE, "source": HOSTILE})
    shown = CliRunner().invoke(app, ["card"])
    assert shown.exit_code == 0
    body = parts_of(shown.stdout)[1]
    assert "javascript:a" in body  # it is there, as text
    html = MarkdownIt("commonmark").enable("table").render(body)
    assert [tag for tag in ("<script", "<img", "<h1>Head", 'href="javascript') if tag in html] == []
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt; `a`") >= 2
    assert "&amp;lt;b&amp;gt;" in html


def test_the_card_is_printed_even_where_publishing_is_refused(built):
    path = Path("data/split/dev.jsonl.gz")
    rows = list(read_jsonl_gz(path))
    for row in rows:
        row["custom"]["licence"] = "unknown"
    write_jsonl_gz(path, rows)
    shown = CliRunner().invoke(app, ["publish", "dist"])
    assert shown.exit_code == 1
    assert "others: its licence is 'unknown', which is none that is known here (5 clips)" in shown.output
    shown = CliRunner().invoke(app, ["card"])
    assert shown.exit_code == 0
    assert parts_of(shown.stdout)[0]["pretty_name"] == "computer (wake word)"
