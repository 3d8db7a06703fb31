import numpy as np
import pytest
from vector_stores import HOP, clustered, store_of

from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_jsonl_gz, write_jsonl_gz
from kwsdata.similarity.keyword import KeywordSimilarity
from kwsdata.similarity.recordings import centres, nearest_mean
from kwsdata.vectors.store import VectorStore
from kwsdata.vectors.times import peaks, row_near

DIM, ROWS = 24, 12  # rows a clip


@pytest.fixture
def likeness(params):
    return params.likeness.model_copy(update={"neighbours": 10})


def words_store(directory, shifts, seed=0, odd=()):
    """Keyword clips of noise in which the same five vectors stand, `shifts` rows off the middle that is marked."""
    rng = np.random.default_rng(seed)
    word = 6 * np.random.default_rng(99).standard_normal((5, DIM))
    clips = rng.standard_normal((len(shifts), ROWS, DIM))
    for number, shift in enumerate(shifts):
        if number not in odd:
            first = 4 + shift
            clips[number, first : first + 5] = word + 0.3 * rng.standard_normal((5, DIM))
    store_of(directory, clips.reshape(-1, DIM), rows_per_piece=ROWS)
    for path in sorted(directory.glob("pieces.*")):
        rows = [row | {"word": [2 * HOP, 10 * HOP]} for row in read_jsonl_gz(path)]  # middle: row 6
        write_jsonl_gz(path, rows)
    return VectorStore(directory)


@pytest.fixture
def ordinary(tmp_path):
    return store_of(tmp_path / "ordinary", np.random.default_rng(7).standard_normal((3000, DIM)))


def test_words_are_brought_into_step(tmp_path, ordinary, likeness):
    shifts = [0, 0, 1, -1, 2, 0, -2, 0, 1, 0, 0, -1]
    words = words_store(tmp_path / "w", shifts)
    to_keyword = KeywordSimilarity(words, ordinary, likeness.model_copy(update={"context_step": 1}))
    middles = [middle // HOP for _, middle in words.places(to_keyword.words.rows)]
    assert middles == [6 + shift for shift in shifts]


def test_likeness_is_0_for_ordinary_sound_and_1_for_the_keyword(tmp_path, ordinary, likeness):
    words = words_store(tmp_path / "w", [0] * 30)
    to_keyword = KeywordSimilarity(words, ordinary, likeness)
    strangers = store_of(tmp_path / "s", np.random.default_rng(8).standard_normal((500, DIM)))
    plain = to_keyword.likeness(to_keyword.measure(strangers, np.arange(500)).similarity)
    assert np.median(plain) == pytest.approx(0, abs=0.05)  # 2000 windows of the same kind set it
    again = words_store(tmp_path / "again", [0] * 10, seed=5)
    near = to_keyword.measure(again, 6 + ROWS * np.arange(10))
    assert to_keyword.likeness(near.similarity) == pytest.approx(1, abs=0.1)
    assert (near.margin > 0.5).all()
    assert plain.max() < 0.6


def test_a_keyword_clip_without_the_keyword_is_unlike_the_others(tmp_path, ordinary, likeness):
    words = words_store(tmp_path / "w", [0] * 20, odd={7})
    to_keyword = KeywordSimilarity(words, ordinary, likeness)
    most = [
        to_keyword.likeness(to_keyword.unseen(words, np.arange(ROWS * n, ROWS * (n + 1)), f"clip{n}", None)).max()
        for n in range(20)
    ]
    assert np.argmin(most) == 7
    assert most[7] < 0.5 < min(most[:7])


def test_a_word_is_not_compared_with_itself_nor_its_speaker(tmp_path, ordinary, likeness):
    words = words_store(tmp_path / "w", [0] * 4)
    for path in sorted((tmp_path / "w").glob("pieces.*")):
        write_jsonl_gz(
            path, [row | {"speaker": "ann" if n < 2 else f"s{n}"} for n, row in enumerate(read_jsonl_gz(path))]
        )
    words = VectorStore(tmp_path / "w")
    to_keyword = KeywordSimilarity(words, ordinary, likeness)
    rows = to_keyword.words.rows[:1]
    vector, others = to_keyword.words.vectors[0], to_keyword.words.vectors[2:]
    assert to_keyword.unseen(words, rows, "clip0", "ann")[0] == pytest.approx((others @ vector).mean(), abs=1e-5)
    assert to_keyword.words.own[0] == pytest.approx((others @ vector).mean(), abs=1e-5)


def test_too_few_words_is_a_clear_error(tmp_path, ordinary, likeness):
    with pytest.raises(StageInputError, match="holds 1 words: mining compares"):
        KeywordSimilarity(words_store(tmp_path / "w", [0]), ordinary, likeness)


def test_the_mean_of_the_nearest():
    similarity = np.asarray([[0.1, 0.9, 0.5], [1.0, -1.0, 0.0]], np.float32)
    np.testing.assert_allclose(nearest_mean(similarity, 2), [0.7, 0.5])
    np.testing.assert_allclose(nearest_mean(similarity, 9), [0.5, 0.0], atol=1e-7)


def test_centres_stand_for_their_groups():
    vectors = clustered(600, 16, centres=3)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = centres(vectors, 3, seed=1)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert (vectors @ found.T).max(axis=1).mean() > 0.85
    assert len(centres(vectors[:2], 5, seed=1)) == 2


def test_peaks_are_apart_in_one_recording_and_highest_first(tmp_path):
    store = store_of(tmp_path / "s", np.zeros((40, 4)))
    value = np.asarray([0.1, 0.9, 0.8, 0.2, 0.7] * 8)
    rows = np.arange(40)
    chosen = peaks(store, rows, value, apart_s=0.24, most=100)  # 3 hops
    assert (np.diff(value[chosen]) <= 0).all()
    for clip in range(4):
        middles = sorted(int(row) % 10 for row in chosen if row // 10 == clip)
        assert min(np.diff(middles)) >= 3
    assert len(peaks(store, rows, value, 0.24, 5)) == 5
    assert row_near(store, 0, 2, [0, 1.4 * HOP, 99 * HOP]).tolist() == [20, 21, 29]
