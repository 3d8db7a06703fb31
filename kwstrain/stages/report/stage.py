"""Write the page and the numbers: `data/report/index.html`, its sounds, and `metrics.json`.

The page is one file (style and figures inside) beside a directory of FLAC sounds. It holds no date and no path of this
machine: the same inputs give the same bytes.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment
from lhotse import MonoCut

from kwsdata.clips.shards import shard_cuts
from kwsdata.files.atomic import atomic_path, read_json
from kwsdata.params import Params
from kwsdata.runtime.networks.description import read_model_json
from kwstrain.pages import words
from kwstrain.pages.figures import det_figure, histogram_figure, series_class, training_figure
from kwstrain.pages.templating import PAGES, templates_in
from kwstrain.stages.report import tables
from kwstrain.stages.report.examples import AUDIO, Example, Moment, chosen_alarms, chosen_events, write_examples
from kwstrain.stages.report.inputs import Evaluation, read_evaluation, read_history, read_optional

TEMPLATES = Path(__file__).parent / "templates"


def run(
    params: Params,
    evaluation: Path = Path("data/evaluate"),
    testsets: Path = Path("data/testsets"),
    index: Path = Path("data/index/index.json"),
    split: Path = Path("data/split/split.json"),
    student: Path = Path("data/models/student"),
    model_dir: Path = Path("data/models/export"),
    quantization: Path = Path("data/quantization_report/quantization.json"),
    out: Path = Path("data/report"),
) -> dict[str, Any]:
    """Write `out`/index.html, `out`/audio/ and `out`/metrics.json; return where they are and the test sets' numbers.

    `index`, `split`, `student` and `quantization` may be absent; their parts of the page then say so.

    Raises:
        StageInputError: an output of evaluate, a test stream or the exported model is missing or damaged.
    """
    found = read_evaluation(evaluation)
    metrics = found.metrics
    train, int8 = read_optional(student / "train.json"), read_optional(quantization)
    with atomic_path(out / AUDIO) as audio:
        examples = _examples(found, testsets, params.report.examples, audio)
    page = (
        _environment()
        .get_template("index.html.j2")
        .render(
            metrics=metrics,
            headline=_headline(metrics),
            det=_det(found),
            histograms=_histograms(found),
            set_rows=tables.set_rows(metrics),
            start_rows=tables.start_rows(metrics),
            started=words.explain_starts(metrics["starts"]),
            condition_tables=tables.condition_tables(metrics),
            heat_maps=tables.heat_maps(metrics),
            level_tables=tables.level_tables(metrics),
            int8_head=tables.INT8_HEAD,
            int8_rows=tables.int8_rows(int8),
            int8_words=tables.int8_words(int8),
            examples=examples,
            corpus_rows=tables.corpus_rows(read_optional(index)),
            split_rows=tables.split_rows(read_optional(split)),
            testset_rows=tables.testset_rows(read_json(testsets / "testsets.json")),
            model_rows=tables.model_rows(read_model_json(model_dir), train, metrics),
            training=training_figure(read_history(student / "history.jsonl"), train.get("best_step", -1)),
        )
    )
    with atomic_path(out / "index.html") as scratch:
        scratch.write_text(page, encoding="utf-8")
    with atomic_path(out / "metrics.json") as scratch:
        shutil.copyfile(evaluation / "metrics.json", scratch)
    return {"page": str(out / "index.html"), "metrics": str(out / "metrics.json"), "test": metrics["test"]}


def _environment() -> Environment:
    environment = templates_in(TEMPLATES, PAGES)
    environment.filters |= {"percent": words.percent, "rate": words.rate, "whole": words.whole, "hours": words.hours}
    return environment


def _headline(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the first test set's numbers (`clean` where there is one) and what they mean."""
    name, numbers = next(iter(sorted(metrics["test"].items(), key=lambda item: item[0] != "clean")))
    return {
        "set": name,
        "numbers": numbers,
        "missed": words.explain_misses(numbers) if numbers["n_positive"] else "The set holds no keyword.",
        "alarmed": words.explain_false_alarms(numbers),
    }


def _det(found: Evaluation) -> dict[str, Any]:
    """Return the figure of all sets, test before dev, and its legend [(name, colour class)]."""
    metrics = found.metrics
    sets = {f"{partition}/{name}": row for partition in ("test", "dev") for name, row in metrics[partition].items()}
    sets = {name: row for name, row in sets.items() if row["n_positive"] and row["hours_negative"]}
    curves = {name: found.curves[name] for name in sets}
    legend = [(name.replace("/", " / "), series_class(place)) for place, name in enumerate(sets)]
    return {"figure": det_figure(curves, sets, metrics["max_fah"]), "legend": legend}


def _histograms(found: Evaluation) -> list[tuple[str, Any]]:
    """Return (test set, figure)."""
    return [
        (
            name,
            histogram_figure(
                found.peaks[f"test/{name}/events"],
                found.peaks[f"test/{name}/negatives"],
                found.metrics["threshold"],
                f"highest votes of keywords and of other sound in test/{name}",
            ),
        )
        for name in found.metrics["test"]
    ]


def _examples(found: Evaluation, testsets: Path, count: int, audio: Path) -> list[tuple[str, str, list[Example]]]:
    """Write the sounds and return (title, what it shows, cards) of each kind of example that there is."""
    events = [event for event in found.events if event["partition"] == "test"]
    alarms = [alarm for alarm in found.false_alarms if alarm["partition"] == "test"]
    near = [alarm for alarm in found.near_alarms if alarm["partition"] == "test"]
    kinds: list[tuple[str, str, str, list[Moment]]] = [
        (
            "miss",
            "Missed keywords",
            "Those that came closest to the threshold first.",
            chosen_events(events, False, count),
        ),
        ("alarm", "False alarms", "The highest votes first.", chosen_alarms(alarms, count)),
        (
            "near",
            "Nearly false alarms",
            "Other sound that stayed below the threshold, the highest votes first.",
            chosen_alarms(near, max(0, count - len(alarms))),
        ),
        ("hit", "Keywords heard", "From the weakest to the strongest.", chosen_events(events, True, count)),
    ]
    cuts = _cuts(testsets, [moment for *_, moments in kinds for moment in moments])
    audio.mkdir(parents=True, exist_ok=True)
    return [
        (title, shows, write_examples(kind, moments, cuts, found, audio))
        for kind, title, shows, moments in kinds
        if moments
    ]


def _cuts(testsets: Path, moments: Sequence[Moment]) -> dict[str, MonoCut]:
    """Return the streams that `moments` are in, by "partition/set/cut id"."""
    wanted = {f"{m.row['partition']}/{m.row['set']}" for m in moments}
    return {f"{name}/{cut.id}": cut for name in sorted(wanted) for cut in shard_cuts(testsets / name)}
