"""Columns of datasets as programs write them, and rows of any origin: what is read, and what is asked for by name."""

import io
import json
import subprocess
import sys
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from corpus_trees import put_tone
from datasets import Audio, ClassLabel, Dataset, DatasetDict, Features, Value
from sound import white_noise

from kwsdata.errors import CorpusError


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf-cache")


def wav(seed: int) -> bytes:
    data = io.BytesIO()
    soundfile.write(data, white_noise(seed, 0.5), 16_000, format="WAV")
    return data.getvalue()


def sounds(count: int = 2, first: int = 0) -> list[dict]:
    return [{"bytes": wav(first + n), "path": f"{n}.wav"} for n in range(count)]


def parquet(folder: Path, name: str = "train.parquet", **columns) -> Path:
    """Write Parquet as any program would, without what `datasets` adds to it."""
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), folder / name)
    return folder


def texts(importing) -> list[str | None]:
    return [cut.supervisions[0].text if cut.supervisions else None for cut in importing.cuts().values()]


def test_a_struct_of_bytes_and_path_is_sound(importing, tmp_path):
    folder = parquet(tmp_path / "pq", audio=pa.array(sounds()), phrase=["Hey lumen", "hello"])
    importing("hf", folder, role="keyword")
    assert texts(importing) == ["hey lumen", "hello"]


@pytest.mark.parametrize(
    "audio",
    [
        pa.array(sounds()),
        pa.array([{"bytes": wav(n)} for n in range(2)]),
        pa.array(sounds(), pa.struct({"path": pa.large_string(), "bytes": pa.large_binary()})),
        pa.array([{"array": white_noise(n, 0.5).tolist(), "sampling_rate": 16_000, "path": "x"} for n in range(2)]),
    ],
    ids=["bytes and path", "bytes", "large", "samples"],
)
def test_sound_in_the_ways_of_other_programs(importing, tmp_path, audio):
    assert importing("hf", parquet(tmp_path / "pq", clip=audio, n=[1, 2]), role="noise")["clips"] == 2


@pytest.mark.parametrize("kind", ["binary", "large_binary", "string"])
def test_bytes_or_paths_are_sound_where_that_is_asked(importing, tmp_path, kind):
    put_tone(tmp_path / "pq/clips/0.wav", 0)
    put_tone(tmp_path / "pq/clips/1.wav", 1)
    told = ["clips/0.wav", "clips/1.wav"] if kind == "string" else [wav(0), wav(1)]
    folder = parquet(tmp_path / "pq", what=pa.array(told, getattr(pa, kind)()), text=["one", "two"])
    with pytest.raises(CorpusError, match=r"no column holds sound; it has what, text. Say which: --column audio=NAME"):
        importing("hf", folder, role="keyword")
    importing("hf", folder, role="keyword", columns={"audio": "what"})
    assert texts(importing) == ["one", "two"]


def test_of_two_columns_of_sound_one_is_asked_for(importing, tmp_path):
    folder = parquet(tmp_path / "pq", near=pa.array(sounds()), far=pa.array(sounds(first=5)), text=["a", "b"])
    with pytest.raises(CorpusError, match=r"the columns near and far hold sound; .* --column audio=NAME"):
        importing("hf", folder, role="speech")
    found = {}
    for name in ("near", "far"):
        importing("hf", folder, role="speech", columns={"audio": name}, name=name)
        found[name] = {cut.custom["audio_sha256"] for cut in importing.cuts(name).values()}
    assert not found["near"] & found["far"]


def test_of_several_columns_of_sound_the_one_named_audio_is_the_clip(importing, tmp_path):
    parquet(tmp_path / "pq", early=pa.array(sounds(first=5)), audio=pa.array(sounds()), text=["a", "b"])
    importing("hf", tmp_path / "pq", role="speech", name="both")
    importing("hf", tmp_path / "pq", role="speech", columns={"audio": "audio"}, name="asked")
    hashes = [{cut.custom["audio_sha256"] for cut in importing.cuts(name).values()} for name in ("both", "asked")]
    assert hashes[0] == hashes[1]


