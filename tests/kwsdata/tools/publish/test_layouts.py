"""What `publish` writes, read back by the libraries that other people use: every sample, and nothing half-written."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from augmenting import eventful
from typer.testing import CliRunner

from kwsdata.cli import app
from kwsdata.clips.manifests import cut_from_dict, read_cuts
from kwsdata.clips.shards import load_audio, one_shard_cuts, shard_cuts
from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_jsonl_gz, sha256_of, write_jsonl_gz
from kwsdata.stages.augment.stage import run as augment
from kwsdata.tools.dataset.lock import lock_of
from kwsdata.tools.dataset.members import members_of
from kwsdata.tools.dataset.trees import open_tree

ALL = ("split", "augmented", "testsets", "rirs")


@pytest.fixture
def truth(built):
    """{part: {clip: (samples as stored, cut without its place)}} of the dataset itself."""
    found = {}
    for part, path in [
        *((f"split/{name}", Path(f"data/split/{name}.jsonl.gz")) for name in ("train", "dev", "test")),
        *(("augmented/train", path) for path in sorted(Path("data/augmented/shar").glob("cuts.*"))),
        ("testsets/test/clean", Path("data/testsets/test/clean/cuts.000000.jsonl.gz")),
        *((f"rirs/{name}", Path(f"data/rirs/{name}/cuts.000000.jsonl.gz")) for name in ("train", "test")),
    ]:
        for cut in read_cuts(path) if part.startswith("split/") else one_shard_cuts(path):
            wave = load_audio(cut)
            del cut.custom["shard"]
            found.setdefault(part, {})[cut.id] = (wave, cut.to_dict())
    return found


def same(found, truth):
    """Compare {clip: (wave, cut)} of one part with the truth, sample by sample."""
    assert found.keys() == truth.keys()
    for clip, (wave, cut) in found.items():
        assert np.array_equal(wave, truth[clip][0]), clip
        assert {licence for _, licence in cut["custom"].pop("credits")} <= {"CC0", "CC0-1.0"}
        assert cut == truth[clip][1]


def decoded(flac: bytes) -> np.ndarray:
    wave, rate = soundfile.read(io.BytesIO(flac), dtype="float32")
    assert rate == 16_000
    return wave


def test_lhotse_reads_every_sample_and_every_field(publishing, truth):
    from lhotse import CutSet

    publishing(parts=ALL, layouts=["shar"])
    for part, expected in truth.items():
        cuts = list(CutSet.from_shar(in_dir=f"dist/shar/{part}"))
        assert {cut.id for cut in cuts} == expected.keys()
        for cut in cuts:
            wave, row = expected[cut.id]
            assert np.array_equal(cut.load_audio()[0], wave), cut.id
            assert [said.to_dict() for said in cut.supervisions] == row["supervisions"]
            assert {key: cut.custom[key] for key in row["custom"]} == row["custom"]


def test_webdataset_reads_every_sample_and_every_field(publishing, truth):
    webdataset = pytest.importorskip("webdataset", reason="the extra `dev` is not installed")
    publishing(parts=ALL, layouts=["webdataset"])
    for part in truth:
        tars = sorted(map(str, Path(f"dist/webdataset/{part}").glob("*.tar")))
        samples = list(webdataset.WebDataset(tars, shardshuffle=False))
        found = {}
        for sample in samples:
            columns = json.loads(sample["json"])
            found[sample["__key__"]] = (decoded(sample["flac"]), cut_from_dict(json.loads(columns["cut"])).to_dict())
            assert columns["id"] == sample["__key__"]
        same(found, truth[part])


def test_datasets_reads_every_sample_and_every_field(publishing, truth, tmp_path):
    datasets = pytest.importorskip("datasets")
    publishing(parts=ALL, layouts=["hf"])
    for part, config, split in [
        *((f"split/{name}", "split", name) for name in ("train", "dev", "test")),
        ("augmented/train", "augmented", "train"),
        ("testsets/test/clean", "testsets", "test.clean"),
        ("rirs/train", "rirs", "train"),
    ]:
        clips = datasets.load_dataset("dist", config, split=split, cache_dir=str(tmp_path / "hf"))
        assert isinstance(clips.features["audio"], datasets.Audio)
        assert clips.features["audio"].sampling_rate == 16_000
        found = {}
        for row in clips.cast_column("audio", datasets.Audio(decode=False)):  # decoding needs torchcodec
            found[row["id"]] = (decoded(row["audio"]["bytes"]), cut_from_dict(json.loads(row["cut"])).to_dict())
            assert row["audio"]["path"] == f"{row['id']}.flac"
        same(found, truth[part])


def test_datasets_decodes_every_sample_by_itself(publishing, truth, tmp_path):
    datasets = pytest.importorskip("datasets")
    pytest.importorskip("torchcodec", reason="torchcodec or ffmpeg's libraries are missing", exc_type=Exception)
    publishing(parts=ALL, layouts=["hf"])
    for part, config, split in [
        ("augmented/train", "augmented", "train"),
        ("rirs/train", "rirs", "train"),
    ]:  # 16, 24 bits
        found = {}
        for row in datasets.load_dataset("dist", config, split=split, cache_dir=str(tmp_path / "hf")):
            sound = row["audio"].get_all_samples()
            assert (sound.sample_rate, sound.data.shape[0]) == (16_000, 1)
            found[row["id"]] = (sound.data[0].numpy(), cut_from_dict(json.loads(row["cut"])).to_dict())
        same(found, truth[part])


def test_the_split_is_what_load_dataset_gives_without_a_name(publishing, tmp_path):
    datasets = pytest.importorskip("datasets")
    publishing(layouts=["shar", "webdataset", "hf"])
    found = datasets.load_dataset("dist", cache_dir=str(tmp_path / "hf"))
    assert {name: len(split) for name, split in found.items()} == {"train": 14, "dev": 5, "test": 3}


def test_columns_say_what_a_clip_is(publishing):
    publishing(layouts=["webdataset"], parts=["augmented"])
    with tarfile.open("dist/webdataset/augmented/train/000000.tar") as tar:
        rows = [json.load(tar.extractfile(one)) for one in tar if one.name.endswith(".json")]
    rows = {row["id"]: row for row in rows}
    word = next(row for row in rows.values() if row["label"] == "keyword" and "simulated" in row["sources"])
    assert word["text"] == "computer"
    assert word["parent"] in word["id"]
    assert 0 <= word["start_s"] < word["end_s"] <= word["duration_s"]
    assert word["sources"][0] == "words"
    assert word["licences"] == ["CC0-1.0"]


def test_further_sounds_of_a_clip_come_along(publishing, params, tmp_path):
    datasets = pytest.importorskip("datasets")
    augment(eventful(params, early_target_ms=50, clips_per_shard=4))
    publishing(parts=["augmented"])
    early = {}
    for path in sorted(Path("data/augmented/shar").glob("cuts.*")):
        tar_path = path.with_name(path.name.replace("cuts.", "early.").replace(".jsonl.gz", ".tar"))
        if tar_path.exists():
            with tarfile.open(tar_path) as tar:
                early |= {
                    one.name.removesuffix(".flac"): tar.extractfile(one).read()
                    for one in tar
                    if one.name.endswith(".flac")
                }
    assert early
    clips = datasets.load_dataset("dist", "augmented", split="train", cache_dir=str(tmp_path / "hf"))
    clips = clips.cast_column("early", datasets.Audio(decode=False))
    clips = clips.cast_column("audio", datasets.Audio(decode=False))
    assert {row["id"]: row["early"]["bytes"] for row in clips if row["early"]} == early
    from lhotse import CutSet

    cut = next(cut for cut in CutSet.from_shar(in_dir="dist/shar/augmented/train") if cut.has_custom("early"))
    assert np.array_equal(cut.load_early()[0], decoded(early[cut.id]))


def hashes(directory="dist"):
    return {str(p.relative_to(directory)): sha256_of(p) for p in sorted(Path(directory).rglob("*")) if p.is_file()}


def test_the_same_dataset_gives_the_same_bytes(publishing):
    publishing(parts=ALL)
    first = hashes()
    publishing(parts=ALL)
    assert hashes() == first
    told = json.loads(Path("dist/publish.json").read_text())
    assert {path: row["sha256"] for path, row in told["files"].items()} == {
        path: sha for path, sha in first.items() if path != "publish.json"
    }


def test_its_parts_have_the_hashes_of_the_lock(publishing):
    told = publishing(parts=ALL, layouts=["shar"])
    lock = lock_of(members_of(open_tree()), "computer")
    assert told["parts"] == lock["parts"]
    assert told["dataset"] == lock["dataset"]


def test_shards_end_at_their_limits(publishing, built):
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["publish"] |= {"clips_per_shard": 6}
    Path("params.yaml").write_text(yaml.safe_dump(values))
    publishing(layouts=["shar"])
    sizes = [len(list(read_jsonl_gz(path))) for path in sorted(Path("dist/shar/split/train").glob("cuts.*"))]
    assert sizes == [6, 6, 2]
    values["publish"] |= {"clips_per_shard": 100, "shard_mb": 0.1}
    Path("params.yaml").write_text(yaml.safe_dump(values))
    publishing(layouts=["shar"])
    tars = sorted(Path("dist/shar/split/train").glob("recording.*"))
    assert len(tars) > 2
    assert not list(Path("dist/shar/split/train").glob("recording.*.part"))


def test_a_directory_of_somebody_else_is_left_alone(publishing):
    Path("dist").mkdir()
    Path("dist/thesis.tex").write_text("years of work")
    with pytest.raises(StageInputError, match=r"dist is not a dataset that `kwsdata publish` wrote"):
        publishing()
    assert Path("dist/thesis.tex").read_text() == "years of work"


def test_a_failure_leaves_what_was_there(publishing):
    publishing(layouts=["shar"])
    before = hashes()
    tar = Path("data/corpora/held/shar/recording.000000.tar")
    tar.write_bytes(tar.read_bytes()[:3000])
    with pytest.raises(StageInputError, match=r"recording.000000.tar ends inside held-"):
        publishing()
    assert hashes() == before
    assert [path.name for path in Path().glob(".dist*")] == []


def test_samples_that_are_not_the_manifests_are_refused(publishing):
    rows = list(read_jsonl_gz(Path("data/split/test.jsonl.gz")))
    rows[0]["custom"]["shard"], rows[1]["custom"]["shard"] = rows[1]["custom"]["shard"], rows[0]["custom"]["shard"]
    write_jsonl_gz(Path("data/split/test.jsonl.gz"), rows)
    with pytest.raises(StageInputError, match=r"the samples of held-w0 \(split/test\) are not those"):
        publishing()


def test_the_importer_takes_it_back(publishing, params, monkeypatch, tmp_path):
    datasets = pytest.importorskip("datasets")
    from kwsdata.importers.run import run_import

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    publishing(layouts=["hf"], parts=["split"])
    run_import("hf", "dist", name="back", params=params.import_, executor=eventful(params).executor,
               out_root=Path("again"), role="speech", licence="CC0-1.0")  # fmt: skip

    def known(cuts, corpus=""):
        return {
            (
                cut.custom["audio_sha256"],
                cut.custom["speaker"].removeprefix(corpus),
                cut.supervisions[0].text if cut.supervisions else None,
            )
            for cut in cuts
        }

    ours = [cut for name in ("train", "dev", "test") for cut in read_cuts(Path(f"data/split/{name}.jsonl.gz"))]
    assert len(ours) == 22
    assert known(shard_cuts(Path("again/back")), "back:") == known(ours)


def test_the_command_says_what_it_wrote_and_names_its_mistakes(built):
    shown = CliRunner().invoke(app, ["publish", "dist", "--format", "shar", "--part", "split/dev"])
    assert shown.exit_code == 0
    told = json.loads(shown.stdout)
    assert told["layouts"] == ["shar"]
    assert told["parts"]["split/dev"]["cuts"] == 5
    for options, message in [
        (["--format", "zip"], "--format zip: choose from shar, webdataset, hf, all"),
        (["--part", "spilt"], "--part spilt: there is no such part; there are split/dev"),
        (["--push", "nobody"], "is no place on a hub: write hf://OWNER/NAME"),
    ]:
        shown = CliRunner().invoke(app, ["publish", "dist", *options])
        assert shown.exit_code == 1
        assert message in shown.output
