import numpy as np
import pytest
from damage import TAR_DAMAGE, damaged_tar
from lhotse import CutSet
from sound import tone, white_noise

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.corpus import CorpusInfo, Item, Reject, write_corpus
from kwsdata.clips.shards import ahead, load_audio, read_clips, shard_cuts
from kwsdata.errors import CorpusError, StageInputError
from kwsdata.files.atomic import sha256_of

INFO = CorpusInfo("toy", "folder", "speech", "CC0", "none", "made here", "known")


def items(count=5):
    return [Item(f"clip{i}", tone(200 + 50 * i, 0.3), text=f"word {i}", speaker=f"s{i % 2}") for i in range(count)]


def hashes(directory):
    return {path.name: sha256_of(path) for path in sorted(directory.rglob("*")) if path.is_file()}


def test_the_same_clips_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_corpus(tmp_path / name, INFO, items(), 2, 0.0)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    assert len(list((tmp_path / "a" / "shar").glob("recording.*.tar"))) == 3


def test_lhotse_reads_what_we_write(tmp_path):
    write_corpus(tmp_path / "toy", INFO, items(), 2, 0.0)
    cuts = list(CutSet.from_shar(in_dir=tmp_path / "toy" / "shar"))
    assert [cut.supervisions[0].text for cut in cuts] == [f"word {i}" for i in range(5)]
    for cut, item in zip(cuts, items(), strict=True):
        assert cut.sampling_rate == SAMPLE_RATE
        # 16 bits: half a step of rounding.
        np.testing.assert_allclose(cut.load_audio()[0], item.wave, atol=0.51 / 32768)


def test_one_seek_finds_each_clip(tmp_path):
    write_corpus(tmp_path / "toy", INFO, items(), 2, 0.0)
    for clip, item in zip(read_clips(tmp_path / "toy"), items(), strict=True):
        np.testing.assert_allclose(clip.wave, item.wave, atol=0.51 / 32768)
        assert clip.cut.custom["speaker"] == f"toy:{item.speaker}"


def test_a_truncated_shard_is_a_clear_error(tmp_path):
    write_corpus(tmp_path / "toy", INFO, items(), 5, 0.0)
    last = list(shard_cuts(tmp_path / "toy"))[-1]
    tar = tmp_path / "toy" / "shar" / "recording.000000.tar"
    tar.write_bytes(tar.read_bytes()[: int(last.custom["shard"].rsplit(":", 2)[1]) + 10])
    with pytest.raises(StageInputError, match="ends inside cut toy-clip4"):
        load_audio(last)


@pytest.mark.parametrize("way", TAR_DAMAGE)
def test_a_damaged_tar_is_a_clear_error(tmp_path, way):
    write_corpus(tmp_path / "toy", INFO, items(), 10, 0.0)
    tar = tmp_path / "toy/shar/recording.000000.tar"
    tar.write_bytes(damaged_tar(tar.read_bytes(), b"toy-clip1.flac", way))
    with pytest.raises(StageInputError, match=r"recording.000000.tar: .* Remake it with `dvc repro`"):
        list(shard_cuts(tmp_path / "toy"))


def test_a_damaged_manifest_is_a_clear_error(tmp_path):
    write_corpus(tmp_path / "toy", INFO, items(), 5, 0.0)
    manifest = tmp_path / "toy" / "shar" / "cuts.000000.jsonl.gz"
    manifest.write_bytes(manifest.read_bytes()[:-30])
    with pytest.raises(StageInputError, match=r"cuts\.000000.*damaged"):
        list(shard_cuts(tmp_path / "toy"))


def test_the_same_sound_is_kept_once(tmp_path):
    twice = [*items(2), Item("again", items(2)[0].wave)]
    summary = write_corpus(tmp_path / "toy", INFO, twice, 5, 0.5)
    assert (summary["clips"], summary["rejects"]) == (2, 1)


def test_too_many_rejects_fail_and_leave_no_corpus(tmp_path):
    bad = [Item("good", white_noise()), Reject("bad", "silent: -90 dBFS")]
    with pytest.raises(CorpusError, match=r"1 of 2 sounds rejected, over the limit import.max_reject_fraction = 0.1"):
        write_corpus(tmp_path / "toy", INFO, bad, 5, 0.1)
    assert not (tmp_path / "toy").exists()
    assert (tmp_path / "toy.rejects.json").exists()


@pytest.mark.parametrize("total", [0, 1, 15, 16, 17, 40])
def test_items_are_drawn_some_at_a_time_and_come_in_order(total):
    drawn, taken = [], []
    for item in ahead(number for number in range(total) if drawn.append(number) is None):
        taken.append(item)
        assert len(drawn) - len(taken) < 16
    assert taken == drawn == list(range(total))
