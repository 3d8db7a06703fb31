"""Write the page of the quantization report."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

from markupsafe import Markup

from kwsdata.files.atomic import atomic_path
from kwstrain.pages.chart import Axis, Chart, decades, round_ticks
from kwstrain.pages.templating import PAGES, templates_in
from kwstrain.pages.words import hours, percent, rate, whole
from kwstrain.stages.quantization_report.score import ARITHMETICS, FLOAT

OWN = Path(__file__).parent / "templates"
TITLES = {
    "float32": "FP32",
    "torch": "INT8, PyTorch (fake quantization)",
    "onnx": "INT8, ONNX",
    "tflite": "INT8, TFLite",
    "onnx_torch": "ONNX against PyTorch",
    "tflite_torch": "TFLite against PyTorch",
    "torch_float32": "INT8 against FP32",
}
WIDTH = 520.0


def write_page(found: dict[str, Any], path: Path) -> None:
    """Write the page of quantization.json's contents to `path`."""
    text = (
        templates_in(OWN, PAGES)
        .get_template("quantization.html.j2")
        .render(
            found=found,
            set_rows=_set_rows(found),
            threshold_rows=_threshold_rows(found),
            apart_rows=_apart_rows(found),
            apart_head=["", "decisions", "greatest", *_bins(found["apart_edges"])],
            apart_figure=apart_figure(found),
            layer_rows=[_layer_row(row) for row in found["layers"]],
            layer_figure=layer_figure(found["layers"]),
            file_rows=[[name, whole(about["bytes"]), about["sha256"][:16]] for name, about in found["files"].items()],
            hours=hours(found["hours"]),
            percent=percent,
        )
    )
    with atomic_path(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def _set_rows(found: dict[str, Any]) -> list[list[str]]:
    rows = []
    pooled = {f"{partition}, all": numbers for partition, numbers in found["pooled"].items()}
    for name, numbers in (found["sets"] | pooled).items():
        for arithmetic in ARITHMETICS:
            own = numbers[arithmetic]
            rows.append(
                [
                    f"{name.replace('/', ' / ')}: {TITLES[arithmetic]}",
                    "-" if own["accuracy"] is None else f"{100 * own['accuracy']:.2f} %",
                    percent(own["fnr"]),
                    f"{percent(own['fnr_low95'])} to {percent(own['fnr_high95'])}",
                    f"{own['misses']} / {own['n_positive']}",
                    rate(own["fah"]),
                    percent(own["fnr_at_max_fah"]),
                ]
            )
    return rows


def _threshold_rows(found: dict[str, Any]) -> list[list[str]]:
    return [
        [TITLES[name], f"{row['threshold']:.4f}", "-" if name == FLOAT else f"{row['shift_log_odds']:+.3f}"]
        for name, row in found["thresholds"].items()
    ]


def _bins(edges: list[int]) -> list[str]:
    return [f"{low}" if low == high - 1 else f"{low} to {high - 1}" for low, high in pairwise(edges)]


def _apart_rows(found: dict[str, Any]) -> list[list[str]]:
    rows = found["apart"] | {"reference": found["reference_kernels"]}
    titles = TITLES | {"reference": "TFLite's reference kernels against PyTorch"}
    return [
        [titles[name], whole(row["decisions"]), str(row["greatest"]), *map(whole, row["counts"])]
        for name, row in rows.items()
    ]


def apart_figure(found: dict[str, Any]) -> Markup:
    """Draw how many decisions differ by how much: INT8 against FP32, and the files against the network."""
    edges = found["apart_edges"]
    bins = _bins(edges)
    most = max(10, *(max(row["counts"]) for row in found["apart"].values()))
    high = 10.0 ** math.ceil(math.log10(most))
    chart = Chart(
        "differences of scores in steps of 1/256",
        Axis(0, len(bins), 52, WIDTH - 12),
        Axis(0.5, high, 240 - 52, 34, log=True),
        WIDTH,
        240,
    )
    chart.ticks_y(decades(1, high), lambda v: f"{v:,.0f}".replace(",", " "), "decisions (log)")
    for place, label in enumerate(bins):
        chart.text(chart.x.at(place + 0.5), chart.y.start + 17, label, "tick middle")
    chart.text((chart.x.start + chart.x.end) / 2, chart.y.start + 37, "steps of 1/256 apart", "name middle")
    series = [("torch_float32", "bar negative"), ("tflite_torch", "bar positive")]
    for number, (name, css) in enumerate(series):
        for place, count in enumerate(found["apart"][name]["counts"]):
            if count:
                left = place + 0.1 + 0.4 * number
                chart.box(left, left + 0.38, 0.5, float(count), css)
    return chart.svg()


def layer_figure(layers: list[dict[str, Any]]) -> Markup:
    """Draw the SQNR of every tensor, from the input to the log-odds."""
    values = [row["sqnr_db"] or 0.0 for row in layers]
    ticks = round_ticks(max(10.0, *values))
    chart = Chart(
        "signal to quantization noise of every tensor",
        Axis(0, len(layers), 52, WIDTH - 12),
        Axis(0, ticks[-1], 240 - 52, 34),
        WIDTH,
        240,
    )
    chart.ticks_y(ticks, lambda v: f"{v:g}", "SQNR, dB")
    chart.text((chart.x.start + chart.x.end) / 2, chart.y.start + 20, "from the input to the log-odds", "name middle")
    for place, value in enumerate(values):
        chart.box(place + 0.1, place + 0.9, 0, max(0.0, value), "bar positive")
    return chart.svg()


def _layer_row(row: dict[str, Any]) -> list[str]:
    sqnr = "-" if row["sqnr_db"] is None else f"{row['sqnr_db']:.1f}"
    return [row["tensor"], sqnr, percent(row["saturation"]), f"{row['scale']:.5g}", str(row["zero"])]
