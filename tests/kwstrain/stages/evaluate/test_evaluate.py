"""The evaluate stage on a world of tones, where every hit, miss and false alarm is known beforehand."""

import csv
import json
from collections import Counter

import numpy as np
import pytest

from kwsdata.clips.fields import StreamSegment
from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_jsonl_gz
from kwsdata.params.training import SearchParams
from kwsdata.runtime.decoder import Decoder, DecoderConfig
from kwstrain.evaluation.choose import choose, decoders
from kwstrain.evaluation.intervals import poisson_upper, wilson
from kwstrain.evaluation.streams import Keyword, TestStream
from kwstrain.evaluation.summary import condition_rows, joined, level_rows, warnings_for
from kwstrain.stages.evaluate.stage import run
from kwstrain.stages.evaluate.starts import measure_starts


@pytest.fixture(scope="module")
def evaluated(project_params, tone_model_dir, tone_world):
    run(project_params, tone_model_dir, tone_world, tone_world.parent / "evaluate")
    return tone_world.parent / "evaluate"


@pytest.fixture(scope="module")
def metrics(evaluated):
    return json.loads((evaluated / "metrics.json").read_text())


def test_counts_are_those_of_the_world(metrics):
    """Test/clean: seven beeps, one of them too quiet to hear; one false friend of 1 kHz."""
    clean = metrics["test"]["clean"]
    assert (clean["n_positive"], clean["misses"], clean["false_alarms"]) == (7, 1, 1)
    assert clean["fnr"] == pytest.approx(1 / 7, abs=1e-6)
    # two streams of 60 s, less seven windows of 0.6 s + tolerance 0.5 s
    hours = (120 - 7 * 1.1) / 3600
    assert clean["hours_negative"] == pytest.approx(hours, abs=1e-6)
    assert clean["fah"] == pytest.approx(1 / hours, abs=1e-4)
    assert metrics["dev"]["clean"]["fnr"] == metrics["dev"]["clean"]["fah"] == 0


def test_intervals_are_those_of_the_counts(metrics):
    clean = metrics["test"]["clean"]
    assert (clean["fnr_low95"], clean["fnr_high95"]) == pytest.approx(wilson(1, 7), abs=1e-6)
    assert clean["fah_upper95"] == pytest.approx(poisson_upper(1, clean["hours_negative"]), rel=1e-4)


def test_the_contract_of_metrics_json(metrics, project_params):
    streaming = project_params.streaming
    assert (metrics["keyword"], metrics["model"]) == ("beep", "tone")
    tried = [(one.smooth, [one.n, one.m]) for one in decoders(streaming, project_params.evaluate)]
    assert tried[0] == (streaming.smooth, [streaming.n, streaming.m])
    assert (metrics["smooth"], metrics["n_of_m"]) in tried
    assert 0 < metrics["threshold"] < 1
    keys = {"fnr", "fnr_low95", "fnr_high95", "fah", "fah_upper95", "hours_negative", "n_positive"}
    for numbers in [*metrics["test"].values(), *metrics["dev"].values()]:
        assert keys <= numbers.keys()
        assert numbers["people"] is False


def test_the_threshold_is_devs_and_the_oracle_is_marked(metrics):
    """Dev cannot know of the false friend; the set's own curve gives up nothing to be rid of it, and does not ship."""
    oracle = metrics["test"]["clean"]["oracle"]
    assert oracle["shipped"] is False
    assert oracle["fah"] == 0 and oracle["fnr"] <= 1 / 7 + 1e-6
    assert oracle["threshold"] != metrics["threshold"]


def test_warnings_say_what_the_numbers_cannot_prove(metrics):
    said = "\n".join(metrics["warnings"])
    assert "test/clean, dev/clean: 0.03 h of negative sound is under 1 h" in said
    assert "that takes 3.0 h" in said
    assert "synthetic voices" in said


