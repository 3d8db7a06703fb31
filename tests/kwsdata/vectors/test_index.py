import json

import faiss
import numpy as np
import pytest
from vector_stores import clustered, store_of

from kwsdata.errors import StageInputError
from kwsdata.vectors.index import VectorIndex, build_index
from kwsdata.vectors.space import fit_space, load_space
from kwsdata.vectors.store import VectorStore

ROWS, DIM = 4200, 32


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_of(tmp_path_factory.mktemp("store") / "s", clustered(ROWS, DIM))


@pytest.fixture
def index_params(params):
    return params.embed.index.model_copy(
        update={"exact_below": 0, "vectors_per_file": 1500, "sample": 3000, "lists": 16, "probes": 8, "code_bytes": 16}
    )


def brute_force(store, queries, count):
    space = fit_space(store, np.arange(len(store)))
    similarity = space.project(queries) @ space.rows(store, np.arange(len(store))).T
    return np.sort(similarity, axis=1)[:, ::-1][:, :count], np.argsort(-similarity, axis=1, kind="stable")[:, :count]


def test_exact_search_is_brute_force(store, tmp_path, params):
    info = build_index(store, tmp_path / "i", params.embed.index)
    queries = store.take(np.arange(0, ROWS, 100))
    similarity, rows = VectorIndex(tmp_path / "i", store, params.embed.index).search(queries, 10)
    expected, places = brute_force(store, queries, 10)
    assert info["kind"] == "exact"
    np.testing.assert_allclose(similarity, expected, atol=1e-5)
    np.testing.assert_array_equal(rows[:, 0], places[:, 0])
    np.testing.assert_array_equal(rows[:, 0], np.arange(0, ROWS, 100))


@pytest.mark.parametrize(("kind", "recall"), [("ivf_pq", 0.9), ("hnsw", 0.95)])
def test_an_index_of_several_files_finds_nearly_what_brute_force_finds(store, tmp_path, index_params, kind, recall):
    params = index_params.model_copy(update={"kind": kind})
    info = build_index(store, tmp_path / "i", params)
    assert [file["rows"] for file in info["files"]] == [1500, 1500, 1200]
    queries = store.take(np.arange(0, ROWS, 42))
    similarity, rows = VectorIndex(tmp_path / "i", store, params).search(queries, 10)
    _, places = brute_force(store, queries, 10)
    found = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(rows.tolist(), places.tolist(), strict=True)])
    assert found >= recall
    # What is returned was compared exactly, whatever the index keeps of it.
    space = load_space(tmp_path / "i" / "space.npz")
    exact = np.einsum("qd,qkd->qk", space.project(queries), space.rows(store, rows.ravel()).reshape(*rows.shape, -1))
    np.testing.assert_allclose(similarity, exact, atol=1e-5)
    assert (np.diff(similarity, axis=1) <= 1e-6).all()


@pytest.mark.parametrize("kind", ["ivf_pq", "hnsw"])
def test_an_index_that_is_cut_short_is_an_error_not_a_crash(store, tmp_path, index_params, kind):
    params = index_params.model_copy(update={"kind": kind})
    build_index(store, tmp_path / "i", params)
    part = tmp_path / "i" / "part.000001.faiss"
    part.write_bytes(part.read_bytes()[:-1000])
    with pytest.raises(StageInputError, match=r"part.000001.faiss has \d+ bytes, index.json says"):
        VectorIndex(tmp_path / "i", store, params)
    part.unlink()
    with pytest.raises(StageInputError, match="has 0 bytes"):
        VectorIndex(tmp_path / "i", store, params)


def test_an_index_with_a_damaged_head_is_an_error(store, tmp_path, index_params):
    build_index(store, tmp_path / "i", index_params)
    part = tmp_path / "i" / "part.000000.faiss"
    part.write_bytes(b"\0" * 64 + part.read_bytes()[64:])
    with pytest.raises(StageInputError, match="is damaged"):
        VectorIndex(tmp_path / "i", store, index_params).search(store.take(np.arange(2)), 3)


@pytest.mark.parametrize("kind", ["ivf_pq", "hnsw"])
@pytest.mark.parametrize("other", ["numbers", "rows", "kind"])
def test_a_part_of_another_index_is_an_error(store, tmp_path, index_params, kind, other):
    params = index_params.model_copy(update={"kind": kind})
    build_index(store, tmp_path / "i", params)
    path = tmp_path / "i" / "part.000000.faiss"
    rows = json.loads((tmp_path / "i/index.json").read_text())["files"][0]["rows"]
    part = faiss.IndexFlat(DIM) if other == "kind" else faiss.IndexHNSWFlat(DIM if other == "rows" else 2 * DIM, 8)
    if other != "rows":
        part.add(np.zeros((rows, part.d), np.float32))
    faiss.write_index(part, str(path))
    info = json.loads((tmp_path / "i/index.json").read_text())
    info["files"][0]["bytes"] = path.stat().st_size
    (tmp_path / "i/index.json").write_text(json.dumps(info))
    with pytest.raises(StageInputError, match=r"part.000000.faiss (holds \d+ vectors|is damaged)"):
        VectorIndex(tmp_path / "i", store, params).search(store.take(np.arange(2)), 3)


