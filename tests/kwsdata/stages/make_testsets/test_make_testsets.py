import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sound import burst, tone, white_noise

from kwsdata.audio import SAMPLE_RATE, active_span
from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.clips.manifests import make_cut, with_fields, write_cuts
from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.clips.view import ClipView
from kwsdata.errors import PartitionError
from kwsdata.rooms.bank import in_room, load_bank
from kwsdata.stages.make_testsets.plan import Segment, pieces_of, plan_streams, quietest
from kwsdata.stages.make_testsets.stage import choose_clips, run
from kwsdata.stages.simulate_rirs.stage import run as simulate_rirs
from kwsdata.transforms.levels import active_level


def segment(name, seconds, word=None):
    samples = round(seconds * SAMPLE_RATE)
    cut = make_cut(name, samples, custom={"audio_sha256": name, "label": "speech", "corpus": "toy"})
    return Segment(ClipView(cut), 0, samples, word)


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
    edges = [piece.end / SAMPLE_RATE for piece in pieces_of(ClipView(cut), lambda _: wave)]
    assert edges[0] == pytest.approx(9.1, abs=0.1)
    assert edges[-1] == 25
    assert quietest(wave, 8 * SAMPLE_RATE, 10 * SAMPLE_RATE) / SAMPLE_RATE == pytest.approx(9.1, abs=0.1)


@pytest.fixture
def split(project):
    """A split with bursts as keywords and a steady tone as speech: what is heard when can be measured."""
    info = CorpusInfo("toy", "folder", "speech", "CC0", "none", "made here", "known")
    for partition in ("dev", "test"):
        seed = 100 if partition == "test" else 0
        bursts = [0.3 * burst(seed + i) for i in range(6)]  # with room for the noise below full scale
        words = [
            Item(f"{partition}-w{i}", wave, "computer", "s", span=active_span(wave)) for i, wave in enumerate(bursts)
        ]
        talk = [Item(f"{partition}-t{i}", tone(200 + i, 5, 0.001), "hello", "s") for i in range(8)]
        hiss = [Item(f"{partition}-n{i}", white_noise(seed + i, 4, 0.001), speaker="n") for i in range(2)]
        write_corpus(project / f"{partition}-c", info, [*words, *talk, *hiss], 50, 0.0)
        labels = {"w": "keyword", "t": "speech", "n": "noise"}
        cuts = [
            with_fields(cut, label=labels[cut.id.split("-")[2][0]]) for cut in shard_cuts(project / f"{partition}-c")
        ]
        write_cuts(project / "split" / f"{partition}.jsonl.gz", cuts)
    return project / "split"


@pytest.fixture
def small(params):
    """The project's params with a small grid, in this process."""
    grid = params.noise_reverb.model_copy(
        update={"snr_db": [20.0, 0.0], "t60_s": [0.2], "rooms_per_t60": 2, "clips_per_cell": 4}
    )
    rooms = params.simulate_rirs.model_copy(update={"rooms": 1, "sources_per_room": 1})
    serial = params.executor.model_copy(update={"kind": "serial"})
    return params.model_copy(update={"noise_reverb": grid, "simulate_rirs": rooms, "executor": serial})


def without_grid(params):
    return params.model_copy(update={"noise_reverb": params.noise_reverb.model_copy(update={"clips_per_cell": 0})})


def test_every_event_is_where_the_manifest_says(split, project, small):
    summary = run(without_grid(small), split, out=project / "sets")
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


