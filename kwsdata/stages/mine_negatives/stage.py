"""Search the pools, hold back what may be the keyword, choose the hardest, and write them as cuts to train on.

    data/mined/shar/                 the mined windows (Lhotse Shar, label `mined`), hardest first
    data/mined/candidates.jsonl.gz   every candidate with its numbers and what became of it, hardest first
    data/mined/words.jsonl.gz        the keyword's recordings that were compared with, and where the word lies in each
    data/mined/mined.json            counts, thresholds, and which synthetic phrases are confused most

With `mine_negatives.budget: 0`, or without an embedder, nothing is looked for and the set is empty.

A mined cut's custom: label `mined`, partition `train`, parent (the recording's cut) and parent_sha256, `mined` (why it
was chosen, see `Candidate.why`), parent_corpus, and licence, speaker, synthetic of its parent; of a named pool also
`elsewhere` and what the pool's cut says of its sources (`told_elsewhere` of `kwsdata.clips.view`).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.decisions import DECISIONS, load_decisions
from kwsdata.clips.fields import ClipFields, given
from kwsdata.clips.manifests import audio_sha256, make_cut
from kwsdata.clips.pieces import load_piece
from kwsdata.clips.shards import SHAR, Clip, write_shards
from kwsdata.errors import ParamsError, StageInputError
from kwsdata.files.atomic import atomic_path, write_json, write_jsonl_gz
from kwsdata.params import Params
from kwsdata.params.negatives import MineNegativesParams
from kwsdata.similarity.keyword import KeywordSimilarity
from kwsdata.stages.mine_negatives.alarms import Alarms
from kwsdata.stages.mine_negatives.candidate import Candidate
from kwsdata.stages.mine_negatives.choose import choose
from kwsdata.stages.mine_negatives.keyword_filter import (
    KeywordFilter,
    Verdict,
    hold_back_neighbours,
    verdicts_of_people,
)
from kwsdata.stages.mine_negatives.phrases import Phrase, ranked_phrases, worst_first
from kwsdata.stages.mine_negatives.pools import Pool, named_pool, train_pool
from kwsdata.stages.mine_negatives.search import candidates_of
from kwsdata.stages.mine_negatives.transcribe import transcribe_doubtful
from kwsdata.vectors.store import VectorStore

CORPUS = "mined"  # of every mined cut, so that they share no shard with other corpora
_PHRASES = 100  # synthetic phrases listed


def run(
    params: Params,
    split: Path = Path("data/split"),
    embeddings: Path = Path("data/embeddings"),
    decisions: Path = DECISIONS,
    out: Path = Path("data/mined"),
) -> dict[str, Any]:
    """Write `out` (see above); return the contents of mined.json.

    Raises:
        PartitionError: a named pool holds sound of dev or test.
        ParamsError: pools are named, but there is no embedder.
        MissingExtraError: `transcribe` without the extra `asr`.
        StageInputError: an input is missing or damaged, or there is nothing to compare with.
    """
    block = params.mine_negatives
    if block.budget == 0 or params.embed.embedder is None:
        return _nothing(params, out)
    judged = load_decisions(decisions)
    keyword = VectorStore(embeddings / "train" / "keyword")
    pools = [train_pool(params, embeddings), *(named_pool(name, params, split) for name in block.pools)]
    if any(pool.store.identity != keyword.identity for pool in pools):
        raise StageInputError(f"{embeddings} was made by another embedder than the pools: type `dvc repro embed`.")
    to_keyword = KeywordSimilarity(keyword, pools[0].store, params.likeness)
    alarms = [Alarms(pool, Path(block.model), params.executor) if block.model else None for pool in pools]
    every = (one for n, pool in enumerate(pools) for one in candidates_of(n, pool, to_keyword, alarms[n], block))
    found = list({one.id: one for one in every}.values())  # a pool may hold recordings of another one
    found.sort(key=lambda one: (-one.rank, one.id))
    keyword_filter = KeywordFilter(
        params.keyword.text,
        to_keyword.words.threshold(block.doubt_quantile) - block.doubt_margin,
        to_keyword.words.threshold(block.keyword_quantile),
    )
    verdicts = {one.id: keyword_filter.rule(one, one.piece.text) for one in found}
    if block.transcribe:
        verdicts = transcribe_doubtful(found, verdicts, params.keyword)
    verdicts |= verdicts_of_people(found, judged)
    verdicts = hold_back_neighbours(found, verdicts, block)
    phrases = ranked_phrases(pools[0], to_keyword, alarms[0], block)
    mined = _choose(found, verdicts, pools, to_keyword, phrases, block)
    summary = {
        "keyword": params.keyword.text,
        "model": block.model,
        "pools": [{"name": pool.name, "hours": _hours(pool), "rejects": pool.rejects} for pool in pools],
        "words": len(to_keyword.words.clips),
        "ordinary_similarity": round(to_keyword.ordinary, 4),
        "doubt_similarity": round(keyword_filter.doubt, 4),
        "keyword_similarity": round(keyword_filter.keyword, 4),
        "candidates": len(found),
        "status": dict(sorted(Counter(verdict.status for verdict in verdicts.values()).items())),
        "mined": len(mined),
        "mined_by": dict(sorted(Counter(one.found_by for one in mined).items())),
        "decisions": len(judged),
        "phrases": [phrase.row(mined) for phrase in phrases[:_PHRASES]],
    }
    with atomic_path(out) as scratch:
        (scratch / SHAR).mkdir(parents=True)
        write_shards(scratch / SHAR, _clips(mined, block), block.clips_per_shard)
        write_jsonl_gz(
            scratch / "candidates.jsonl.gz", (_row(one, verdicts[one.id], pools, keyword.window) for one in found)
        )
        write_jsonl_gz(scratch / "words.jsonl.gz", _words(keyword, to_keyword))
        write_json(scratch / "mined.json", summary)
    return summary


def with_overrides(params: Params, pools: Sequence[str], model: str | None) -> Params:
    """Return `params` with the pools and the model that a command line names in place of its own, if it names any."""
    changes: dict[str, Any] = ({"pools": list(pools)} if pools else {}) | ({"model": model} if model else {})
    return params.model_copy(update={"mine_negatives": params.mine_negatives.model_copy(update=changes)})


def _nothing(params: Params, out: Path) -> dict[str, Any]:
    """Write an empty `out`.

    Raises:
        ParamsError: pools or a model are named, which only an embedder can make use of.
    """
    block = params.mine_negatives
    if block.budget > 0 and (block.pools or block.model):
        raise ParamsError("mine_negatives names pools or a model, but embed.embedder is null: give google_speech.")
    why = "mine_negatives.budget is 0" if block.budget == 0 else "embed.embedder is null"
    summary: dict[str, Any] = {"keyword": params.keyword.text, "mined": 0, "candidates": 0, "why": why}
    with atomic_path(out) as scratch:
        (scratch / SHAR).mkdir(parents=True)
        for name in ("candidates", "words"):
            write_jsonl_gz(scratch / f"{name}.jsonl.gz", [])
        write_json(scratch / "mined.json", summary)
    return summary


def _choose(
    found: Sequence[Candidate],
    verdicts: dict[str, Verdict],
    pools: Sequence[Pool],
    to_keyword: KeywordSimilarity,
    phrases: Sequence[Phrase],
    params: MineNegativesParams,
) -> list[Candidate]:
    """Return the mined candidates, hardest first; `verdicts` learns why the others were left out."""
    allowed = [one for one in found if verdicts[one.id].status == "mine"]
    vectors = np.empty((len(allowed), to_keyword.words.vectors.shape[1]), np.float32)
    for number, pool in enumerate(pools):
        places = [place for place, one in enumerate(allowed) if one.pool == number]
        vectors[places] = to_keyword.space.rows(pool.store, np.asarray([allowed[p].row for p in places], np.int64))
    always = frozenset(one.id for one in allowed if verdicts[one.id].reason == "a person kept it")
    first = worst_first(allowed, phrases, params.phrases)
    chosen, left_out = choose(allowed, vectors, params, always, first)
    for place, reason in left_out.items():
        verdicts[allowed[place].id] = Verdict("left_out", reason)
    return [allowed[place] for place in chosen]


def _clips(mined: Sequence[Candidate], params: MineNegativesParams) -> Iterator[Clip]:
    before, after = round(params.before_s * SAMPLE_RATE), round(params.after_s * SAMPLE_RATE)
    for one in mined:
        start, end = max(0, one.middle - before), min(one.piece.clip_samples, one.middle + after)
        wave = load_piece(replace(one.piece, start=start, samples=end - start))
        fields = ClipFields(
            corpus=CORPUS,
            parent_corpus=one.piece.corpus,
            person=one.piece.person,
            licence=one.piece.licence,
            role="noise" if one.piece.label == "noise" else "speech",
            label="mined",
            partition="train",
            synthetic=one.piece.synthetic or None,
            parent=one.piece.clip,
            parent_sha256=one.piece.identity,
            audio_sha256=audio_sha256(wave),
            mined=one.why(),
        )
        # The span is where the sound that was compared lies.
        span = (max(0, one.middle - start - before // 2), min(wave.size, one.middle - start + before // 2))
        fields = given(fields | (one.piece.told or ClipFields()))
        yield Clip(make_cut(one.id, wave.size, text="", speaker=one.piece.speaker, span=span, custom=fields), wave)


def _words(keyword: VectorStore, to_keyword: KeywordSimilarity) -> Iterator[dict[str, Any]]:
    for piece, middle in keyword.places(to_keyword.words.rows):
        yield {"middle": middle, "piece": piece.row()}


def _row(one: Candidate, verdict: Verdict, pools: Sequence[Pool], window: int) -> dict[str, Any]:
    return {
        "id": one.id,
        "status": verdict.status,
        "reason": verdict.reason,
        "pool": pools[one.pool].name,
        "middle": one.middle,
        "window": window,
        **one.why(),
        "piece": one.piece.row(),
    }


def _hours(pool: Pool) -> float:
    return round(len(pool.store) * pool.store.hop / SAMPLE_RATE / 3600, 3)
