"""What is hidden in speech is found, or held back, as it should be."""

import os
from pathlib import Path

import numpy as np
import pytest
from onnx_models import loudness_model
from spoken import KEYWORD, corpus, hidden, sentences, spoken, voices

from kwsdata.audio import SAMPLE_RATE, encode_flac
from kwsdata.clips.corpus import Item
from kwsdata.clips.decisions import Decision, append_decision
from kwsdata.clips.manifests import read_cuts
from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.errors import ParamsError, PartitionError, StageInputError
from kwsdata.files.atomic import read_jsonl_gz
from kwsdata.similarity.keyword import KeywordSimilarity
from kwsdata.stages.embed.stage import run as embed
from kwsdata.stages.mine_negatives.alarms import Alarms
from kwsdata.stages.mine_negatives.phrases import ranked_phrases
from kwsdata.stages.mine_negatives.pools import named_pool, train_pool
from kwsdata.stages.mine_negatives.stage import run, with_overrides
from kwsdata.vectors.store import VectorStore


def mined_with(project, out, decisions=None, **changes):
    block = project.params.mine_negatives.model_copy(update=changes)
    params = project.params.model_copy(update={"mine_negatives": block})
    summary = run(params, decisions=decisions or out / "none", out=out / "mined")
    return summary, list(read_jsonl_gz(out / "mined" / "candidates.jsonl.gz"))


def of(rows, clip):
    cut = next(cut for cut in read_cuts("data/split/train.jsonl.gz") if cut.id == f"planted-{clip}")
    at = cut.custom["at_s"]
    return [row for row in rows if row["piece"]["clip"] == cut.id and abs(row["at_s"] - at) < 0.3]


def test_a_false_friend_in_speech_is_among_the_twenty_hardest(spoken_project, tmp_path):
    summary, rows = mined_with(spoken_project, tmp_path)
    (friend,) = of(rows, "friend")
    mined = [row for row in rows if row["status"] == "mine"]
    if friend["status"] == "mine":  # or it is so near that a person is asked
        assert mined.index(friend) < 20
    else:
        assert friend["status"] == "review"
    assert rows.index(friend) < 20
    assert summary["mined"] == len(mined) > 20


def test_a_hidden_keyword_is_flagged_and_no_mined_sound_reaches_it(spoken_project, tmp_path):
    _, rows = mined_with(spoken_project, tmp_path)
    (secret,) = of(rows, "secret")
    assert secret["status"] in ("keyword", "review")
    assert rows.index(secret) < 3
    for cut in shard_cuts(tmp_path / "mined"):
        if cut.custom["parent"] == secret["piece"]["clip"]:
            at = cut.custom["mined"]["at_s"]
            assert abs(at - secret["at_s"]) >= 2.3  # before_s + after_s


def test_a_mined_cut_is_its_parents_sound_and_says_why(spoken_project, tmp_path):
    mined_with(spoken_project, tmp_path)
    parents = {cut.id: cut for cut in read_cuts("data/split/train.jsonl.gz")}
    cuts = list(shard_cuts(tmp_path / "mined"))
    ranks = [cut.custom["mined"]["rank"] for cut in cuts]
    assert ranks == sorted(ranks, reverse=True)
    keywords = {cut.id for cut in parents.values() if cut.custom["label"] == "keyword"}
    for cut in cuts[:10]:
        why, parent = cut.custom["mined"], parents[cut.custom["parent"]]
        assert cut.custom["label"] == "mined"
        assert cut.custom["partition"] == "train"
        assert cut.custom["parent_sha256"] == parent.custom["audio_sha256"]
        assert why["nearest"] in keywords
        start = max(0, round(why["at_s"] * SAMPLE_RATE) - round(1.5 * SAMPLE_RATE))
        # 1.5 s before the middle of the window, bit for bit: at_s is rounded to 1 ms = 16 samples exactly.
        wave, whole = load_audio(cut), load_audio(parent)
        np.testing.assert_array_equal(wave, whole[start : start + wave.size])