def test_three_hours_of_people_need_no_warning():
    good = {"hours_negative": 3.1, "false_alarms": 0, "fah_upper95": 0.97, "people": True, "negatives_people": True}
    assert warnings_for("test/clean", good, 1.0) == []
    same = ["test/clean: few.", "test/clean: synthetic.", "dev/clean: synthetic."]
    assert joined(same) == ["test/clean: few.", "test/clean, dev/clean: synthetic."]
    assert "up to 1.53 an hour" in warnings_for("x", good | {"false_alarms": 1, "fah_upper95": 1.53}, 1.0)[0]


def test_every_event_and_false_alarm_is_listed(evaluated):
    events = list(read_jsonl_gz(evaluated / "events.jsonl.gz"))
    assert Counter((e["partition"], e["set"]) for e in events) == {
        ("dev", "clean"): 8,
        ("test", "clean"): 7,
        ("test", "noise_reverb"): 4,
    }
    missed = [e for e in events if not e["hit"]]
    assert [(e["cut"], e["start_s"], e["source"]) for e in missed] == [("test-clean-001", 50.0, "beep-3")]
    assert missed[0]["latency_s"] is None
    # The model hears the tone within 0.1 s of its start, so a latency counted from the event's end is negative.
    assert all(-0.6 < e["latency_s"] < -0.4 for e in events if e["hit"])

    (alarm,) = read_jsonl_gz(evaluated / "false_alarms.jsonl.gz")
    assert alarm["cut"] == "test-clean-001" and alarm["time_s"] == pytest.approx(40.1, abs=0.1)
    assert alarm["segment"] == {"start_s": 30.0, "end_s": 45.0, "source": "hum-b", "label": "speech"}


def test_misses_are_grouped_by_condition(metrics):
    assert "conditions" not in metrics["test"]["clean"]
    (row,) = metrics["test"]["noise_reverb"]["conditions"]
    assert (row["snr_db"], row["t60_s"], row["n_positive"], row["misses"]) == (10.0, 0.4, 4, 0)
    events = [{"conditions": {"snr_db": s}, "hit": s > 0} for s in (10, 0, 10, 0, 0)]
    assert [(r["snr_db"], r["misses"], r["n_positive"]) for r in condition_rows(events)] == [(0, 3, 3), (10, 0, 2)]


def test_misses_are_grouped_by_level(evaluated, metrics):
    read = read_jsonl_gz(evaluated / "events.jsonl.gz")
    events = [e for e in read if (e["partition"], e["set"]) == ("test", "clean")]
    rows = metrics["test"]["clean"]["levels"]
    assert [sum(row[name] for row in rows) for name in ("n_positive", "misses")] == [7, 1]
    for row in rows:
        inside = [e for e in events if row["low_dbfs"] <= e["level_dbfs"] < row["high_dbfs"]]
        assert (len(inside), sum(not e["hit"] for e in inside)) == (row["n_positive"], row["misses"])
    assert "levels" not in metrics["test"]["noise_reverb"]
    loud_and_quiet = [{"level_dbfs": db, "hit": db > -50} for db in (-64.0, -20.1, -61.5, -60.0, -29.9)]
    assert [(r["low_dbfs"], r["high_dbfs"], r["misses"], r["n_positive"]) for r in level_rows(loud_and_quiet)] == [
        (-70, -60, 2, 2),
        (-60, -50, 1, 1),
        (-30, -20, 0, 2),
    ]


def test_traces_decode_to_the_events_that_were_counted(evaluated, metrics, project_params):
    """The stored scores, through the streaming decoder at the stored operating point, give the listed detections."""
    point = json.loads((evaluated / "operating_point.json").read_text())
    assert point["threshold"] == metrics["threshold"] and point["keyword"] == "beep"
    with np.load(evaluated / "traces.npz") as traces:
        score = traces["test/clean/test-clean-001"]
        time_s = traces["first_s"] + traces["step_s"] * np.arange(score.size)
    fired = Decoder(DecoderConfig.from_row(point)).push(time_s, score)
    assert [e.time_s for e in fired] == pytest.approx([9.1, 19.1, 29.1, 40.1], abs=0.1)