@pytest.mark.parametrize("name", ["../part.faiss", "/etc/passwd", "a/b", "", None, "..", "a\0"])
def test_an_index_names_files_of_its_own(store, tmp_path, index_params, name):
    build_index(store, tmp_path / "i", index_params)
    info = json.loads((tmp_path / "i/index.json").read_text())
    info["files"][0]["name"] = name
    (tmp_path / "i/index.json").write_text(json.dumps(info))
    with pytest.raises(StageInputError, match="index.json is malformed"):
        VectorIndex(tmp_path / "i", store, index_params)


def test_an_index_of_another_store_is_refused(store, tmp_path, params):
    build_index(store, tmp_path / "i", params.embed.index)
    other = store_of(tmp_path / "other", clustered(50, DIM))
    with pytest.raises(StageInputError, match="indexes 4200 vectors, .* holds 50"):
        VectorIndex(tmp_path / "i", other, params.embed.index)


def test_more_neighbours_than_vectors_are_all_of_them(tmp_path, params):
    store = store_of(tmp_path / "s", clustered(12, 8))
    build_index(store, tmp_path / "i", params.embed.index)
    _, rows = VectorIndex(tmp_path / "i", store, params.embed.index).search(store.take(np.asarray([3])), 50)
    assert sorted(rows[0].tolist()) == list(range(12))


def test_whitening_makes_the_common_direction_count_little(tmp_path):
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((2000, 8)).astype(np.float32)
    vectors[:, 0] *= 30  # what differs in all sound
    store = store_of(tmp_path / "s", vectors)
    space = fit_space(store, np.arange(2000))
    z = (vectors - space.mean) @ space.basis
    ratio = z[:, 0].std() / z[:, 1].std()
    assert 30 > 4 > ratio > 0.5
    space.save(tmp_path / "space.npz")
    np.testing.assert_array_equal(load_space(tmp_path / "space.npz").project(vectors), space.project(vectors))
    (tmp_path / "space.npz").write_bytes(b"junk")
    with pytest.raises(StageInputError, match=r"space.npz"):
        load_space(tmp_path / "space.npz")


def test_a_store_maps_rows_to_sound_and_back(store):
    rows = np.asarray([0, 9, 10, 69, 70, 75, 4199])
    places = store.places(rows)
    assert [piece.clip for piece, _ in places] == ["clip0", "clip0", "clip1", "clip6", "clip7", "clip7", "clip419"]
    assert [middle for _, middle in places] == [0, 9 * 1280, 0, 9 * 1280, 0, 5 * 1280, 9 * 1280]
    shuffled = np.asarray([4199, 0, 75])
    assert [store.locate(int(row)) for row in shuffled] == store.places(shuffled)


def test_neighbours_in_time_stay_inside_the_recording(store):
    vectors = store.take(np.asarray([0, 5, 9, 4199]), (-2, 0, 2)).reshape(4, 3, DIM)
    every = np.concatenate([store.shard(number) for number in range(store.shards)]).astype(np.float32)
    np.testing.assert_array_equal(vectors[0], every[[0, 0, 2]])
    np.testing.assert_array_equal(vectors[1], every[[3, 5, 7]])
    np.testing.assert_array_equal(vectors[2], every[[7, 9, 9]])
    np.testing.assert_array_equal(vectors[3], every[[4197, 4199, 4199]])


@pytest.mark.parametrize("damage", ["cut", "missing", "shape", "pieces", "json"])
def test_a_damaged_store_is_an_error_that_names_the_file(tmp_path, damage):
    store = store_of(tmp_path / "s", clustered(100, 8))
    path = tmp_path / "s" / "vectors.000000.npy"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-7])
    elif damage == "missing":
        path.unlink()
    elif damage == "shape":
        np.save(path, np.zeros((3, 8), np.float16))
    elif damage == "json":
        (tmp_path / "s" / "store.json").write_text('{"rows": "all"}')
    else:
        pieces = tmp_path / "s" / "pieces.000000.jsonl.gz"
        pieces.write_bytes(pieces.read_bytes()[:-20])
        with pytest.raises(StageInputError, match=r"pieces.000000"):
            store.pieces(0)
        return
    with pytest.raises(StageInputError, match=r"vectors.000000|store.json"):
        VectorStore(tmp_path / "s")