def test_the_same_inputs_give_the_same_bytes(spoken_project, tmp_path):
    for name in ("one", "two"):
        mined_with(spoken_project, tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert files
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize(("verdict", "status"), [("keep", "mine"), ("drop", "left_out"), ("keyword", "keyword")])
def test_what_a_person_decided_stands(spoken_project, tmp_path, verdict, status):
    _, before = mined_with(spoken_project, tmp_path)
    (secret,) = of(before, "secret")
    decisions = tmp_path / "decisions.jsonl"
    append_decision(decisions, Decision(secret["piece"]["identity"], secret["middle"] + 400, "planted-secret", verdict))
    _, after = mined_with(spoken_project, tmp_path, decisions)
    (again,) = of(after, "secret")
    assert again["status"] == status


def test_nothing_is_mined_from_a_clip_whose_transcript_has_the_keyword(spoken_project, tmp_path):
    names = voices()
    wave, _ = hidden(spoken(KEYWORD, names[40]), names[41], 4)
    corpus(tmp_path, "told", "speech", [Item("has", wave, "she said computer twice", names[41])])
    summary, rows = mined_with(spoken_project, tmp_path, pools=[str(tmp_path / "data/corpora/told")])
    told = [row for row in rows if row["piece"]["corpus"] == "told"]
    assert [pool["name"] for pool in summary["pools"]] == ["train", str(tmp_path / "data/corpora/told")]
    assert told
    assert {row["status"] for row in told} <= {"keyword", "review", "left_out"}


def test_budget_and_diversity_hold(spoken_project, tmp_path):
    diversity = spoken_project.params.mine_negatives.diversity.model_copy(update={"per_clip": 1, "per_speaker": 2})
    summary, rows = mined_with(spoken_project, tmp_path, budget=10, diversity=diversity)
    mined = [row["piece"] for row in rows if row["status"] == "mine"]
    assert len(mined) == summary["mined"] == 10
    assert len({piece["identity"] for piece in mined}) == 10
    speakers = [piece["speaker"] for piece in mined]
    assert max(speakers.count(name) for name in speakers) <= 2


def test_a_pool_that_is_a_test_file_is_refused_however_it_was_changed(spoken_project, tmp_path):
    cut = next(cut for cut in read_cuts("data/split/test.jsonl.gz") if cut.custom["label"] == "speech")
    wave = 0.3 * np.concatenate([np.zeros(320, np.float32), load_audio(cut)])  # 20 ms later, 10 dB quieter
    pool = tmp_path / "pool"
    pool.mkdir()
    (pool / "innocent.flac").write_bytes(encode_flac(wave))
    with pytest.raises(PartitionError, match=rf"innocent.flac, which is the recording {cut.id} of the test partition"):
        mined_with(spoken_project, tmp_path, pools=[str(pool)])


def test_a_manifest_of_test_is_refused_by_name(spoken_project, tmp_path):
    with pytest.raises(PartitionError, match="of the test partition"):
        mined_with(spoken_project, tmp_path, pools=["data/split/test.jsonl.gz"])


def test_a_pool_that_repeats_train_adds_nothing_twice(spoken_project, tmp_path):
    _, alone = mined_with(spoken_project, tmp_path / "alone")
    _, rows = mined_with(spoken_project, tmp_path / "both", pools=["data/corpora/talk-train"])
    ids = [row["id"] for row in rows]
    assert len(ids) == len(set(ids))
    assert {row["id"] for row in alone} == set(ids)
    cuts = [cut.id for cut in shard_cuts(tmp_path / "both" / "mined")]
    assert cuts == [row["id"] for row in rows if row["status"] == "mine"]


@pytest.mark.parametrize(("change", "why"), [({"budget": 0}, "budget is 0"), ({"embedder": None}, "embedder is null")])
def test_without_a_budget_or_an_embedder_the_set_is_empty(spoken_project, tmp_path, change, why):
    params = spoken_project.params
    block = "mine_negatives" if "budget" in change else "embed"
    params = params.model_copy(update={block: getattr(params, block).model_copy(update=change)})
    summary = run(params, out=tmp_path / "mined")
    assert summary["mined"] == 0
    assert why in summary["why"]
    assert not list(shard_cuts(tmp_path / "mined"))
    if block == "embed":
        assert embed(params, out=tmp_path / "embeddings")["vectors"] == {}
        with pytest.raises(ParamsError, match=r"names pools or a model, but embed\.embedder is null"):
            run(with_overrides(params, ["pool"], None), out=tmp_path / "mined")


def test_a_pool_of_deep_paths_is_mined_and_a_file_is_known_by_its_sound(spoken_project, tmp_path):
    deep = tmp_path / "pool" / ("a long name of a podcast " * 4) / "é 01"
    deep.mkdir(parents=True)
    (deep / "talk.flac").write_bytes(encode_flac(sentences((voices()[44],))[1].wave))
    _, rows = mined_with(spoken_project, tmp_path / "one", pools=[str(tmp_path / "pool")])
    mined = {row["id"]: row["piece"]["identity"] for row in rows if row["pool"] == str(tmp_path / "pool")}
    assert mined
    (tmp_path / "pool").rename(tmp_path / "moved")
    os.utime(next((tmp_path / "moved").rglob("*.flac")), (1, 1))  # as a checkout does
    _, rows = mined_with(spoken_project, tmp_path / "two", pools=[str(tmp_path / "moved")])
    assert {row["id"]: row["piece"]["identity"] for row in rows if row["pool"] == str(tmp_path / "moved")} == mined


def test_phrases_are_ranked_by_all_their_clips(spoken_project, tmp_path):
    params, names = spoken_project.params, voices()
    texts = {"confusable": ("commuter", "violin", "well, commuter, so"), "sentence": ("computing it",)}
    said = [(kind, text, name) for kind, each in texts.items() for text in each for name in names[40:43]]
    items = [
        Item(f"{n}", spoken(text, name), text, name, fields={"kind": kind, "synthetic": True})
        for n, (kind, text, name) in enumerate(said)
    ]
    corpus(tmp_path, "said", "speech", items)
    keyword = VectorStore(Path("data/embeddings/train/keyword"))
    to_keyword = KeywordSimilarity(keyword, train_pool(params, Path("data/embeddings")).store, params.likeness)
    pool = named_pool(str(tmp_path / "data/corpora/said"), params, Path("data/split"))
    first, second = ranked_phrases(pool, to_keyword, None, params.mine_negatives)
    assert (first.text, second.text) == ("commuter", "violin")
    assert first.clips == second.clips == 3
    assert first.hardness > second.hardness + 0.2
    assert first.score is None
    loudness_model(tmp_path / "model", params, threshold=-60.0)  # fires on everything
    alarms = Alarms(pool, tmp_path / "model", params.executor)
    ranked = ranked_phrases(pool, to_keyword, alarms, params.mine_negatives)
    assert all(phrase.alarms == 3 and phrase.score > 0.9 for phrase in ranked)


def test_a_folder_of_new_sound_is_mined_and_an_empty_one_is_an_error(spoken_project, tmp_path):
    pool = tmp_path / "pool"
    pool.mkdir()
    with pytest.raises(StageInputError, match="no sound at"):
        mined_with(spoken_project, tmp_path, pools=[str(pool)])
    for item in sentences((voices()[42],))[:3]:
        (pool / f"{item.key}.flac").write_bytes(encode_flac(item.wave))
    _, rows = mined_with(spoken_project, tmp_path, pools=[str(pool)])
    assert {row["piece"]["clip"] for row in rows if row["pool"] == str(pool)} <= {p.name for p in pool.iterdir()}
    assert any(row["pool"] == str(pool) for row in rows)


def test_files_that_are_no_sound_are_listed_and_too_many_end_the_run(spoken_project, tmp_path):
    pool = tmp_path / "pool"
    pool.mkdir()
    (good,) = sentences((voices()[41],))[:1]
    (pool / "good.flac").write_bytes(encode_flac(good.wave))
    (pool / "text.wav").write_text("no sound")
    (pool / "unknown.flac").write_bytes(encode_flac(np.zeros(0, np.float32)))  # its header states no length
    summary, _ = mined_with(spoken_project, tmp_path, pools=[str(pool)], max_reject_fraction=0.7)
    (_, named) = summary["pools"]
    assert [reject.split()[0] for reject in named["rejects"]] == [str(pool / "text.wav"), str(pool / "unknown.flac")]
    with pytest.raises(StageInputError, match=r"2 of 3 files .*max_reject_fraction = 0\.05. The first: .*text\.wav"):
        mined_with(spoken_project, tmp_path, pools=[str(pool)])