def test_each_clip_alone_is_measured_from_a_new_start(evaluated, metrics):
    """Of the world's six segments three hold keywords; what sounds like one is 10 s into a segment of its own."""
    starts = metrics["starts"]
    assert (starts["set"], starts["start_s"]) == ("test/clean", 4.0)
    assert (starts["clips"], starts["alarms"], starts["alarms_per_start"]) == (3, 0, 0)
    assert starts["alarms_per_start_high95"] == pytest.approx(wilson(0, 3)[1], abs=1e-6)
    assert (starts["keyword_clips"], starts["early"]) == (3, 2)  # it hears a beep of 0.6 s within 0.1 s
    assert (starts["n_positive"], starts["misses"], starts["fnr"]) == (7, 1, pytest.approx(1 / 7, abs=1e-6))
    rows = list(read_jsonl_gz(evaluated / "starts.jsonl.gz"))
    assert [row["clip"] for row in rows[:2]] == ["test-clean-000@0.000", "test-clean-000@30.000"]
    assert [row["keywords"] for row in rows] == [3, 0, 0, 3, 0, 1]
    assert rows[0]["events_s"] == pytest.approx([6.1, 16.1, 26.1], abs=0.1)


def start(score, words, seconds=3.0):
    segment = StreamSegment(0.0, seconds, "s", "speech")
    time_s = 0.035 + 0.02 * np.arange(len(score))
    return TestStream("test", "starts", "c@0", seconds, time_s, np.float32(score), 0.2, words, [segment])


def test_alarms_early_detections_and_misses_of_starts(project_params):
    """Scores by hand: 100 decisions of 20 ms, a keyword from 0.5 to 1.1 s, half said at 0.8 s."""
    quiet, word = np.zeros(140), [Keyword(0.5, 1.1, None, {})]
    at_once, half, whole = quiet.copy(), quiet.copy(), quiet.copy()
    at_once[:5], half[30:36], whole[55:62] = 0.9, 0.9, 0.9
    late = np.roll(whole, 3)
    late[12:18] = 0.9
    decoder = DecoderConfig(project_params.streaming.model_copy(update={"smooth": 1, "n": 3, "m": 5}), 0.5, 0.2)
    clips = [(quiet, []), (at_once, []), (half, []), (whole, word), (half, word), (late, word), (quiet, word)]
    numbers, rows = measure_starts([start(*clip) for clip in clips], decoder, 0.5)
    assert [row["alarm"] for row in rows] == [False, False, True, False, False, False, False]  # the warm-up is 0.2 s
    assert [row["early"] for row in rows] == [False, False, False, False, True, True, False]
    assert [row["misses"] for row in rows] == [0, 0, 0, 0, 0, 1, 1]  # the second detection of `late` is locked out
    shares = {name: numbers[name] for name in ("alarms_per_start", "early_per_start", "fnr")}
    assert shares == pytest.approx({"alarms_per_start": 1 / 3, "early_per_start": 0.5, "fnr": 0.5}, abs=1e-6)


