"""The comparison finds the differences that were put in, with intervals that widen where there is less to go by."""

import json

import numpy as np
import pytest

from kwsdata.errors import ParamsError, StageInputError
from kwsdata.files.atomic import read_jsonl_gz, write_json, write_jsonl_gz
from kwsdata.params.ablation import AblationParams, load_ablation, with_changes
from kwstrain.experiments.compare.bootstrap import contrasts
from kwstrain.experiments.compare.stage import run

KEYWORDS, SEEDS = 300, [1, 2, 3]


def ablation(**changes) -> AblationParams:
    values = {
        "arms": ["baseline", "better", "same"],
        "seeds": SEEDS,
        "changes": {arm: {} for arm in ("baseline", "better", "same")},
        "compare": {"baseline": "baseline", "resamples": 500},
    }
    return AblationParams.model_validate(values | changes)


@pytest.fixture
def runs(tmp_path):
    """Peaks of a baseline that misses 30 % at the shipped threshold, and of an arm that misses half as much."""
    rng = np.random.default_rng(0)
    hard = rng.random(KEYWORDS)  # the same words are hard for every arm
    for arm, share in (("baseline", 0.3), ("better", 0.15), ("same", 0.3)):
        for seed in SEEDS:
            noisy = hard + rng.normal(0, 0.02, KEYWORDS)
            rows = [
                {"partition": "test", "set": "clean", "source": f"word-{n}", "peak": 0.2 if noisy[n] < share else 0.9}
                for n in rng.permutation(KEYWORDS)
            ]
            rows.append({"partition": "dev", "set": "clean", "source": "dev-word", "peak": 0.0})
            out = tmp_path / "runs" / f"{arm}-s{seed}" / "evaluate"
            out.mkdir(parents=True)
            clean = {"fah": 2.0, "oracle": {"threshold": 0.95, "fah": 0.9}}
            write_json(out / "metrics.json", {"threshold": 0.5, "max_fah": 1.0, "test": {"clean": clean}})
            low, high = {"threshold": 0.5, "fah": 1.5, "fnr": share}, {"threshold": 0.95, "fah": 0.0, "fnr": 1.0}
            sets = [{"partition": partition, "set": "clean"} for partition in ("dev", "test")]
            write_json(out / "det.json", [one | point for one in sets for point in (low, high)])
            write_jsonl_gz(out / "events.jsonl.gz", rows)
    return tmp_path / "runs"


def test_a_halved_fnr_is_found_and_no_difference_is_not(runs, tmp_path):
    found = run(ablation(), runs, tmp_path / "out")["sets"]["clean"]["ships"]
    assert found["baseline"]["fnr"]["value"] == pytest.approx(0.3, abs=0.06)
    assert found["baseline"]["difference"] is None
    better, same = found["better"], found["same"]
    assert better["relative"]["value"] == pytest.approx(-0.5, abs=0.1)
    assert better["relative"]["high95"] < -0.3
    assert same["difference"]["low95"] < 0 < same["difference"]["high95"]
    assert better["fah"] == 2.0
    # Paired: what both arms miss cancels, so the difference is known better than either FNR.
    width = {name: better[name]["high95"] - better[name]["low95"] for name in ("fnr", "difference")}
    assert same["difference"]["high95"] - same["difference"]["low95"] < width["fnr"]


def test_equal_fah_uses_each_runs_own_threshold(runs, tmp_path):
    found = run(ablation(), runs, tmp_path / "out")["sets"]["clean"]["equal FAH"]
    assert [found[arm]["fnr"]["value"] for arm in ("baseline", "better")] == [1, 1]  # every peak is below 0.95
    assert found["better"]["fah"] == pytest.approx(0.9)


def test_the_mean_is_over_thresholds_at_several_rates(runs, tmp_path):
    """At 0.25, 0.5 and 1.0 an hour every peak is below the threshold; at 2, 4 and 8 it is the lower one."""
    found = run(ablation(), runs, tmp_path / "out")["sets"]
    ships, mean = found["clean"]["ships"]["better"], found["clean"]["mean of rates"]["better"]
    assert mean["fnr"]["value"] == pytest.approx((1 + ships["fnr"]["value"]) / 2)
    assert mean["fah"] == pytest.approx(0.75)
    assert found["dev/clean"]["mean of rates"]["better"]["fnr"]["value"] == 1  # its only peak is 0
    assert list(found["dev/clean"]) == ["mean of rates"]


