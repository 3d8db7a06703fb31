"""Choose the decoder and its threshold on dev, then measure every set with it: metrics, curves, events, false alarms.

Sets are continuous streams; each clip of the first test set is also heard alone, from a new start.

Writes to `out`:
    operating_point.json    what a device needs beside the model: threshold, smooth, n, m, lockout_s, warm_up_s
    metrics.json            the numbers of each set (see README)
    det.json, det.csv       the DET curves, where they change
    events.jsonl.gz         one row a keyword: where, hit or missed, peak, latency, level, conditions
    false_alarms.jsonl.gz   one row a false alarm: where, score, and what sounded there
    near_alarms.jsonl.gz    the same of the negative peaks that came closest to the threshold
    peaks.npz               highest votes: of each event, and of each second of negative sound, by set
    starts.jsonl.gz         one row a clip of the first test set, heard alone from a new start (see `starts`)
    traces.npz              every score of every stream, with first_s and step_s
"""

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.files.atomic import atomic_path, read_json, write_json, write_jsonl_gz
from kwsdata.params import EvaluateParams, Params
from kwsdata.runtime.decoder import DecoderConfig
from kwsdata.runtime.networks.description import read_model_json
from kwstrain.evaluation.choose import choose
from kwstrain.evaluation.det import DetCurve, StreamScores, det_curve, measure
from kwstrain.evaluation.events import EventResult, FalseAlarm, near_alarms, negative_peaks, outcomes
from kwstrain.evaluation.streams import TestStream, score_testsets
from kwstrain.evaluation.summary import condition_rows, expected, joined, level_rows, number, set_summary, warnings_for
from kwstrain.evaluation.threshold import Chosen
from kwstrain.stages.evaluate.starts import measure_starts, score_starts

PEAK_STRETCH_S = 1.0
NEAR_ALARMS = 50  # kept of each set


def run(
    params: Params,
    model_dir: Path = Path("data/models/export"),
    testsets: Path = Path("data/testsets"),
    out: Path = Path("data/evaluate"),
) -> dict[str, Any]:
    """Stream all sets of dev and test through the exported model and write `out`; return its metrics.json.

    Raises:
        StageInputError: the model or a test set is missing or damaged, or dev/clean has no keyword or negative sound.
    """
    info = read_model_json(model_dir)
    limits = params.evaluate
    scored = score_testsets(testsets, model_dir, limits.chunk_s, params.executor)
    streaming, chosen = choose(scored["dev", "clean"], params.streaming, limits)
    threshold = chosen.point.threshold
    decoder = DecoderConfig(streaming, threshold, info["warm_up_s"])
    described = read_json(testsets / "testsets.json")["sets"]
    voted = {name: [stream.scores(streaming) for stream in streams] for name, streams in scored.items()}
    curves = {name: det_curve(v, streaming.lockout_s, limits.tolerance_s) for name, v in voted.items()}

    metrics: dict[str, Any] = {
        "format": 1,
        "keyword": info["keyword"],
        "model": info.get("model"),
        "threshold": threshold,
        "n_of_m": [streaming.n, streaming.m],
        "smooth": streaming.smooth,
        "lockout_s": streaming.lockout_s,
        "warm_up_s": info["warm_up_s"],
        "tolerance_s": limits.tolerance_s,
        "max_fah": limits.max_fah,
        "fah_confidence": limits.fah_confidence,
        "fah_expected": expected(chosen.fah_expected),
        "fah_bound": expected(chosen.fah_bound),
        "dev": {},
        "test": {},
        "starts": {},
        "warnings": [],
    }
    if chosen.point.fnr == 1:
        metrics["warnings"].append(f"no threshold finds a keyword of dev/clean at FAH \u2264 {limits.max_fah:g}.")
    events: list[dict[str, Any]] = []
    alarms: list[dict[str, Any]] = []
    near: list[dict[str, Any]] = []
    peaks: dict[str, np.ndarray] = {}
    for (partition, name), streams in scored.items():
        title = f"{partition}/{name}"
        votes = voted[partition, name]
        results, rows, false_rows = _by_event(streams, votes, decoder, limits.tolerance_s)
        events += rows
        alarms += false_rows
        near += _near_alarms(streams, votes, threshold, limits.tolerance_s)
        point = measure(votes, threshold, streaming.lockout_s, limits.tolerance_s)
        summary = set_summary(point, curves[partition, name], limits.max_fah, results)
        summary |= {key: described[title].get(key) for key in ("people", "negatives_people")}
        if conditions := condition_rows(rows):
            summary["conditions"] = conditions
        else:
            summary["levels"] = level_rows(rows)
        metrics[partition][name] = summary
        peaks[f"{title}/events"] = np.asarray([result.peak for result in results], np.float32)
        peaks[f"{title}/negatives"] = np.concatenate(
            [negative_peaks(vote, limits.tolerance_s, PEAK_STRETCH_S)[1] for vote in votes]
        )

    sets = [(partition, name) for partition in ("test", "dev") for name in metrics[partition]]
    said = [warnings_for("/".join(one), metrics[one[0]][one[1]], limits.max_fah) for one in sets]
    metrics["warnings"] += joined([warning for warnings in said for warning in warnings])

    measured = next(name for name in scored if name[0] == "test")
    alone = score_starts(testsets, measured, model_dir, limits.start_s, params.executor)
    numbers, starts = measure_starts(alone, decoder, limits.tolerance_s)
    metrics["starts"] = {"set": "/".join(measured), "start_s": limits.start_s} | numbers

    with atomic_path(out) as scratch:
        scratch.mkdir()
        write_json(scratch / "operating_point.json", _operating_point(info, chosen, decoder, limits))
        write_json(scratch / "metrics.json", metrics)
        _write_curves(scratch, curves)
        write_jsonl_gz(scratch / "events.jsonl.gz", events)
        write_jsonl_gz(scratch / "false_alarms.jsonl.gz", alarms)
        write_jsonl_gz(scratch / "near_alarms.jsonl.gz", near)
        write_jsonl_gz(scratch / "starts.jsonl.gz", starts)
        np.savez_compressed(scratch / "peaks.npz", allow_pickle=False, **peaks)
        _write_traces(scratch / "traces.npz", scored)
    return metrics


