"""The evaluate stage on a world of tones, where every hit, miss and false alarm is known beforehand."""

import csv
import json
from collections import Counter

import numpy as np
import pytest

from kwsdata.errors import StageInputError
from kwsdata.files import read_jsonl_gz
from kwsdata.params.training import SearchParams
from kwstrain.decoder import Decoder
from kwstrain.evaluate.choose import choose, decoders
from kwstrain.evaluate.stage import run
from kwstrain.evaluate.streams import Keyword, TestStream
from kwstrain.evaluate.summary import condition_rows, warnings_for
from kwstrain.metrics.intervals import poisson_upper, wilson


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
    assert "test/clean: 0.03 h of negative sound is under 1 h" in said
    assert "that takes 3.0 h" in said
    assert "synthetic voices" in said


def test_three_hours_of_people_need_no_warning():
    good = {"hours_negative": 3.1, "false_alarms": 0, "fah_upper95": 0.97, "people": True, "negatives_people": True}
    assert warnings_for("test/clean", good, 1.0) == []
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


def test_traces_decode_to_the_events_that_were_counted(evaluated, metrics, project_params):
    """The stored scores, through the streaming decoder at the stored operating point, give the listed detections."""
    point = json.loads((evaluated / "operating_point.json").read_text())
    assert point["threshold"] == metrics["threshold"] and point["keyword"] == "beep"
    with np.load(evaluated / "traces.npz") as traces:
        score = traces["test/clean/test-clean-001"]
        time_s = traces["first_s"] + traces["step_s"] * np.arange(score.size)
    fired = Decoder(point["threshold"], point["n"], point["m"], point["lockout_s"], point["smooth"]).push(time_s, score)
    assert [e.time_s for e in fired] == pytest.approx([9.1, 19.1, 29.1, 40.1], abs=0.1)


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
    stream = TestStream("dev", "clean", "dev-0", 400.0, time_s, score, words)
    decoder, point = choose([stream], single, limits)
    assert (point.fnr, point.fah) == (0, 0)
    assert (decoder.smooth, decoder.n, decoder.m) == (1, 3, 5)  # of those that are right, the first that was tried
    none = limits.model_copy(update={"search": SearchParams(smooth=[], votes=[])})
    decoder, point = choose([stream], single, none)
    assert (decoder, point.fnr) == (single, 1)
