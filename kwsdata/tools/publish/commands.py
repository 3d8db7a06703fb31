"""The commands `publish` and `card`; `kwsdata.cli` registers them. Nothing heavy is imported here."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from kwsdata.errors import StageInputError
from kwsdata.params import load_params
from kwsdata.tools.command import DEFAULT_PARAMS, ParamsOption, command, show

FORMATS = ("shar", "webdataset", "hf")  # kwsdata.tools.publish.layouts.LAYOUTS, which is not loaded for --help

PartsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--part", help="split, augmented, mined, testsets, rirs, or one of their partitions; may be repeated."
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option("--exclude", help="A corpus to leave out, with every clip it is heard in; may be repeated."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    command(
        app,
        "publish",
        "kwsdata publish dist/computer\n"
        "kwsdata publish dist/computer --part split --part augmented --format hf --exclude fillets_nl\n"
        "kwsdata publish dist/computer --push acme/computer --private\n"
        "kwsdata publish hf://acme/computer",
    )(publish)
    command(app, "card", "kwsdata card\nkwsdata card --part split --part augmented > README.md")(card)


def publish(
    destination: Annotated[str, typer.Argument(help="A directory, or hf://OWNER/NAME on a hub.")],
    format: Annotated[
        list[str] | None, typer.Option("--format", help="shar, webdataset, hf or all; may be repeated.")
    ] = None,
    part: PartsOption = None,
    exclude: ExcludeOption = None,
    push: Annotated[
        str | None, typer.Option(help="Also put it on the hub as OWNER/NAME (HF_ENDPOINT, HF_TOKEN).")
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="A new dataset on the hub is seen by its owner alone.")
    ] = False,
    params: ParamsOption = DEFAULT_PARAMS,
) -> None:
    """Write the dataset, with its card, as others read it; refused where a corpus's licence does not permit that."""
    from kwsdata.tools.publish import hub
    from kwsdata.tools.publish.run import publish as write

    if hub.is_hub(destination) and push is not None:
        raise StageInputError("give hf://OWNER/NAME or --push OWNER/NAME, not both.")
    asked = destination if hub.is_hub(destination) else push
    repo = hub.repo_of(asked) if asked else None
    formats = _formats(format)
    settings = load_params(params)
    with tempfile.TemporaryDirectory(prefix="kwsdata-publish-") as scratch:
        out = Path(scratch) / "dataset" if hub.is_hub(destination) else Path(destination)
        told = write(settings, params, out, formats, part or ["split"], exclude or [])
        if repo is not None:
            told["commit_url"] = hub.push(out, repo, private)
    show(told)


def card(
    part: PartsOption = None,
    exclude: ExcludeOption = None,
    params: ParamsOption = DEFAULT_PARAMS,
) -> None:
    """Print the dataset card: sizes, sources, licences, citations, recipes, limits. It needs no permission."""
    from kwsdata.tools.publish.run import card as written

    typer.echo(written(load_params(params), part or ["split"], exclude or []), nl=False)


def _formats(asked: list[str] | None) -> list[str]:
    wanted = asked or ["all"]
    for name in wanted:
        if name not in (*FORMATS, "all"):
            raise StageInputError(f"--format {name}: choose from {', '.join(FORMATS)}, all.")
    return [name for name in FORMATS if name in wanted or "all" in wanted]
