"""Summarise one test set in numbers, and warn in words of what they cannot show."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kwstrain.evaluation.det import DetCurve, OperatingPoint
from kwstrain.evaluation.events import EventResult
from kwstrain.evaluation.intervals import hours_needed, poisson_upper, wilson

PEOPLE = (  # three students a word, each at its threshold from dev
    'of "computer" and "snowboy", students that missed 10 and 13 % of dev\'s synthetic keywords missed 8 and 2 % of '
    "recordings of people, and 59 and 48 % in noise and rooms; of other words, in earlier versions, up to 35 % "
    "(docs/results.md)"
)
LEVEL_BAND_DB = 10
FEW_HOURS = 1.0  # of negative sound: below it a rate an hour is an extrapolation


def set_summary(
    point: OperatingPoint, curve: DetCurve, max_fah: float, results: Sequence[EventResult]
) -> dict[str, Any]:
    """Return the metrics of one set at the threshold that ships; a number that does not exist is None.

    `oracle` is the lowest FNR that the set's own curve allows at `max_fah`: a threshold chosen on the data it is
    reported on, which no device has. It says how much of the FNR is the threshold's and how much the model's.
    """
    low, high = wilson(point.misses, point.n_positive)
    latency = [result.latency_s for result in results if result.latency_s is not None]
    oracle = curve.at_max_fah(max_fah) if point.n_positive and point.hours_negative > 0 else None
    return {
        "fnr": number(point.fnr),
        "fnr_low95": number(low),
        "fnr_high95": number(high),
        "fah": number(point.fah),
        "fah_upper95": number(poisson_upper(point.false_alarms, point.hours_negative)),
        "hours_negative": number(point.hours_negative),
        "n_positive": point.n_positive,
        "misses": point.misses,
        "false_alarms": point.false_alarms,
        "latency_median_s": number(np.median(latency)) if latency else None,
        "latency_p95_s": number(np.quantile(latency, 0.95)) if latency else None,
        "oracle": oracle
        and {"threshold": oracle.threshold, "fnr": number(oracle.fnr), "fah": number(oracle.fah), "shipped": False},
    }


def condition_rows(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return misses by condition (rows of conditions, n_positive, misses, fnr and its interval), sorted; [] for none.

    Args:
        events: rows as in events.jsonl.gz, with `conditions` and `hit`.
    """
    groups: dict[tuple[tuple[str, float], ...], list[bool]] = {}
    for event in events:
        if event["conditions"]:
            groups.setdefault(tuple(sorted(event["conditions"].items())), []).append(event["hit"])
    return [dict(conditions) | _missed(hits) for conditions, hits in sorted(groups.items())]


def level_rows(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return misses by level: a row for each LEVEL_BAND_DB that an event falls into, the quietest first.

    A detector has to hear a word at the level of any microphone. A row has low_dbfs and high_dbfs, the band's ends, and
    what a row of `condition_rows` has.

    Args:
        events: rows as in events.jsonl.gz, with `level_dbfs` and `hit`.
    """
    groups: dict[int, list[bool]] = {}
    for event in events:
        groups.setdefault(math.floor(event["level_dbfs"] / LEVEL_BAND_DB) * LEVEL_BAND_DB, []).append(event["hit"])
    return [{"low_dbfs": low, "high_dbfs": low + LEVEL_BAND_DB} | _missed(hits) for low, hits in sorted(groups.items())]


def _missed(hits: list[bool]) -> dict[str, Any]:
    misses = hits.count(False)
    low, high = wilson(misses, len(hits))
    return {
        "n_positive": len(hits),
        "misses": misses,
        "fnr": number(misses / len(hits)),
        "fnr_low95": number(low),
        "fnr_high95": number(high),
    }


def warnings_for(name: str, summary: dict[str, Any], max_fah: float) -> list[str]:
    """Return what a reader of the set `name` must know before believing its numbers."""
    said = []
    hours, needed = summary["hours_negative"], hours_needed(max_fah)
    if hours < needed:
        under = f" is under {FEW_HOURS:g} h: a rate per hour is an extrapolation, and it" if hours < FEW_HOURS else ""
        said.append(
            f"{name}: {hours:.2f} h of negative sound{under} cannot show FAH \u2264 {max_fah:g} at 95 %, even without "
            f"a false alarm; that takes {needed:.1f} h."
        )
    elif summary["fah_upper95"] > max_fah:
        said.append(
            f"{name}: {summary['false_alarms']} false alarms in {hours:.2f} h allow for up to "
            f"{summary['fah_upper95']:.2f} an hour (95 %), above the {max_fah:g} asked for."
        )
    if summary.get("people") is False:
        said.append(f"{name}: keywords are synthetic voices and say little of people: {PEOPLE}.")
    if summary.get("negatives_people") is False:
        said.append(
            f"{name}: negative speech is synthetic, not recordings of people; expect other false alarms from people."
        )
    return said


def joined(warnings: Sequence[str]) -> list[str]:
    """Return `warnings` ("set: what it says") with those that say the same of several sets as one, in order."""
    sets: dict[str, list[str]] = {}
    for warning in warnings:
        name, _, text = warning.partition(": ")
        sets.setdefault(text, []).append(name)
    return [f"{', '.join(names)}: {text}" for text, names in sets.items()]


def number(value: float, digits: int = 6) -> float | None:
    """Return `value` rounded for a file, None if it is NaN or infinite (which JSON does not have)."""
    return round(float(value), digits) if np.isfinite(value) else None


def expected(value: float | None) -> float | None:
    """Return a rate that was fitted, rounded for a file; None where none was."""
    return None if value is None else number(value)