def test_curves_pass_through_the_operating_point(evaluated, metrics):
    rows = json.loads((evaluated / "det.json").read_text())
    with (evaluated / "det.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(rows)
    clean = [r for r in rows if (r["partition"], r["set"]) == ("test", "clean")]
    assert [r["threshold"] for r in clean] == sorted(r["threshold"] for r in clean)
    assert (clean[-1]["fnr"], clean[-1]["fah"]) == (1.0, 0.0)
    below = [r for r in clean if r["threshold"] <= metrics["threshold"]][-1]
    assert (below["misses"], below["false_alarms"]) == (1, 1)


def test_workers_change_nothing(evaluated, project_params, tone_model_dir, tone_world, tmp_path):
    processes = project_params.executor.model_copy(update={"kind": "processes", "workers": 2})
    run(project_params.model_copy(update={"executor": processes}), tone_model_dir, tone_world, tmp_path / "two")
    for path in evaluated.iterdir():
        assert (tmp_path / "two" / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_missing_test_set_is_named(project_params, tone_model_dir, tmp_path):
    (tmp_path / "testsets.json").write_text('{"sets": {"dev/clean": {}, "test/clean": {}}}')
    with pytest.raises(StageInputError, match=r"dev/clean holds no stream: type `dvc repro make_testsets`"):
        run(project_params, tone_model_dir, tmp_path, tmp_path / "out")
    (tmp_path / "testsets.json").write_text('{"sets": {"dev/other": {}}}')
    with pytest.raises(StageInputError, match="needs dev/clean"):
        run(project_params, tone_model_dir, tmp_path, tmp_path / "out")


def test_the_decoder_is_the_one_that_dev_favours(project_params):
    """A stream whose false alarms are single high scores, and whose keywords are moderate for half a second."""
    search = SearchParams(smooth=[1, 8], votes=[(1, 1), (3, 5)])
    limits = project_params.evaluate.model_copy(update={"search": search})
    single = project_params.streaming.model_copy(update={"smooth": 1, "n": 1, "m": 1})
    time_s = np.arange(20_000) * 0.02
    score = np.zeros(time_s.size, np.float32)
    score[500::1000] = 0.9  # twenty clicks
    words = [Keyword(start, start + 0.5, None, {}) for start in (100.0, 200.0, 300.0)]
    for word in words:
        score[round(word.start_s * 50) : round(word.end_s * 50)] = 0.6
    stream = TestStream("dev", "clean", "dev-0", 400.0, time_s, score, 0.0, words)
    decoder, chosen = choose([stream], single, limits)
    assert (chosen.point.fnr, chosen.point.fah) == (0, 0)
    assert (decoder.smooth, decoder.n, decoder.m) == (1, 3, 5)  # of those that are right, the first that was tried
    none = limits.model_copy(update={"search": SearchParams(smooth=[], votes=[])})
    decoder, chosen = choose([stream], single, none)
    assert (decoder, chosen.point.fnr) == (single, 1)


def peaky(hours: float, highest: float) -> TestStream:
    """Return a stream with a single high score every ten seconds, up to `highest`, and keywords from 0.5 to 0.99."""
    rng = np.random.default_rng(2)
    time_s = np.arange(round(hours * 3600 * 10)) / 10
    score = np.zeros(time_s.size, np.float32)
    score[50::100] = highest * rng.random(score[50::100].size)
    starts = np.linspace(20, 3600 * hours - 20, round(200 * hours)).round() + 2
    words = [Keyword(start, start + 0.5, None, {}) for start in starts]
    for word, highest in zip(words, np.linspace(0.5, 0.99, len(words)), strict=True):
        score[round(word.start_s * 10) : round(word.end_s * 10)] = highest
    return TestStream("dev", "clean", "dev-0", 3600 * hours, time_s, score, 0.0, words)


def test_the_threshold_leaves_room_for_what_dev_did_not_hear(project_params):
    """What dev's tail asks for is above the threshold at which dev has just its false alarms, and costs some misses."""
    single = project_params.streaming.model_copy(update={"smooth": 1, "n": 1, "m": 1})
    none = SearchParams(smooth=[], votes=[])
    limits = project_params.evaluate.model_copy(update={"search": none, "max_fah": 10.0})
    by_count = limits.model_copy(update={"fah_confidence": None})
    stream = peaky(2.0, 0.9)
    _, plain = choose([stream], single, by_count)
    _, sure = choose([stream], single, limits)
    assert (plain.fah_expected, plain.fah_bound) == (None, None)
    assert 5 < plain.point.fah <= 10
    assert sure.point.threshold > plain.point.threshold
    assert plain.point.fnr <= sure.point.fnr < plain.point.fnr + 0.1
    assert 2 < sure.point.fah < plain.point.fah
    assert sure.fah_expected < sure.fah_bound <= 10.2


def test_where_dev_is_too_short_its_own_counts_decide(project_params):
    """Twelve minutes hold no false alarm at one an hour, and say nothing of what an hour holds."""
    single = project_params.streaming.model_copy(update={"smooth": 1, "n": 1, "m": 1})
    limits = project_params.evaluate.model_copy(update={"search": SearchParams(smooth=[], votes=[]), "max_fah": 1.0})
    _, chosen = choose([peaky(0.2, 0.9)], single, limits)
    assert chosen.point.false_alarms == 0
    assert chosen.point.fnr < 1
    assert (chosen.fah_expected, chosen.fah_bound) == (None, None)
