"""`kwstrain`: train, export, evaluate, report; and `detect`, which needs no training stack."""

from pathlib import Path
from typing import Annotated

import typer

from kwsdata.command import DEFAULT_PARAMS, ParamsOption, command, new_app, show
from kwsdata.params import load_params

app = new_app("The compact training stage for wake words: train, export, evaluate, detect.")


@command(app, "train", "kwstrain train\nkwstrain train --params params.yaml")
def train(params: ParamsOption = DEFAULT_PARAMS) -> None:
    """Train the student; an interrupted run goes on from its last checkpoint to the same weights."""
    from kwstrain.train.stage import run

    show(run(load_params(params)))


@command(app, "export", "kwstrain export")
def export(params: ParamsOption = DEFAULT_PARAMS) -> None:
    """Write the trained student as a streaming ONNX file, checked frame by frame against PyTorch."""
    from kwstrain.export.stage import run

    show(run(load_params(params)))


@command(app, "evaluate", "kwstrain evaluate")
def evaluate(params: ParamsOption = DEFAULT_PARAMS) -> None:
    """Stream every test set through the exported model: FNR at no more than the allowed false alarms an hour."""
    from kwstrain.evaluate.stage import run

    show(run(load_params(params)))


@command(app, "report", "kwstrain report")
def report(params: ParamsOption = DEFAULT_PARAMS) -> None:
    """Write data/report/index.html (figures, examples one can play) and data/report/metrics.json."""
    from kwstrain.report.stage import run

    show(run(load_params(params)))


def main() -> None:
    """Entry point of the `kwstrain` command."""
    app()


__all__ = ["Annotated", "Path", "typer"]
