"""Whatever is wrong with a file that a stage reads: one clear error, or what the file says; never a crash."""

import gzip
import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from damage import JSON, damaged
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vector_stores import clustered, store_of

from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.clips.decisions import load_decisions
from kwsdata.clips.manifests import cut_to_dict, read_cuts, with_fields
from kwsdata.clips.pieces import load_piece, pieces_of_cuts
from kwsdata.clips.shards import shard_cuts
from kwsdata.errors import KwsError, StageInputError
from kwsdata.files.atomic import write_jsonl_gz
from kwsdata.stages.check.stage import run as check
from kwsdata.tools.review.candidates import Candidates
from kwsdata.vectors.index import VectorIndex, build_index
from kwsdata.vectors.store import VectorStore

MORE = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def row(tmp_path_factory) -> dict:
    """One cut of a split manifest, as a row, its sound on disk."""
    root = tmp_path_factory.mktemp("corpus")
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, 16_000).astype(np.float32)
    info = CorpusInfo("c", "folder", "speech", "CC0", "none", "made here", "known")
    write_corpus(root / "c", info, [Item("a", wave, "hello", "s", span=(100, 9000))], 10, 0.0)
    (cut,) = shard_cuts(root / "c")
    return json.loads(json.dumps(cut_to_dict(with_fields(cut, label="speech", partition="train"))))


@MORE
@given(data=st.data())
def test_a_fuzzed_manifest_is_read_or_refused(tmp_path, row, data):
    path = tmp_path / "train.jsonl.gz"
    write_jsonl_gz(path, [row, data.draw(damaged(row))])
    with suppress(KwsError):
        for piece in pieces_of_cuts(read_cuts(path), 12_800):
            load_piece(piece)


@MORE
@given(data=st.data())
def test_the_gate_reads_or_refuses_a_fuzzed_manifest(tmp_path, params, row, data):
    params = params.model_copy(update={"embed": params.embed.model_copy(update={"embedder": None})})
    params = params.model_copy(update={"executor": params.executor.model_copy(update={"kind": "serial"})})
    for partition, rows in (("train", [row, data.draw(damaged(row))]), ("dev", []), ("test", [])):
        write_jsonl_gz(tmp_path / "split" / f"{partition}.jsonl.gz", rows)
    nowhere = dict.fromkeys(("embeddings", "rirs", "testsets", "mined"), tmp_path / "nowhere")
    with suppress(KwsError):
        check(params, split=tmp_path / "split", out=tmp_path / "check", **nowhere)


@pytest.mark.parametrize("name", ["cuts", "store", "pieces", "index"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.999])
def test_a_file_cut_short_anywhere_is_refused(tmp_path, params, row, name, share):
    def opened():
        index = VectorIndex(tmp_path / "i", VectorStore(tmp_path / "s"), params.embed.index)
        index.store.places(np.arange(10))

    def read():
        list(read_cuts(tmp_path / "cuts.jsonl.gz"))

    if name == "cuts":
        path, use = tmp_path / "cuts.jsonl.gz", read
        write_jsonl_gz(path, [row] * 20)
    else:
        store = store_of(tmp_path / "s", clustered(100, 8))
        build_index(store, tmp_path / "i", params.embed.index)
        files = {"store": "s/store.json", "pieces": "s/pieces.000000.jsonl.gz", "index": "i/index.json"}
        path, use = tmp_path / files[name], opened
    use()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * (len(whole) - 2))])
    with pytest.raises(StageInputError, match=path.name.replace(".", r"\.")):
        use()


@MORE
@given(data=st.data())
def test_a_fuzzed_store_or_index_is_opened_or_refused(fuzzed, params, data):
    name = data.draw(st.sampled_from(["s/store.json", "i/index.json", "s/pieces.000000.jsonl.gz"]))
    path = fuzzed / name
    whole = path.read_bytes()
    zipped = name.endswith(".gz")
    lines = gzip.decompress(whole).splitlines() if zipped else [whole]
    lines[0] = json.dumps(data.draw(damaged(json.loads(lines[0])))).encode()
    path.write_bytes(gzip.compress(b"\n".join(lines), mtime=0) if zipped else lines[0])
    try:
        with suppress(KwsError):
            store = VectorStore(fuzzed / "s")
            index = VectorIndex(fuzzed / "i", store, params.embed.index)
            store.places(np.arange(min(20, len(store))))
            index.search(store.take(np.arange(min(2, len(store)))), 3)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("count", [2**63 - 1, 2**64, 1e300])
def test_a_count_of_vectors_beyond_all_numbers_is_refused(fuzzed, count):
    path = fuzzed / "s" / "store.json"
    whole = path.read_bytes()
    path.write_text(json.dumps(json.loads(whole) | {"rows": [count, 30]}))
    try:
        with pytest.raises(StageInputError, match="store.json is malformed"):
            VectorStore(fuzzed / "s")
    finally:
        path.write_bytes(whole)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory, params) -> Path:
    root = tmp_path_factory.mktemp("fuzzed")
    build_index(store_of(root / "s", clustered(100, 8)), root / "i", params.embed.index)
    return root


CANDIDATE = {
    "id": "mined-a-1", "status": "review", "reason": "near", "pool": "train", "middle": 500, "window": 12_512,
    "found_by": "neighbour", "rank": 0.4, "similarity": 0.3, "margin": 0.1, "nearest": "w", "score": None, "at_s": 0.1,
    "piece": {"clip": "a", "place": "a.tar:0:1", "start": 0, "samples": 900, "clip_samples": 900, "identity": "x",
              "label": "speech"},
}  # fmt: skip


@MORE
@given(data=st.data())
def test_a_fuzzed_mining_result_is_reviewed_or_refused(tmp_path, data):
    word = {"middle": 3, "piece": CANDIDATE["piece"]}
    rows = {"candidates": [CANDIDATE, data.draw(damaged(CANDIDATE))], "words": [data.draw(damaged(word))]}
    for name, each in rows.items():
        write_jsonl_gz(tmp_path / f"{name}.jsonl.gz", each)
    with suppress(KwsError):
        candidates = Candidates(tmp_path, tmp_path / "none")
        json.dumps([candidates.row(number) for number in candidates.numbers(None, undecided=True)])
        candidates.counts()


@MORE
@given(line=st.text(max_size=40) | JSON.map(json.dumps) | st.binary(max_size=20).map(lambda raw: raw.decode("latin-1")))
def test_a_fuzzed_decision_is_read_or_refused_with_its_line(tmp_path, line):
    path = tmp_path / "decisions.jsonl"
    good = json.dumps({"identity": "x", "middle": 5, "clip": "c", "verdict": "keep"})
    path.write_bytes(f"{good}\n{line}\n".encode(errors="replace"))
    try:
        assert load_decisions(path).verdict("x", 5) == "keep"
    except StageInputError as error:
        assert any(f"line {number}:" in str(error) for number in range(2, 3 + line.count("\n")))
