import numpy as np
import pytest
from onnx_models import loudness_model
from sound import white_noise

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.clips.pieces import pieces_of_cuts
from kwsdata.clips.shards import shard_cuts
from kwsdata.errors import StageInputError
from kwsdata.runtime.networks.model import StreamingModel
from kwsdata.stages.mine_negatives.scoring import AFTER, WARM_UP, Scorer, load_scorer

INFO = CorpusInfo("toy", "folder", "speech", "CC0", "none", "made here", "known")


@pytest.fixture
def scorer(tmp_path, params):
    loudness_model(tmp_path / "model", params)
    return Scorer(tmp_path / "model")


def test_scores_and_times_are_those_of_the_detector_that_ships(tmp_path, params, scorer):
    wave = white_noise(1, seconds=3) * np.linspace(0, 1, 3 * SAMPLE_RATE, dtype=np.float32)
    times, scores = StreamingModel(tmp_path / "model").process(wave)
    np.testing.assert_allclose(scorer.score(wave), scores, atol=1e-6)  # float32 sums in another order
    assert (scorer.first + scorer.step * np.arange(3)) / SAMPLE_RATE == pytest.approx(times[:3])


def test_pieces_of_a_recording_score_as_the_whole_of_it(project, scorer):
    wave = np.concatenate([white_noise(seed, 1.0, level) for seed, level in enumerate((0.001, 0.3, 0.001, 0.2, 0.001))])
    write_corpus(project / "c", INFO, [Item("a", wave, None, "s")], 10, 0.0)
    (cut,) = shard_cuts(project / "c")
    (whole,) = pieces_of_cuts([cut], wave.size)
    # Decisions are 20 ms apart and pieces a multiple of that: both grids agree.
    parts = list(pieces_of_cuts([cut], 8000))
    stitched = {}
    for piece in parts:
        stitched |= dict(zip(scorer.decisions(piece).tolist(), scorer.score_piece(piece).tolist(), strict=True))
    expected = dict(zip(scorer.decisions(whole).tolist(), scorer.score_piece(whole).tolist(), strict=True))
    assert stitched.keys() == expected.keys()
    assert [stitched[at] for at in sorted(stitched)] == pytest.approx(
        [expected[at] for at in sorted(expected)], abs=1e-5
    )
    assert min(expected) > 0
    assert max(expected) <= wave.size + AFTER
    assert WARM_UP % scorer.step == 0


def test_a_model_that_is_not_the_exported_one_is_refused(tmp_path, params):
    loudness_model(tmp_path / "m", params)
    graph = tmp_path / "m" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-10])
    with pytest.raises(StageInputError, match="is not the file that"):
        Scorer(tmp_path / "m")
    with pytest.raises(StageInputError, match="missing"):
        Scorer(tmp_path / "nowhere")


def test_a_process_keeps_a_model_until_another_takes_its_place(tmp_path, params):
    place = tmp_path / "model"
    loudness_model(place, params)
    first = load_scorer(str(place))
    assert load_scorer(str(place)) is first
    loudness_model(place, params, threshold=3.0)
    second = load_scorer(str(place))
    assert second.identity != first.identity
    assert second.score(white_noise(1, 1.0)).mean() < first.score(white_noise(1, 1.0)).mean()