def test_two_audio_features_do_not_decode_each_other(importing, tmp_path):
    rows = {"near": sounds(), "far": sounds(first=5), "text": ["a", "b"]}
    kinds = Features({"near": Audio(), "far": Audio(), "text": Value("string")})
    Dataset.from_dict(rows, features=kinds).save_to_disk(str(tmp_path / "saved"))
    assert importing("hf", tmp_path / "saved", role="speech", columns={"audio": "far"})["clips"] == 2


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"audio": "sound"}, r"--column audio=sound: .* has the columns clip, said, many"),
        ({"audio": "many"}, "it holds .* which is neither sound nor a path"),
        ({"text": "clip"}, "--column text=clip: .* has no such column of words"),
        ({"text": "many"}, "--column text=many: .* has no such column of words"),
        ({"text": "nothing"}, "--column text=nothing: .* it has clip, said, many"),
        ({"words": "said"}, "'words' must be one of audio, text, speaker, language, gender"),
        (
            {},
            r"no column is called as texts are \(text, sentence, .*it has clip, said, many. Say which: --column text=",
        ),
    ],
)
def test_a_column_that_does_not_do_is_named(importing, tmp_path, columns, message):
    folder = parquet(tmp_path / "pq", clip=pa.array(sounds()), said=["a", "b"], many=[[1], [2]])
    with pytest.raises(CorpusError, match=message):
        importing("hf", folder, role="keyword", columns=columns)


def test_labels_are_their_names_and_numbers_alone_are_no_text(importing, tmp_path):
    rows = {"audio": sounds(3), "label": [1, 0, -1]}
    kinds = Features({"audio": Audio(), "label": ClassLabel(names=["Stop", "Go"])})
    Dataset.from_dict(rows, features=kinds).save_to_disk(str(tmp_path / "saved"))
    importing("hf", tmp_path / "saved", role="speech")
    assert texts(importing) == ["go", "stop", None]
    folder = parquet(tmp_path / "pq", audio=pa.array(sounds()), label=[3, 5], speaker_id=[7, 8])
    with pytest.raises(CorpusError, match="--column text=NAME"):
        importing("hf", folder, role="keyword", force=True)
    importing("hf", folder, role="speech", force=True)
    assert texts(importing) == [None, None]
    assert {cut.custom["speaker"] for cut in importing.cuts().values()} == {"tiny:7", "tiny:8"}
    importing("hf", folder, role="keyword", columns={"text": "label"}, force=True)
    assert texts(importing) == ["3", "5"]


def test_a_label_without_a_name_is_a_reject(importing, tmp_path):
    table = Dataset.from_dict({"audio": sounds(3), "label": [0, 9, -7]})
    table.info.features["label"] = ClassLabel(names=["Stop"])
    table.info.features["audio"] = Audio()
    table.save_to_disk(str(tmp_path / "saved"))
    importing.limits = importing.limits.model_copy(update={"max_reject_fraction": 0.9})
    assert importing("hf", tmp_path / "saved", role="speech")["clips"] == 1
    assert [reason[:10] for reason in importing.rejects().values()] == ["no label ("] * 2


def test_a_saved_format_changes_nothing(importing, tmp_path):
    table = Dataset.from_dict({"audio": sounds(), "text": ["a", "b"]}).cast_column("audio", Audio())
    table.with_format("numpy").save_to_disk(str(tmp_path / "saved"))
    importing("hf", tmp_path / "saved", role="speech")
    assert texts(importing) == ["a", "b"]


@pytest.mark.parametrize(
    "row",
    [
        None,
        {"bytes": None, "path": None},
        {"bytes": b"", "path": ""},
        {"bytes": b"no sound", "path": "0.wav"},
        {"bytes": None, "path": "lost.wav"},
        {"bytes": None, "path": "a\0b"},
        {"bytes": None, "path": "."},
        {"bytes": None, "path": "https://127.0.0.1:9/a.wav"},
        {"bytes": None, "path": "/etc/passwd"},
        {"bytes": None, "path": "../secret.wav"},
        {"bytes": None, "path": "linked.wav"},
        {"bytes": None, "path": "file:///etc/passwd"},
    ],
    ids=str,
)
def test_a_row_without_sound_of_its_own_is_a_reject(importing, tmp_path, row):
    folder = parquet(tmp_path / "pq", audio=pa.array([*sounds(1), row]), text=["a", "b"])
    put_tone(tmp_path / "secret.wav", 9)
    (folder / "linked.wav").symlink_to(tmp_path / "secret.wav")
    assert importing("hf", folder, role="speech")["clips"] == 1
    (reason,) = importing.rejects().values()
    if row is not None and row["path"] in ("/etc/passwd", "../secret.wav", "linked.wav"):
        assert reason.startswith("outside the corpus (") and "--allow-outside" in reason


