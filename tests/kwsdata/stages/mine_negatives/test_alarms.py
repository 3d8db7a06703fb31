"""The model's own false alarms join the candidates, and decide the order."""

import numpy as np
import pytest
from onnx_models import loudness_model
from spoken import sentences, voices

from kwsdata.audio import SAMPLE_RATE, encode_flac
from kwsdata.files.atomic import read_jsonl_gz
from kwsdata.stages.mine_negatives.scoring import Scorer
from kwsdata.stages.mine_negatives.stage import run, with_overrides


def test_what_the_model_mistakes_is_mined_although_nothing_in_it_sounds_alike(spoken_project, tmp_path):
    params = spoken_project.params
    loudness_model(tmp_path / "model", params, threshold=1.0)  # fires on what is loud over all bands
    pool = tmp_path / "pool"
    pool.mkdir()
    talk = sentences((voices()[43],))[0].wave
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, SAMPLE_RATE).astype(np.float32)
    wave = np.concatenate([0.1 * talk, noise, 0.1 * talk])
    (pool / "bang.flac").write_bytes(encode_flac(wave))
    block = params.mine_negatives.model_copy(
        update={"model": str(tmp_path / "model"), "pools": [str(pool)], "min_score": 0.95, "min_similarity": 0.2}
    )
    summary = run(
        params.model_copy(update={"mine_negatives": block}), decisions=tmp_path / "none", out=tmp_path / "mined"
    )
    rows = [row for row in read_jsonl_gz(tmp_path / "mined" / "candidates.jsonl.gz") if row["pool"] == str(pool)]
    best = max(rows, key=lambda row: row["score"])
    # Sound is decided on at its end, so that windows up to a second before a decision may stand for it.
    assert talk.size / SAMPLE_RATE - 1.0 <= best["at_s"] <= talk.size / SAMPLE_RATE + 1.2
    assert best["found_by"] == "alarm"
    assert best["score"] > 0.95
    assert best["status"] == "mine"
    quiet = [row["score"] for row in rows if row["at_s"] < talk.size / SAMPLE_RATE - 1.5]
    assert all(score < 0.95 for score in quiet)
    assert summary["mined_by"]["alarm"] >= 1
    assert summary["model"] == str(tmp_path / "model")


def test_an_interrupted_run_goes_on_where_it_was_and_gives_the_same_bytes(spoken_project, tmp_path, monkeypatch):
    loudness_model(tmp_path / "model", spoken_project.params, threshold=2.5)  # nothing has been scored with it before
    pool = tmp_path / "pool"
    pool.mkdir()
    for item in sentences((voices()[45],)):
        (pool / f"{item.key}.flac").write_bytes(encode_flac(item.wave))
    embed = spoken_project.params.embed.model_copy(update={"shard_s": 5.0})  # some two sentences
    params = spoken_project.params.model_copy(update={"embed": embed})
    params = with_overrides(params, [str(pool)], str(tmp_path / "model"))
    scored: list[str | None] = []
    score, patience = Scorer.score_piece, [5]

    def stumble(self, piece, root):
        if scored.count("pool") == patience[0]:
            raise KeyboardInterrupt
        scored.append(piece.corpus)
        return score(self, piece, root)

    monkeypatch.setattr(Scorer, "score_piece", stumble)
    with pytest.raises(KeyboardInterrupt):
        run(params, decisions=tmp_path / "none", out=tmp_path / "mined")
    assert not (tmp_path / "mined").exists()
    scored.clear()
    patience[0] = 9
    run(params, decisions=tmp_path / "none", out=tmp_path / "mined")
    assert set(scored) == {"pool"}  # train's negatives, and the pool's first shards, were done
    assert 3 <= len(scored) < 8
    scored.clear()
    monkeypatch.setenv("KWSDATA_CACHE", str(tmp_path / "cache"))
    run(params, decisions=tmp_path / "none", out=tmp_path / "at-once")
    assert scored.count("pool") == 8
    for file in (path for path in (tmp_path / "at-once").rglob("*") if path.is_file()):
        assert (tmp_path / "mined" / file.relative_to(tmp_path / "at-once")).read_bytes() == file.read_bytes()
