"""The commands `kwstrain experiments ...`; `kwstrain.cli` registers them. Nothing heavy is imported."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kwsdata.errors import ParamsError
from kwsdata.tools.command import (
    DEFAULT_PARAMS,
    Commands,
    ParamsOption,
    SummaryAsJson,
    command,
    fail,
    new_app,
    run_stage,
    show,
)
from kwstrain.made import MADE

NAME = "experiments"
AblationOption = Annotated[Path, typer.Option(help="The file that describes the arms.")]
SeedsOption = Annotated[str, typer.Option(help="Of train.seed, separated by commas.")]
SettingsOption = Annotated[
    list[str] | None, typer.Option("--set", "-S", help="[FILE:]block.key=value, the same in every run.")
]
DEFAULT_ABLATION = Path("ablation/params.yaml")


class Group(Commands):
    """The group, which was the command `page` once."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Return what is left of the words after the group's name."""
        if args and args[0].startswith(("--out", "--commits")):
            fail(f"that is `kwstrain {NAME} page {' '.join(args)}` now.")
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the group to `app`."""
    group = new_app("Several trainings, and what they differ in: seeds, rounds of mining, ablations.", Group)
    for name, function, example in (
        ("page", page, "page\npage --commits 5 --out old_and_new.html"),
        ("seeds", seeds, "seeds gamma2 --seeds 1,2,3 -S loss.gamma=2"),
        ("rounds", rounds, "rounds --count 2\nrounds --count 2 --seeds 1,2,3 --name mined -S train.steps=5000"),
        ("ablate", ablate, "ablate --arm focal --seed 1"),
        (
            "compare",
            compare,
            "compare\ncompare --arms distillation,baseline --seeds 1,2,3,4,5 --out data/runs/compared\n"
            "compare --runs data/runs --arms unmined0,mined0,mined1,mined2 --seeds 1,2,3 --out data/runs/compared",
        ),
    ):
        lines = [f"kwstrain {NAME} {line}" for line in example.splitlines()]
        command(group, name, "\n".join(lines))(function)
    app.add_typer(group, name=NAME)


def page(
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("experiments.html"),
    commits: Annotated[int, typer.Option(help="How many commits back, each with its experiments.", min=1)] = 1,
) -> None:
    """Write a page that compares DVC's experiments: changed params, FNR and FAH with intervals, side by side."""
    from kwstrain.experiments.page import write_experiments

    show(write_experiments(Path(), out, commits))


def seeds(
    name: Annotated[str, typer.Argument(help="Experiments are called NAME-s1, NAME-s2, ...")],
    seeds: SeedsOption = "1,2,3",
    setting: SettingsOption = None,
) -> None:
    """Run the pipeline once a seed, with the same changes: DVC experiments, their numbers kept in data/runs."""
    from kwstrain.experiments.seeds import run_seeds

    show(run_seeds(name, _numbers(seeds), setting or []))


def rounds(
    count: Annotated[int, typer.Option(min=0, help="Rounds that mine with the model of the round before.")] = 2,
    seeds: SeedsOption = "1",
    name: Annotated[str, typer.Option(help="Experiments are called NAME0-s1, NAME1-s1, ...")] = "round",
    setting: SettingsOption = None,
) -> None:
    """Mine, train, and mine again with the model that came of it: DVC experiments, their numbers kept in data/runs."""
    from kwstrain.experiments.rounds import run_rounds

    show(run_rounds(count, _numbers(seeds), name, setting or []))


def ablate(
    arm: Annotated[str, typer.Option(help="Its name in ablation/params.yaml.")],
    seed: Annotated[int, typer.Option(help="Of the training.")],
    params: ParamsOption = DEFAULT_PARAMS,
    json: SummaryAsJson = False,
    ablation: AblationOption = DEFAULT_ABLATION,
) -> None:
    """Train, export and measure one arm of the ablation with one seed; `dvc repro ablation/dvc.yaml` does all."""
    from kwsdata.params.ablation import load_ablation
    from kwstrain.experiments.ablate.stage import run

    plan = load_ablation(ablation)
    run_stage(lambda settings: run(settings, plan, arm, seed), params, MADE["ablate"], json)


def compare(
    ablation: AblationOption = DEFAULT_ABLATION,
    runs: Annotated[Path, typer.Option(help="Holds ARM-sSEED/evaluate of every run.")] = Path("data/ablation/runs"),
    arms: Annotated[
        str | None, typer.Option(help="Instead of the file's; what the rest is compared with first.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Instead of the file's, separated by commas.")] = None,
    out: Annotated[Path, typer.Option(help="Gets table.md, fnr.svg, metrics.json.")] = Path("data/ablation/compare"),
) -> None:
    """Compare arms of an ablation, or rounds and experiments kept below data/runs, with a baseline, over seeds."""
    from kwsdata.params.ablation import load_ablation
    from kwstrain.experiments.compare.stage import run

    run(load_ablation(ablation).asked(arms, seeds), runs, out)
    typer.echo((out / "table.md").read_text(encoding="utf-8"), nl=False)


def _numbers(seeds: str) -> list[int]:
    if not all(seed.isdecimal() for seed in seeds.split(",")):
        raise ParamsError(f"--seeds {seeds}: give whole numbers, separated by commas, as in 1,2,3.")
    return [int(seed) for seed in seeds.split(",")]