def test_files_outside_are_read_where_that_is_allowed(importing, tmp_path):
    secret = put_tone(tmp_path / "secret.wav", 9)
    put_tone(tmp_path / "pq/inside.wav", 1)
    rows = [{"bytes": None, "path": str(secret)}, {"bytes": None, "path": str(tmp_path / "pq/inside.wav")}]
    folder = parquet(tmp_path / "pq", audio=pa.array(rows, pa.struct({"bytes": pa.binary(), "path": pa.string()})))
    assert importing("hf", folder, role="noise")["clips"] == 1
    assert importing("hf", folder, role="noise", allow_outside=True, name="more")["clips"] == 2


@pytest.mark.parametrize(
    ("array", "rate", "why"),
    [([], 16_000, "empty"), ([0.1] * 9000, 0, "cannot be decoded"), ([white_noise(2, 0.5).tolist()] * 2, 16_000, None)],
)
def test_samples_that_are_none_are_rejects(importing, tmp_path, array, rate, why):
    good = white_noise(1, 0.5).tolist()
    good = [good, good] if array and isinstance(array[0], list) else good
    rows = [{"array": good, "sampling_rate": 16_000}, {"array": array, "sampling_rate": rate}]
    importing("hf", parquet(tmp_path / "pq", audio=pa.array(rows)), role="noise")
    assert [reason.split(" (")[0] for reason in importing.rejects().values()] == ([why] if why else [])


CARDS = {
    "a URL": "configs:\n- config_name: default\n  data_files: http://127.0.0.1:9/a.parquet\n",
    "a URL of a split": "configs:\n- config_name: default\n  data_files:\n  - split: train\n    path: [https://x.org/*.parquet]\n",
    "an absolute path": "configs:\n- config_name: default\n  data_files: /etc/*.parquet\n",
    "up": "configs:\n- config_name: default\n  data_files:\n  - split: train\n    path: ../other/*.parquet\n",
    "a directory": "configs:\n- config_name: default\n  data_dir: ../../other\n",
    "an archive of elsewhere": "configs:\n- config_name: default\n  data_files: zip://a.parquet::https://x.org/a.zip\n",
}


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
@pytest.mark.parametrize("name", ["README.md", ".huggingface.yaml"])
def test_a_card_may_name_only_the_datasets_own_files(importing, tmp_path, card, name):
    parquet(tmp_path / "other", audio=pa.array(sounds()))
    folder = parquet(tmp_path / "pq", audio=pa.array(sounds()))
    (folder / name).write_text(card if name != "README.md" else f"---\n{card}---\n# Title\n")
    with pytest.raises(CorpusError, match=rf"{name} of .*pq names .*only files of the dataset are read"):
        importing("hf", folder, role="noise")


def test_a_card_that_names_its_own_files_is_followed(importing, tmp_path):
    folder = parquet(tmp_path / "pq", name="a.parquet", audio=pa.array(sounds()))
    parquet(tmp_path / "pq", name="b.parquet", audio=pa.array(sounds(first=5)))
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: near\n  data_files: a.parquet\n- config_name: far\n  data_files: b*\n---\n"
    )
    assert importing("hf", f"{folder}:near", role="noise")["clips"] == 2
    with pytest.raises(CorpusError, match="cannot be loaded as a Hugging Face dataset"):
        importing("hf", folder, role="noise", name="which")


def test_parquet_that_is_a_link_to_elsewhere_is_refused(importing, tmp_path):
    parquet(tmp_path / "other", audio=pa.array(sounds()))
    (tmp_path / "pq").mkdir()
    (tmp_path / "pq/train.parquet").symlink_to(tmp_path / "other/train.parquet")
    with pytest.raises(CorpusError, match="from where a link leads elsewhere"):
        importing("hf", tmp_path / "pq", role="noise")


