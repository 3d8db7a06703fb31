"""Datasets in the shapes that people save them in."""

import datasets
import pytest
from corpus_trees import put_tone

from kwsdata.errors import CorpusError


@pytest.fixture
def table(tmp_path):
    files = [put_tone(tmp_path / f"sound/{n}.flac", n, 22_050) for n in range(3)]
    rows = {
        "audio": [{"bytes": file.read_bytes(), "path": None} for file in files],
        "what_is_said": ["One", "Two", None],
        "locale": ["en", "cy", "cy"],
        "gender": ["male_masculine", "F", ""],
    }
    return datasets.Dataset.from_dict(rows).cast_column("audio", datasets.Audio())


def test_every_split_of_a_dataset_dict_is_read(importing, tmp_path, table):
    datasets.DatasetDict(train=table.select([0]), test=table.select([1, 2])).save_to_disk(str(tmp_path / "saved"))
    summary = importing("hf", tmp_path / "saved", role="speech", columns={"text": "what_is_said"})
    assert (summary["clips"], summary["speakers"]) == (3, "unknown")
    said = {
        cut_id: (cut.supervisions[0].text, cut.supervisions[0].language, cut.supervisions[0].gender)
        for cut_id, cut in importing.cuts().items()
        if cut.supervisions
    }
    assert said == {"tiny-train_00000000": ("one", "en", "male"), "tiny-test_00000000": ("two", "cy", "female")}


def test_a_directory_of_parquet_is_read(importing, tmp_path, table, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "parquet").mkdir()
    table.to_parquet(str(tmp_path / "parquet/train-00000-of-00001.parquet"))
    assert importing("hf", tmp_path / "parquet", role="noise")["clips"] == 3


def test_rows_that_name_files_are_read(importing, tmp_path):
    files = [str(put_tone(tmp_path / f"sound/{n}.wav", n)) for n in range(2)]
    rows = {"file": [{"bytes": None, "path": file} for file in files]}
    table = datasets.Dataset.from_dict(
        rows,
        features=datasets.Features({"file": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}}),
    )
    table.cast_column("file", datasets.Audio()).save_to_disk(str(tmp_path / "saved"))
    assert importing("hf", tmp_path / "saved", role="noise")["clips"] == 2


def test_mistakes_name_the_columns(importing, tmp_path, table):
    table.save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(CorpusError, match=r"--column text=said.*what_is_said, locale, gender"):
        importing("hf", tmp_path / "saved", role="speech", columns={"text": "said"})
    table.remove_columns("audio").save_to_disk(str(tmp_path / "mute"))
    with pytest.raises(CorpusError, match="no column holds sound"):
        importing("hf", tmp_path / "mute", role="speech")
    with pytest.raises(CorpusError, match="cannot be loaded as a Hugging Face dataset"):
        importing("hf", tmp_path / "nowhere", role="speech")


@pytest.mark.parametrize(
    ("columns", "licences"),
    [
        ({"license": ["CC0-1.0", "CC-BY-NC-4.0", None]}, ["CC0-1.0", "CC-BY-NC-4.0", "CC-BY-SA-4.0"]),
        ({"licences": [["CC0-1.0"], ["CC0-1.0", "own"], []]}, ["CC0-1.0", "CC0-1.0 AND own", "CC-BY-SA-4.0"]),
        ({"terms": ["a", "b", "c"]}, ["CC-BY-SA-4.0"] * 3),
        (
            {"cut": ['{"custom": {"licence": "CC0-1.0", "credits": [["street", "own"]]}}', "{}", None]},
            ["CC0-1.0", "CC-BY-SA-4.0", "CC-BY-SA-4.0"],
        ),
    ],
)
def test_each_row_keeps_its_own_licence_or_that_of_the_card(importing, tmp_path, table, monkeypatch, columns, licences):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "parquet").mkdir()
    for name, values in columns.items():
        table = table.add_column(name, values)
    table.to_parquet(str(tmp_path / "parquet/train-00000-of-00001.parquet"))
    (tmp_path / "parquet/README.md").write_text("---\nlicense: [cc-by-sa-4.0, other]\n---\n\n# A dataset\n")
    importing("hf", tmp_path / "parquet", role="noise")
    cuts = importing.cuts()
    found = [cuts[f"tiny-train_{number:08d}"].custom["licence"] for number in range(3)]
    assert [one.replace("cc-by-sa", "CC-BY-SA") for one in found] == licences
    with pytest.raises(CorpusError, match=r"--licence CC0-1.0 permits more than \d of 3 sounds do"):
        importing("hf", tmp_path / "parquet", name="free", role="noise", licence="CC0-1.0")


def test_a_column_of_licences_can_be_named_and_must_hold_texts(importing, tmp_path, table, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    table = table.add_column("terms", ["CC0-1.0", "own", "own"])
    table.save_to_disk(str(tmp_path / "saved"))
    importing("hf", tmp_path / "saved", role="noise", columns={"licence": "terms"})
    assert sorted(cut.custom["licence"] for cut in importing.cuts().values()) == ["CC0-1.0", "own", "own"]
    table.add_column("license", [1, 2, 3]).save_to_disk(str(tmp_path / "numbers"))
    with pytest.raises(CorpusError, match="3 of 3 sounds rejected"):
        importing("hf", tmp_path / "numbers", name="numbers", role="noise")