def test_events_that_one_can_hear_are_a_set_of_their_own(runs, tmp_path):
    """Of two events a keyword, the one at 0 dB is missed; the one at 10 dB is not."""
    for path in runs.glob("*/evaluate/events.jsonl.gz"):
        rows = read_jsonl_gz(path)
        noisy = [
            {
                "partition": "test",
                "set": "noise_reverb",
                "source": f"word-{n}",
                "peak": peak,
                "conditions": {"snr_db": snr},
            }
            for n in range(9)
            for snr, peak in ((0.0, 0.1), (10.0, 0.9))
        ]
        write_jsonl_gz(path, [*rows, *noisy])
    found = run(ablation(), runs, tmp_path / "out")["sets"]
    assert found["noise_reverb"]["ships"]["better"]["fnr"]["value"] == 0.5
    assert found["noise_reverb, SNR \u2265 5 dB"]["ships"]["better"]["fnr"]["value"] == 0
    assert "noise_reverb, SNR \u2265 5 dB" in (tmp_path / "out" / "table.md").read_text()


def test_the_table_and_the_picture_name_every_arm(runs, tmp_path):
    run(ablation(), runs, tmp_path / "out")
    table = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert len(table) == 2 + 4 * 3  # losers included
    assert "<svg" in (tmp_path / "out" / "fnr.svg").read_text()
    first = (tmp_path / "out" / "fnr.svg").read_bytes()
    run(ablation(), runs, tmp_path / "again")
    assert (tmp_path / "again" / "fnr.svg").read_bytes() == first
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["seeds"] == SEEDS


def test_a_command_line_names_other_arms_and_seeds(runs, tmp_path):
    asked = ablation().asked("better,baseline", "1,3")
    found = run(asked, runs, tmp_path / "out")
    assert (found["baseline"], found["seeds"]) == ("better", [1, 3])
    assert found["sets"]["clean"]["ships"]["baseline"]["relative"]["value"] > 0.5
    assert ablation().asked(None, None) == ablation()
    with pytest.raises(ParamsError, match="--arms, --seeds"):
        ablation().asked("No Such Name", None)


def test_more_keywords_narrow_the_interval():
    rng = np.random.default_rng(1)
    widths = []
    for keywords in (50, 800):
        missed = (rng.random((3, keywords)) < 0.3).astype(float)
        (only,) = contrasts({"a": missed}, "a", 1000, np.random.default_rng(2))
        widths.append(only.fnr.high95 - only.fnr.low95)
    assert widths[1] < widths[0] / 2.5  # a quarter, if seeds had no share in it


def test_a_run_on_other_keywords_is_refused(runs, tmp_path):
    odd = runs / "same-s2" / "evaluate" / "events.jsonl.gz"
    write_jsonl_gz(odd, [{"partition": "test", "set": "clean", "source": "other", "peak": 0.5}])
    with pytest.raises(StageInputError, match=r"same-s2.*other keywords of test/clean"):
        run(ablation(), runs, tmp_path / "out")
    with pytest.raises(StageInputError, match=r"baseline-s9.*is missing"):
        run(ablation(seeds=[1, 9], arms=["baseline", "better"]), runs, tmp_path / "out")


def test_arms_change_only_what_exists(params, tmp_path):
    assert with_changes(params, {"loss.gamma": 2.0, "train.fractions.noise": 0.1}).loss.gamma == 2.0
    with pytest.raises(ParamsError, match=r"no loss\.gama"):
        with_changes(params, {"loss.gama": 2.0})
    with pytest.raises(
        ParamsError, match=r"no augment\.snr_db\.low .*: it is augment\.effects\.noise\.snr_db\.low now"
    ):
        with_changes(params, {"augment.snr_db.low": 2.0})
    with pytest.raises(ParamsError, match="gamma"):
        with_changes(params, {"loss.gamma": -1})
    with pytest.raises(ParamsError, match="changes lacks extra"):
        path = tmp_path / "ablation.yaml"
        path.write_text(
            "arms: [extra]\nseeds: [1]\nchanges: {}\ncompare: {baseline: extra, resamples: 500}\n",
        )
        load_ablation(path)


def test_the_projects_own_arms_are_valid(params):
    project = load_ablation()
    for arm in project.arms:
        with_changes(params, project.changes[arm])
    assert len(project.seeds) >= 3
