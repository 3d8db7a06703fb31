"""`kwsdata`: one command a stage of the data pipeline, and the importers.

Commands read, call, write and print. Each imports its stage when called, so that `kwsdata --help` loads nothing heavy.
"""

from pathlib import Path
from typing import Annotated

import typer

from kwsdata.command import DEFAULT_PARAMS, ParamsOption, command, new_app, show
from kwsdata.params import load_params

app = new_app("Versioned, augmented, hard-negative-mined datasets for wake words. `dvc repro` runs every stage in order.")


@command(app, "synthesize", "kwsdata synthesize")
def synthesize(params: ParamsOption = DEFAULT_PARAMS) -> None:
    """Speak the keyword, words like it and general sentences in many voices, offline."""
    from kwsdata.synthesize.stage import run

    show(run(load_params(params)))


@command(app, "index", "kwsdata index")
def index(params: ParamsOption = DEFAULT_PARAMS) -> None:
    """Gather every clip of every corpus in one manifest, labelled for the keyword."""
    from kwsdata.index.stage import run

    show(run(load_params(params)))


@command(app, "split", "kwsdata split")
def split(params: ParamsOption = DEFAULT_PARAMS) -> None:
    """Put each speaker, voice and noise source in one of train, dev, test."""
    from kwsdata.split.stage import run

    show(run(load_params(params)))


@command(app, "simulate-rirs", "kwsdata simulate-rirs")
def simulate_rirs(params: ParamsOption = DEFAULT_PARAMS) -> None:
    """Make a bank of room impulse responses; each room belongs to one partition."""
    from kwsdata.simulate_rirs.stage import run

    show(run(load_params(params)))


@command(app, "augment", "kwsdata augment")
def augment(params: ParamsOption = DEFAULT_PARAMS) -> None:
    """Make augmented copies of every train clip (rooms, noise, speed, level), each with its recipe."""
    from kwsdata.augment.stage import run

    show(run(load_params(params)))


@command(app, "make-testsets", "kwsdata make-testsets")
def make_testsets(params: ParamsOption = DEFAULT_PARAMS) -> None:
    """Freeze the continuous streams of dev and test, with the time of every keyword."""
    from kwsdata.make_testsets.stage import run

    show(run(load_params(params)))


@command(app, "featurize", "kwsdata featurize")
def featurize(params: ParamsOption = DEFAULT_PARAMS) -> None:
    """Turn augmented clips and dev streams into feature frames that training maps into memory."""
    from kwsdata.featurize.stage import run

    show(run(load_params(params)))


def main() -> None:
    """Entry point of the `kwsdata` command."""
    app()


