"""Write the page of experiments: a table, and a figure for each of the two numbers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from kwsdata.errors import StageInputError
from kwsdata.files.atomic import atomic_path
from kwstrain.experiments.read import Experiment, read_experiments
from kwstrain.pages.chart import Axis, Chart, round_ticks
from kwstrain.pages.figures import percent as short_percent
from kwstrain.pages.figures import series_class
from kwstrain.pages.templating import PAGES, templates_in
from kwstrain.pages.words import percent, rate

OWN = Path(__file__).parent / "templates"
WIDTH, LINE, TOP, BOTTOM, LEFT = 520.0, 34.0, 34.0, 52.0, 150.0
_LONGEST = 20  # letters of a name that fit beside a picture


def write_experiments(root: Path, out: Path, commits: int) -> dict[str, Any]:
    """Write the page `out` of the experiments of the repository `root`; return how many it shows, and where it is.

    Raises:
        StageInputError: DVC cannot be asked, or nothing has been measured yet.
    """
    found = read_experiments(root, commits)
    measured = [one for one in found if one.metrics]
    if not measured:
        raise StageInputError("no commit or experiment has a metrics.json yet: type `dvc exp run`, or `dvc repro`.")
    sets = sorted({name for one in measured for name in one.metrics["test"]}, key=lambda name: (name != "clean", name))
    text = (
        templates_in(OWN, PAGES)
        .get_template("experiments.html.j2")
        .render(
            keywords=sorted({one.metrics["keyword"] for one in measured}),
            head=["Experiment", "Changed", *(f"FNR, {name}" for name in sets), f"FAH, {sets[0]}", "Threshold"],
            rows=[_row(one, sets) for one in found],
            sets=[(name, series_class(place)) for place, name in enumerate(sets)],
            fnr=fnr_figure(measured, sets),
            fah=fah_figure(measured, sets[0]),
            max_fah=sorted({one.metrics["max_fah"] for one in measured}),
        )
    )
    with atomic_path(out) as scratch:
        scratch.write_text(text, encoding="utf-8")
    return {"page": str(out), "experiments": sum(bool(one.base) for one in found), "shown": len(found)}


def _row(one: Experiment, sets: Sequence[str]) -> dict[str, Any]:
    """Return the cells of a table row, each (what it says, what it says below in small)."""
    cells: list[tuple[str, str]] = []
    for name in sets:
        numbers = one.metrics.get("test", {}).get(name)
        if numbers:
            low, high = percent(numbers["fnr_low95"]), percent(numbers["fnr_high95"])
            cells.append((percent(numbers["fnr"]), f"{low} to {high}, {numbers['misses']} of {numbers['n_positive']}"))
        else:
            cells.append(("-", ""))
    first = one.metrics.get("test", {}).get(sets[0])
    cells.append((rate(first["fah"]), f"95 % below {rate(first['fah_upper95'])}") if first else ("-", ""))
    cells.append((f"{one.metrics['threshold']:.4f}" if one.metrics else "-", ""))
    below = " ".join(part for part in (one.rev, f"from {one.base}" if one.base else "", one.state) if part)
    changed = [f"{key}: {_value(old)} → {_value(new)}" for key, (old, new) in one.changed.items()]
    return {"name": one.name, "below": below, "changed": changed, "cells": cells, "base": not one.base}


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def fnr_figure(measured: Sequence[Experiment], sets: Sequence[str]) -> Markup:
    """Draw the share of missed keywords of each experiment with its 95 % interval, a colour a test set."""
    found = [one.metrics["test"] for one in measured]
    chart = _chart(
        "missed keywords of each experiment",
        measured,
        max(0.05, *(numbers[name]["fnr_high95"] for numbers in found for name in sets if name in numbers)),
        short_percent,
        "missed keywords (FNR), 95 % interval",
    )
    for line, numbers in enumerate(found):
        for place, name in enumerate(name for name in sets if name in numbers):
            y = _level(line, found) - 0.22 * (place - (len(sets) - 1) / 2)
            one, css = numbers[name], series_class(place)
            chart.line([(one["fnr_low95"], y), (one["fnr_high95"], y)], f"whisker {css}")
            chart.dot(one["fnr"], y, css, f"{measured[line].name}, {name}: {percent(one['fnr'])} missed")
    return chart.svg()


def fah_figure(measured: Sequence[Experiment], name: str) -> Markup:
    """Draw the false alarms per hour of each experiment on one test set, up to their 95 % bound; lines are limits."""
    found = [one.metrics["test"].get(name) for one in measured]
    limits = {one.metrics["max_fah"] for one in measured}
    chart = _chart(
        "false alarms per hour of each experiment",
        measured,
        max(2 * max(limits), *(numbers["fah_upper95"] for numbers in found if numbers)),
        lambda value: f"{value:g}",
        f"false alarms per hour on {name}, up to their 95 % bound",
    )
    for limit in limits:
        chart.across(limit, "limit")
    for line, numbers in enumerate(found):
        if numbers:
            y = _level(line, found)
            chart.line([(numbers["fah"], y), (numbers["fah_upper95"], y)], "whisker s0")
            says = f"{measured[line].name}: {rate(numbers['fah'])} false alarms per hour"
            chart.dot(numbers["fah"], y, "s0", says)
    return chart.svg()


def _level(line: int, lines: Sequence[Any]) -> float:
    """Return how high line number `line`, counted from the top, lies on an axis that counts from the bottom."""
    return len(lines) - line - 0.5


def _chart(title: str, measured: Sequence[Experiment], high: float, label: Any, name: str) -> Chart:
    """Return a chart with a line an experiment, the first at the top, and `name` below values from 0 to `high`."""
    ticks = round_ticks(high)
    height = TOP + LINE * len(measured) + BOTTOM
    x, y = Axis(0, ticks[-1], LEFT, WIDTH - 16), Axis(0, len(measured), height - BOTTOM, TOP)
    chart = Chart(title, x, y, WIDTH, height)
    chart.ticks_x(ticks, label, name)
    for line, one in enumerate(measured):
        short = one.name if len(one.name) <= _LONGEST else f"{one.name[: _LONGEST - 1]}…"
        chart.text(LEFT - 10, y.at(_level(line, measured)) + 4, short, "name end" if not one.base else "tick end")
    return chart
