"""The figures of pages: DET curves, score histograms, training on dev."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from kwstrain.pages.chart import Axis, Chart, decades, round_ticks, steps

WIDTH, HEIGHT = 520.0, 340.0
SERIES = 6  # colours that the style sheet has


def series_class(place: int) -> str:
    """Return the CSS class of the colour of series `place`."""
    return f"s{place % SERIES}"


def percent(share: float) -> str:
    """Return a share in % with no more digits than it needs."""
    return f"{100 * share:.3g} %"


def det_figure(curves: dict[str, list[dict[str, Any]]], sets: dict[str, dict[str, Any]], max_fah: float) -> Markup:
    """Draw the lowest FNR of each set against the false alarms an hour one allows, and where the shipped threshold is.

    Args:
        curves: rows of det.json by "partition/set".
        sets: metrics by "partition/set", in the same order; each with events and negative sound.
        max_fah: drawn as a line.
    """
    low, high = _fah_range(curves.values(), sets.values(), max_fah)
    stairs = {name: staircase(rows, low, high) for name, rows in curves.items()}
    tops = [y for points in stairs.values() for _, y in points] + [numbers["fnr"] for numbers in sets.values()]
    y_ticks = round_ticks(max(0.05, min(1.0, max(tops, default=1.0) * 1.05)))
    chart = Chart(
        "DET curves: missed keywords against false alarms per hour",
        Axis(low, high, 52, WIDTH - 12, log=True),
        Axis(0, y_ticks[-1], HEIGHT - 52, 34),
        WIDTH,
        HEIGHT,
    )
    chart.ticks_x(decades(low, high), lambda v: f"{v:g}", "false alarms per hour allowed")
    chart.ticks_y(y_ticks, percent, "missed keywords")
    chart.across(max_fah, "limit")
    for place, (name, points) in enumerate(stairs.items()):
        chart.line(points, series_class(place) + (" dev" if name.startswith("dev/") else ""))
    for place, name in enumerate(stairs):
        numbers = sets[name]
        fnr, fah, css = numbers["fnr"], numbers["fah"], series_class(place)
        if name.startswith("test/"):
            chart.line([(fah, fnr), (numbers["fah_upper95"], fnr)], f"whisker {css}")
            chart.line([(fah, numbers["fnr_low95"]), (fah, numbers["fnr_high95"])], f"whisker {css}")
        chart.dot(fah, fnr, css, f"{name}: {percent(fnr)} missed, {fah:.2f} false alarms per hour")
    return chart.svg()


def staircase(rows: Sequence[dict[str, Any]], low: float, high: float) -> list[tuple[float, float]]:
    """Return the lowest FNR of `rows` at no more than each FAH from `low` to `high`, as a staircase."""
    best = 1.0
    points: dict[float, float] = {}
    for row in sorted(rows, key=lambda row: (row["fah"], row["fnr"])):
        if row["fnr"] < best or not points:
            best = min(best, row["fnr"])
            points[max(low, row["fah"])] = best
    kept = [(x, y) for x, y in points.items() if x <= high]
    return steps([*kept, (high, kept[-1][1])]) if kept else []


def _fah_range(curves: Any, sets: Any, max_fah: float) -> tuple[float, float]:
    """Return axis limits, whole decades: from one false alarm in all that was heard to at most 100 times the limit."""
    least = [1 / numbers["hours_negative"] for numbers in sets]
    low = 10.0 ** math.floor(math.log10(min([max_fah / 3, *least])))
    most = [row["fah"] for rows in curves for row in rows if row["fah"]]
    high = 10.0 ** math.ceil(math.log10(min(max([10 * max_fah, *most]), 100 * max_fah)))
    return low, high


def histogram_figure(events: np.ndarray, negatives: np.ndarray, threshold: float, title: str) -> Markup:
    """Draw how many keywords, and how many seconds of other sound, have their highest vote where.

    Args:
        events: highest vote in each event's window [events].
        negatives: highest vote in each second of other sound [seconds].
        threshold: drawn as a line.
        title: for readers who do not see the figure.
    """
    edges = np.linspace(0, 1, 41)
    counts = {"negative": np.histogram(negatives, edges)[0], "positive": np.histogram(events, edges)[0]}
    most = max(10, *(int(c.max(initial=0)) for c in counts.values()))
    y_high = 10.0 ** math.ceil(math.log10(most))
    chart = Chart(
        title,
        Axis(0, 1, 52, WIDTH - 12),
        Axis(0.5, y_high, 240 - 52, 34, log=True),
        WIDTH,
        240,
    )
    chart.ticks_x([0, 0.25, 0.5, 0.75, 1], lambda v: f"{v:g}", "highest vote")
    chart.ticks_y(decades(1, y_high), lambda v: f"{v:,.0f}".replace(",", " "), "count (log)")
    for css, heights in counts.items():
        for left, right, height in zip(edges[:-1], edges[1:], heights, strict=True):
            if height:
                chart.box(left + 0.002, right - 0.002, 0.5, float(height), f"bar {css}")
    if threshold <= 1:
        chart.across(threshold, "limit")
    return chart.svg()


def training_figure(history: Sequence[dict[str, Any]], best_step: int) -> Markup | None:
    """Draw the FNR on dev over the training steps, with the step that was kept; None without a measurement."""
    width = 380.0
    points = [(float(row["step"]), float(row["dev_fnr"])) for row in history if "dev_fnr" in row]
    if not points:
        return None
    x_ticks = round_ticks(max(x for x, _ in points))
    y_ticks = round_ticks(max(0.05, max(y for _, y in points)))
    chart = Chart(
        "missed keywords on dev over the training steps",
        Axis(0, x_ticks[-1], 52, width - 20),
        Axis(0, y_ticks[-1], 240 - 52, 34),
        width,
        240,
    )
    chart.ticks_x(x_ticks, lambda v: f"{v:g}", "training step")
    chart.ticks_y(y_ticks, percent, "missed on dev")
    chart.line(points, "s0")
    for x, y in points:
        if x == best_step:
            chart.dot(x, y, "s0", f"step {x:g}, kept: {percent(y)} missed")
    return chart.svg()
