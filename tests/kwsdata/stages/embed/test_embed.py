import numpy as np
import pytest
from sound import burst, tone, white_noise

import kwsdata.vectors.fill as fill_module
from kwsdata.audio import SAMPLE_RATE, encode_flac
from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.clips.pieces import load_piece, piece_from_row, pieces_of_cuts, pieces_of_file
from kwsdata.clips.shards import shard_cuts
from kwsdata.errors import StageInputError
from kwsdata.runtime.embedders import load_embedder
from kwsdata.vectors.fill import fill, fill_from_cuts
from kwsdata.vectors.store import VectorStore

INFO = CorpusInfo("toy", "folder", "speech", "CC0", "none", "made here", "known")


@pytest.fixture
def block(params):
    return params.embed.model_copy(update={"piece_s": 2.0, "shard_s": 5.0})


@pytest.fixture
def serial(params):
    return params.executor.model_copy(update={"kind": "serial"})


@pytest.fixture
def cuts(project):
    items = [Item(f"n{i}", white_noise(i, seconds=1.3 + i), None, "s") for i in range(5)]
    write_corpus(project / "c", INFO, items, 100, 0.0)
    return list(shard_cuts(project / "c"))


def every_vector(directory):
    store = VectorStore(directory)
    return np.concatenate([store.shard(number) for number in range(store.shards)])


def test_pieces_give_the_vectors_of_the_whole(project, cuts, block, serial):
    fill_from_cuts(project / "pieces", cuts, block, serial)
    fill_from_cuts(project / "whole", cuts, block.model_copy(update={"piece_s": 60.0}), serial)
    one, other = every_vector(project / "pieces"), every_vector(project / "whole")
    assert one.shape == other.shape
    assert len(one) == sum(-(-cut.recording.num_samples // 1280) for cut in cuts)
    apart = np.abs(one.astype(np.float32) - other.astype(np.float32)).max(axis=1)
    # float16 of values up to 60 is exact to 0.03. Silence beyond the clip's ends is heard by some 5 windows at each:
    # the front end puts its floor 80 dB below the loudest of what it is given.
    assert np.quantile(apart, 0.5) < 0.1
    assert apart.max() < 2


def test_a_row_is_the_window_about_its_middle(project, block, serial):
    wave = np.concatenate([white_noise(0, 1.0), burst(1, 0.0, 0.6, 0.0), white_noise(2, 1.0)])
    write_corpus(project / "b", INFO, [Item("b", wave, None, "s")], 10, 0.0)
    fill_from_cuts(project / "s", shard_cuts(project / "b"), block, serial)
    store, embedder = VectorStore(project / "s"), load_embedder("google_speech")
    _, middle = store.locate(13)
    assert middle == 13 * 1280
    around = load_piece(next(pieces_of_cuts(shard_cuts(project / "b"), wave.size)))
    expected = embedder.embed(around[middle - 6256 : middle - 6256 + embedder.window])[0]
    assert np.abs(store.take(np.asarray([13]))[0] - expected).max() < 0.1


def test_any_executor_gives_the_same_bytes(project, cuts, block, params, serial, monkeypatch):
    fill_from_cuts(project / "one", cuts, block, serial)
    monkeypatch.setenv("KWSDATA_CACHE", str(project / "cache2"))
    processes = params.executor.model_copy(update={"kind": "processes", "workers": 2})
    fill_from_cuts(project / "two", cuts, block, processes)
    names = sorted(path.name for path in (project / "one").iterdir())
    assert names == sorted(path.name for path in (project / "two").iterdir())
    assert len(names) > 5
    for name in names:
        assert (project / "one" / name).read_bytes() == (project / "two" / name).read_bytes()


def test_an_interrupted_run_resumes_and_a_corpus_more_embeds_only_itself(project, cuts, block, serial, monkeypatch):
    made = []
    real = fill_module.embed_piece

    def stumble(piece, embedder, root):
        if piece.clip == "toy-n3" and not made.count("again"):
            raise KeyboardInterrupt
        made.append(piece.clip)
        return real(piece, embedder, root)

    monkeypatch.setattr(fill_module, "embed_piece", stumble)
    with pytest.raises(KeyboardInterrupt):
        fill_from_cuts(project / "s", cuts, block, serial)
    assert not (project / "s").exists()
    before = set(made)
    made[:] = ["again"]
    fill_from_cuts(project / "s", cuts, block, serial)
    assert "toy-n0" in before
    assert "toy-n0" not in made
    assert "toy-n3" in made
    write_corpus(project / "more", INFO, [Item("new", tone(seconds=2.0), None, "s")], 10, 0.0)
    other = list(shard_cuts(project / "more"))
    for cut in other:
        cut.custom["corpus"] = "more"
    made[:] = ["again"]
    fill_from_cuts(project / "t", [*cuts, *other], block, serial)
    assert made == ["again", "toy-new"]


def test_a_missing_shard_is_a_clear_error(project, cuts, block, serial):
    next((project / "c").rglob("*.tar")).unlink()
    with pytest.raises(StageInputError, match=r"recording.000000.tar.*is missing"):
        fill_from_cuts(project / "s", cuts, block, serial)


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000])
def test_stretches_of_a_file_of_any_rate_join_to_the_whole(tmp_path, rate):
    wave = tone(hz=500, seconds=3.0, rate=rate)
    path = tmp_path / "a.flac"
    path.write_bytes(encode_flac(wave, rate))
    (whole,) = pieces_of_file(path, "a", 1 << 30)
    parts = list(pieces_of_file(path, "a", 12_800))
    assert whole.samples == 3 * SAMPLE_RATE
    assert [part.start for part in parts] == [0, 12_800, 25_600, 38_400]
    joined = np.concatenate([load_piece(part) for part in parts])
    # The resampler's filter sees 100 ms beyond the cut: what it leaves out is far below 16 bits.
    np.testing.assert_allclose(joined, load_piece(whole), atol=1e-3)
    np.testing.assert_allclose(joined[2000:-2000], tone(hz=500, seconds=3.0)[2000:-2000], atol=2e-3)
    with_margin = load_piece(parts[1], before=100, after=50)
    np.testing.assert_allclose(with_margin, joined[12_700:25_650], atol=1e-3)
    assert load_piece(parts[0], before=10)[:10].tolist() == [0.0] * 10


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"clip": 3},
        {"clip": "a", "place": "x", "start": 5, "samples": 9, "clip_samples": 10, "identity": "", "label": ""},
    ],
)
def test_a_malformed_piece_is_a_clear_error(row):
    with pytest.raises(StageInputError, match="is malformed"):
        piece_from_row(row)


def test_empty_sound_fills_an_empty_store(project, block, serial):
    info = fill(project / "s", [], block, serial)
    assert info["rows"] == []
    assert len(VectorStore(project / "s")) == 0