@pytest.mark.parametrize(
    ("file", "value"),
    [
        ("dataset_dict.json", {"splits": ["../../other"]}),
        ("dataset_dict.json", {"splits": ["/etc"]}),
        ("dataset_dict.json", {"splits": [7]}),
        ("dataset_dict.json", []),
        ("train/state.json", {"_data_files": [{"filename": "../../other/data-00000-of-00001.arrow"}]}),
        ("train/state.json", {"_data_files": [{"filename": "/etc/passwd"}]}),
        ("train/state.json", {"_data_files": [{"filename": "lost.arrow"}]}),
        ("train/state.json", {}),
        ("train/dataset_info.json", {"features": {"audio": {"_type": "Nonsense"}}}),
        ("train/dataset_info.json", 7),
        ("train/state.json", None),
        ("train/dataset_info.json", None),
        ("train/data-00000-of-00001.arrow", None),
    ],
    ids=str,
)
def test_a_saved_dataset_that_is_not_in_order_is_one_clear_error(importing, tmp_path, file, value):
    table = Dataset.from_dict({"audio": sounds(), "text": ["a", "b"]}).cast_column("audio", Audio())
    table.save_to_disk(str(tmp_path / "other"))
    DatasetDict(train=table).save_to_disk(str(tmp_path / "saved"))
    path = tmp_path / "saved" / file
    if value is None:
        path.write_bytes(b"[" * 100_000 if file.endswith("json") else b"no arrow")
    else:
        told = json.loads(path.read_text())
        path.write_text(json.dumps(told | value if isinstance(value, dict) and value else value))
    with pytest.raises(
        CorpusError, match="saved cannot be loaded as a Hugging Face dataset|saved names|saved/train names"
    ):
        importing("hf", tmp_path / "saved", role="speech")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("train.parquet", b"PAR1 no parquet PAR1", "cannot be loaded"),
        ("train.parquet", b"", "cannot be loaded"),
        ("train.csv", b"path,text\na.wav,b\n", "is read as csv, which holds no sound"),
        ("train.jsonl", b'{"a": 1}\n', "is read as json, which holds no sound"),
        ("train.pkl", b"cos\nsystem\n(S'touch RAN'\ntR.", "cannot be loaded"),
        ("train.py", b"raise SystemExit", "cannot be loaded"),
        ("train.parquet.gz", b"\x1f\x8b", "unpack it|cannot be loaded|holds no sound"),
        ("sounds.zip", b"PK", "unpack it|cannot be loaded"),
    ],
)
def test_a_directory_that_holds_no_sound_is_one_clear_error(importing, tmp_path, monkeypatch, name, data, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pq").mkdir()
    (tmp_path / "pq" / name).write_bytes(data)
    with pytest.raises(CorpusError, match=words):
        importing("hf", tmp_path / "pq", role="speech")
    assert not (tmp_path / "RAN").exists()
    with pytest.raises(CorpusError, match="is a file: give the directory|cannot be unpacked"):
        importing("hf", tmp_path / "pq" / name, role="speech")


@pytest.mark.slow
def test_a_row_group_larger_than_memory_is_read_in_batches(tmp_path):
    """450 MB in one row group, as many programs write it, within 280 MB beyond what the libraries take."""
    rows = [{"bytes": number.to_bytes(4, "big") + bytes(30_000), "path": None} for number in range(15_000)]
    schema = pa.schema({"audio": pa.struct({"bytes": pa.binary(), "path": pa.string()})})
    (tmp_path / "pq").mkdir()
    with pq.ParquetWriter(tmp_path / "pq/train.parquet", schema, compression="none", use_dictionary=False) as writer:
        writer.write_table(pa.table({"audio": pa.array(rows, schema.field("audio").type)}), row_group_size=len(rows))
    del rows
    (tmp_path / "scratch").mkdir()
    code = """if True:
        import sys
        from pathlib import Path
        from kwsdata.importers.hf_files import splits_of

        def most_kb():
            return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

        before = most_kb()
        rows = splits_of(Path(sys.argv[1]) / "pq", Path(sys.argv[1]) / "scratch")["train"]
        print(len(rows), rows[14_999]["audio"]["bytes"][:4].hex(), most_kb() - before)
    """
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    count, last, grown_kb = done.stdout.split()
    assert (count, int(last, 16)) == ("15000", 14_999)
    assert int(grown_kb) < 280_000
