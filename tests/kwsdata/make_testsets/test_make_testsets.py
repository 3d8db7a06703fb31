import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sound import burst, tone, white_noise

from kwsdata.audio import SAMPLE_RATE, active_span
from kwsdata.corpus import CorpusInfo, Item, write_corpus
from kwsdata.errors import PartitionError
from kwsdata.make_testsets.plan import Segment, pieces_of, plan_streams, quietest
from kwsdata.make_testsets.stage import run
from kwsdata.manifests import make_cut, write_cuts
from kwsdata.shards import load_audio, shard_cuts, with_custom


def segment(name, seconds, word=None):
    samples = round(seconds * SAMPLE_RATE)
    cut = make_cut(name, samples, custom={"audio_sha256": name, "label": "speech", "corpus": "toy"})
    return Segment(cut, 0, samples, word)


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.floats(0.5, 12), min_size=1, max_size=60),
    words=st.integers(0, 30),
    gap_s=st.floats(0.5, 5),
)
def test_keywords_are_apart_and_negatives_are_all_used_once(lengths, words, gap_s):
    negatives = [segment(f"n{i}", s) for i, s in enumerate(lengths)]
    positives = [segment(f"p{i}", 0.8, (0, 10)) for i in range(words)]
    plans, left_out = plan_streams(positives, negatives, 30, gap_s)
    placed = [s for plan in plans for s in plan.segments]
    assert [s for s in placed if s.word is None] == negatives
    assert len([s for s in placed if s.word is not None]) == words - left_out
    for plan in plans:
        since = 0
        for s in plan.segments:
            if s.word is not None:
                assert since >= round(gap_s * SAMPLE_RATE)
                since = 0
            else:
                since += s.samples


def test_many_short_negatives_leave_no_keyword_out():
    negatives = [segment(f"n{i}", 4) for i in range(300)]
    _, left_out = plan_streams([segment(f"p{i}", 0.8, (0, 10)) for i in range(100)], negatives, 60, 2)
    assert left_out == 0


def test_a_long_clip_is_cut_where_it_is_quiet():
    wave = white_noise(0, seconds=25, level=0.1)
    for at_s in (9.0, 19.0):
        wave[round(at_s * SAMPLE_RATE) : round((at_s + 0.2) * SAMPLE_RATE)] = 0
    cut = make_cut("long", wave.size, custom={})
    edges = [piece.end / SAMPLE_RATE for piece in pieces_of(cut, lambda _: wave)]
    assert edges[0] == pytest.approx(9.1, abs=0.1)
    assert edges[-1] == 25
    assert quietest(wave, 8 * SAMPLE_RATE, 10 * SAMPLE_RATE) / SAMPLE_RATE == pytest.approx(9.1, abs=0.1)


@pytest.fixture
def split(project):
    """A split with bursts as keywords and a steady tone as speech: what is heard when can be measured."""
    info = CorpusInfo("toy", "folder", "speech", "CC0", "none", "made here", "known")
    for partition in ("dev", "test"):
        words = []
        for i in range(6):
            wave = burst(i + (100 if partition == "test" else 0))
            words.append(Item(f"{partition}-w{i}", wave, "computer", "s", span=active_span(wave)))
        talk = [Item(f"{partition}-t{i}", tone(200 + i, 5, 0.001), "hello", "s") for i in range(8)]
        write_corpus(project / f"{partition}-c", info, words + talk, 50, 0.0)
        cuts = [
            with_custom(cut, label="keyword" if "-w" in cut.id else "speech")
            for cut in shard_cuts(project / f"{partition}-c")
        ]
        write_cuts(project / "split" / f"{partition}.jsonl.gz", cuts)
    return project / "split"


def test_every_event_is_where_the_manifest_says(split, project, params):
    summary = run(
        params.model_copy(update={"executor": params.executor.model_copy(update={"kind": "serial"})}),
        split,
        project / "sets",
    )
    assert summary["sets"]["test/clean"]["n_positive"] == 6
    found = 0
    for cut in shard_cuts(project / "sets" / "test" / "clean"):
        wave = load_audio(cut)
        loud = np.zeros(wave.size, bool)
        for event in cut.supervisions:
            assert event.custom["event"] == "keyword"
            loud[round(event.start * SAMPLE_RATE) : round((event.start + event.duration) * SAMPLE_RATE)] = True
            found += 1
        # The words are 40 dB above the speech: outside the events nothing is loud, inside something is.
        assert np.abs(wave[~loud]).max() < 0.01 < np.abs(wave[loud]).max()
        assert cut.custom["segments"][-1][1] == pytest.approx(cut.duration)
    assert found == 6


def test_the_same_split_gives_the_same_streams_by_any_executor(split, project, params):
    hashes = []
    for kind, workers in (("serial", 0), ("processes", 2)):
        executor = params.executor.model_copy(update={"kind": kind, "workers": workers})
        testsets = params.make_testsets.model_copy(update={"stream_s": 10.0})
        changed = params.model_copy(update={"executor": executor, "make_testsets": testsets})
        hashes.append(run(changed, split, project / kind)["sets"]["dev/clean"]["sha256"])
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) > 1


def test_a_partition_without_keywords_is_refused(project, params):
    for partition in ("dev", "test"):
        write_cuts(project / "split" / f"{partition}.jsonl.gz", [])
    with pytest.raises(PartitionError, match="dev partition has no keyword"):
        run(params, project / "split", project / "sets")
