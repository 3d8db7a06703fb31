"""What may leave this machine with a dataset."""

from pathlib import Path

import pytest
import yaml
from params_files import whole_values, write_whole

from kwsdata.params import Params, load_params
from kwsdata.params.reading import read_values
from kwsdata.tools.publish.disclosure import LEFT_OUT, is_private, public_params, without_credentials

OURS = Path(__file__).resolve().parents[4] / "params.yaml"


@pytest.mark.parametrize(
    "text",
    [
        "/home/ada/secret-project/pool",
        "~/pools/tv",
        "~ada/tv",
        "../neighbour/tv",
        "data/../../tv",
        "..",
        r"C:\Users\ada\tv",
        "D:/tv",
        r"\\nas\share\tv",
        "nas:/export/tv",
        "ada@nas.local:tv",
        "ada@nas.local:/srv/tv",
        "s3://lab-bucket/tv",
        "s3://AKIAABCDEFGHIJKLMNOP:secret@bucket/tv",
        "gs://lab/tv",
        "abfs://container@account.dfs.core.windows.net/tv",
        "ssh://nas/srv/tv",
        "sftp://ada:pass@nas/tv",
        "file:///home/ada/tv",
        "tcp://10.0.0.7:8786",
        "https://ada:pass@example.org/tv",
        "https://example.org/tv?token=abc",
        "https://example.org/tv?id=7",
        "https://example.org/tv#access_token=abc",
        "see https://example.org/a, and https://ada@example.org/b",
        "by mail; password: hunter2",
        "api_key=abc",
        "hf_abcdefghijklmnop",
        "ghp_abcdefghijklmnop",
        "AKIAABCDEFGHIJKLMNOP",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
    ],
)
def test_what_names_a_machine_an_account_or_a_secret_is_private(text):
    assert is_private(text)


@pytest.mark.parametrize(
    "text",
    [
        *("computer", "hey lumen", "en-us", "google_speech", "data/pools/tv", "data/rounds/1", "all", "", "0.5..0.7"),
        "https://example.org",
        "https://example.org/sounds/tv.tar",
        "hf://acme/tv",
        "Ada Lovelace, by letter, 2026-11-03",
        "speech:espeak",
        "kws.teachers:make",
        "and/or",
        "token",
        "data/teachers/mine.onnx",
    ],
)
def test_all_else_is_not(text):
    assert not is_private(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://ada:pass@example.org/tv", "https://example.org/tv"),
        ("https://example.org/item?id=42", "https://example.org/item?id=42"),
        ("https://doi.org/10.1/abc#part", "https://doi.org/10.1/abc#part"),
        ("s3://key:secret@bucket/tv", "s3://bucket/tv"),
        ("https://x.org/tv?X-Amz-Signature=1&X-Amz-Date=2", "https://x.org/tv"),
        ("https://x.org/tv?id=1&token=2 and more", "https://x.org/tv and more"),
        ("A. Lovelace, The Engine (https://a@b.org/c), 1843", "A. Lovelace, The Engine (https://b.org/c), 1843"),
        ("recorded at home", "recorded at home"),
    ],
)
def test_addresses_lose_accounts_and_signatures(text, kept):
    assert without_credentials(text) == kept


def test_published_params_say_all_but_that(tmp_path):
    write_whole(tmp_path / "params.yaml")
    ours = (tmp_path / "params.yaml").read_text() + "\n# a note: the bucket's key is AKIAABCDEFGHIJKLMNOP\n"
    for told, private in [
        ("scheduler: null", "scheduler: 'tcp://10.0.0.7:8786'"),
        ("store: null", "store: 's3://key:secret@lab/kws'"),
        ("pools: []", "pools: [/home/ada/tv, data/pools/radio, 'https://ada:1@x.org/tv']"),
        ("permit: {}", "permit: {crowd: 'Ada, by letter, 2026'}"),
    ]:
        assert told in ours
        ours = ours.replace(told, private)
    (tmp_path / "params.yaml").write_text(ours)
    values = read_values(tmp_path / "params.yaml", Params)
    text = public_params(values)
    for word in ("10.0.0.7", "secret", "s3:", "lab/kws", "/home/ada", "ada:1", "AKIA"):
        assert word not in text.replace("a secret: ", ""), word
    keys = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith("# Left out")]
    assert keys == ["executor.scheduler", "executor.store", "mine_negatives.pools.0", "mine_negatives.pools.2"]
    expected = values
    expected["executor"] |= {"scheduler": LEFT_OUT, "store": LEFT_OUT}
    expected["mine_negatives"]["pools"] = [LEFT_OUT, "data/pools/radio", LEFT_OUT]
    assert yaml.safe_load(text) == expected
    assert list(yaml.safe_load(text)) == list(values)


def test_params_that_name_nothing_are_read_back_as_they_were(tmp_path):
    (tmp_path / "params.yaml").write_text(public_params(whole_values()))
    assert load_params(tmp_path / "params.yaml") == load_params(OURS)
    assert "Left out" not in (tmp_path / "params.yaml").read_text()


@pytest.mark.parametrize("word", ["on", "no", "0x1F", "1e3", "12:30", "null", "C:", "# a", "\u00e9t\u00e9"])
def test_words_stay_the_words_that_they_are(tmp_path, word):
    text = public_params({"keyword": {"text": word}})
    (tmp_path / "params.yaml").write_text(text)
    assert yaml.safe_load(text)["keyword"]["text"] == word
    from ruamel.yaml import YAML

    assert YAML(typ="safe").load(text)["keyword"]["text"] == word