def test_a_cell_of_the_grid_has_its_noise_and_its_room(split, project, small):
    simulate_rirs(small, project / "rirs", project / "none")
    summary = run(small, split, project / "rirs", project / "sets")["sets"]["test/noise_reverb"]
    assert (summary["cells"], summary["n_positive"]) == (2, 8)
    bank = load_bank(project / "rirs" / "test")
    sources = {cut.id: cut for cut in shard_cuts(project / "test-c")}
    gap = round(small.noise_reverb.gap_s * SAMPLE_RATE)
    for cut in shard_cuts(project / "sets" / "test" / "noise_reverb"):
        wave = load_audio(cut)
        assert len({event.custom["source"] for event in cut.supervisions}) == 4
        for event, segment in zip(cut.supervisions, cut.custom["segments"][::2], strict=True):
            recipe = event.custom["recipe"]
            assert bank.cuts[recipe["rir"]].custom["t60_s"] == recipe["t60_s"] == cut.custom["t60_s"]
            word = load_audio(sources[event.custom["source"]])
            wet = in_room(np.concatenate([np.zeros(gap, np.float32), word]), bank.filter(recipe["rir"]))
            start = round(segment[0] * SAMPLE_RATE)
            noise = wave[start + 200 : start + gap - 200]  # before the word there is noise alone; fades left out
            heard_db = 20 * np.log10(active_level(wet) / np.sqrt(np.mean(noise**2)))
            # 2 s of white noise have their level to 0.1 dB; 16-bit rounding adds little at -30 dBFS.
            assert heard_db == pytest.approx(cut.custom["snr_db"], abs=0.3)


def test_rooms_of_the_grid_are_in_test_alone(project, small):
    simulate_rirs(small, project / "rirs", project / "none")
    rooms = {
        name: {cut.custom["speaker"] for cut in shard_cuts(project / "rirs" / name)}
        for name in ("train", "dev", "test")
    }
    grid = {room for room in rooms["test"] if room.startswith("room:grid-0.2s")}
    assert len(grid) == 2
    assert not grid & (rooms["train"] | rooms["dev"])


def test_the_same_split_gives_the_same_streams_by_any_executor(split, project, small):
    simulate_rirs(small, project / "rirs", project / "none")
    releases = []
    for kind, workers in (("serial", 0), ("processes", 2)):
        executor = small.executor.model_copy(update={"kind": kind, "workers": workers})
        testsets = small.make_testsets.model_copy(update={"stream_s": 10.0})
        changed = small.model_copy(update={"executor": executor, "make_testsets": testsets})
        sets = run(changed, split, project / "rirs", project / kind)["sets"]
        releases.append({name: summary["release"] for name, summary in sets.items()})
        assert sets["dev/clean"]["streams"] > 1
    assert releases[0] == releases[1]


def test_a_partition_without_keywords_is_refused(project, small):
    for partition in ("dev", "test"):
        write_cuts(project / "split" / f"{partition}.jsonl.gz", [])
    with pytest.raises(PartitionError, match="dev partition has no keyword"):
        run(small, project / "split", out=project / "sets")


def spoken(name: str, text: str | None, label: str = "speech"):
    custom = {"audio_sha256": name, "label": label, "corpus": "crowd"}
    return ClipView(make_cut(name, SAMPLE_RATE, text=text, custom=custom))


def test_dev_hears_a_word_that_a_crowd_repeats_a_few_times_alone_and_test_all_of_it(params):
    clips = [spoken("k", "computer", "keyword")]
    clips += [spoken(f"a{i}", " Amelia"[i % 2 :]) for i in range(40)]  # one text, however it is written
    clips += [spoken(f"s{i}", f"sentence {i}") for i in range(9)] + [spoken(f"u{i}", None) for i in range(9)]
    block = params.make_testsets.model_copy(update={"dev_clips_per_text": 5})
    dev = [cut.id for cut in choose_clips("dev", clips, block)["speech"]]
    assert len([name for name in dev if name.startswith("a")]) == 5
    assert [name for name in dev if not name.startswith("a")] == [clip.id for clip in clips[41:]]
    assert dev == [name for name in [clip.id for clip in clips] if name in dev]  # in their order
    assert len(choose_clips("test", clips, block)["speech"]) == 58
    assert len(choose_clips("dev", clips, block.model_copy(update={"dev_clips_per_text": None}))["speech"]) == 58
    fewer = [clip for clip in clips if clip.id not in dev[:2]]  # one that leaves moves no other out
    assert set(dev[2:]) <= {cut.id for cut in choose_clips("dev", fewer, block)["speech"]}