def _operating_point(
    info: dict[str, Any], chosen: Chosen, decoder: DecoderConfig, limits: EvaluateParams
) -> dict[str, Any]:
    return {
        "format": 1,
        "keyword": info["keyword"],
        "model_sha256": info["sha256"],
        **decoder.row(),
        "chosen_on": "dev/clean",
        "max_fah": limits.max_fah,
        "fah_confidence": limits.fah_confidence,
        "fah_expected": expected(chosen.fah_expected),
        "fah_bound": expected(chosen.fah_bound),
        "dev_fnr": number(chosen.point.fnr),
        "dev_fah": number(chosen.point.fah),
    }


def _by_event(
    streams: Sequence[TestStream],
    votes: Sequence[StreamScores],
    decoder: DecoderConfig,
    tolerance_s: float,
) -> tuple[list[EventResult], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the results of all events of one set, and the rows of events and of false alarms."""
    results: list[EventResult] = []
    rows, alarms = [], []
    for stream, vote in zip(streams, votes, strict=True):
        where = {"partition": stream.partition, "set": stream.set, "cut": stream.cut_id}
        found, false = outcomes(vote, decoder.threshold, decoder.rule.lockout_s, tolerance_s)
        results += found
        for result, word in zip(found, stream.keywords, strict=True):
            level_dbfs = None if word.level_dbfs is None else round(word.level_dbfs, 1)
            heard = {"source": word.source, "level_dbfs": level_dbfs, "conditions": word.conditions}
            rows.append(where | asdict(result) | heard)
        alarms += [_alarm_row(stream, alarm) for alarm in false]
    return results, rows, alarms


def _near_alarms(
    streams: Sequence[TestStream], votes: Sequence[StreamScores], threshold: float, tolerance_s: float
) -> list[dict[str, Any]]:
    """Return rows of the NEAR_ALARMS negative peaks of one set that came closest to firing, highest first."""
    rows = [
        _alarm_row(stream, alarm)
        for stream, vote in zip(streams, votes, strict=True)
        for alarm in near_alarms(vote, threshold, tolerance_s, PEAK_STRETCH_S, NEAR_ALARMS)
    ]
    return sorted(rows, key=lambda row: -row["peak"])[:NEAR_ALARMS]


def _alarm_row(stream: TestStream, alarm: FalseAlarm) -> dict[str, Any]:
    where = {"partition": stream.partition, "set": stream.set, "cut": stream.cut_id}
    segment = stream.segment_at(alarm.time_s)
    return where | asdict(alarm) | {"segment": segment.row() if segment is not None else None}


def _write_curves(out: Path, curves: dict[tuple[str, str], DetCurve]) -> None:
    rows = []
    for (partition, name), curve in curves.items():
        for index in thin_curve(curve):
            point = curve.point(index)
            rows.append(
                {
                    "partition": partition,
                    "set": name,
                    "threshold": point.threshold,
                    "fah": number(point.fah),
                    "fnr": number(point.fnr),
                    "false_alarms": point.false_alarms,
                    "misses": point.misses,
                }
            )
    write_json(out / "det.json", rows)
    with atomic_path(out / "det.csv") as scratch, scratch.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def thin_curve(curve: DetCurve) -> np.ndarray:
    """Return the indices of the points of `curve` at which a count changes, the lowest threshold's included."""
    counts = np.stack([curve.misses, curve.false_alarms])
    return np.flatnonzero(np.any(np.diff(counts, axis=1, prepend=-1) != 0, axis=0))


def _write_traces(path: Path, scored: dict[tuple[str, str], list[TestStream]]) -> None:
    first = next(stream for streams in scored.values() for stream in streams)
    first_s, step_s = first.time_s[0], first.time_s[1] - first.time_s[0]
    arrays = {f"{s.partition}/{s.set}/{s.cut_id}": s.score for streams in scored.values() for s in streams}
    np.savez_compressed(path, allow_pickle=False, first_s=first_s, step_s=step_s, **arrays)
