"""The commands that make a project and keep it up to date; `kwsdata.cli` registers them. Nothing heavy is imported."""

import os
from pathlib import Path
from typing import Annotated

import typer

from kwsdata.errors import KwsError, ParamsError
from kwsdata.text import spell_out
from kwsdata.tools.command import command, show

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    command(
        app,
        "init",
        'kwsdata init my-word --keyword "hey lumen"\n'
        'kwsdata init sveglia --keyword "ciao lumen" --language it --for esphome\n'
        'kwsdata init home --keyword "hey lumen" --keyword "stop lumen"\n'
        'kwsdata init words/louder --keyword "louder please"',
    )(init)
    command(app, "upgrade", "kwsdata upgrade --check\nkwsdata upgrade")(upgrade)
    command(app, "status", "kwsdata status\nkwsdata status --json")(status)


def init(
    folder: Annotated[Path, typer.Argument(help="A new folder, or an empty one.")],
    keyword: Annotated[
        list[str], typer.Option(help="The wake word, as it is written; given again, another word that shares its data.")
    ],
    language: Annotated[str | None, typer.Option(help="Its name in eSpeak NG, such as de; en-us by default.")] = None,
    device: Annotated[
        str | None, typer.Option("--for", help="Where the detector will run: esphome. By default anywhere.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Make a project of a word: a git and DVC repository of a dozen small files, in which `dvc repro` does the rest.

    In a project it makes another word, which shares the project's imports, rooms and finished work.
    """
    from kwsdata.tools.project.create import DEVICES
    from kwsdata.tools.project.words import add_word, create_words, project_above

    if device is not None and device not in DEVICES:
        raise ParamsError(f"--for {device}: there is {', '.join(DEVICES)}.")
    project = project_above(folder)
    if project is None:
        made = create_words(folder, keyword, language, device)
    elif len(keyword) == 1:
        made = [add_word(project, folder, keyword[0], language, device)]
    else:
        raise ParamsError(f"{project} is a project: add its words one by one, each in a folder of its own.")
    if json:
        show(made[0] if len(made) == 1 else made)
        return
    for each in made:
        what = f"a word of {each['shares']}" if "shares" in each else "a project"
        where = os.path.relpath(each["project"])
        typer.echo(f"{where}: {what} for {spell_out(each['keyword'])} ({each['language']}), {each['files']} files.")
    add = f"git add --all . {made[0].get('shares', '')}".rstrip()
    commit = "" if made[0]["committed"] else f' && {add} && git commit -m "Make {folder.name}"'
    typer.echo(f"Next: cd {folder}{commit} && dvc repro")


def upgrade(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if there is something to do.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a dvc.yaml that was edited by hand.")] = False,
    json: AsJson = False,
) -> None:
    """Take the project here to the installed version: say which stages' code changed, so that only these run again."""
    from kwsdata.tools.project.upgrade import plan_upgrade, write_upgrade

    plan = plan_upgrade(force=force)
    if not check:
        write_upgrade(plan)
    if json:
        show(plan.as_json())
    else:
        typer.echo("\n".join(plan.lines()))
    if check and plan.files:
        raise KwsError("the project is not up to date with the installed kwsdata: type `kwsdata upgrade`.")


def status(json: AsJson = False) -> None:
    """Say what is not up to date, and why: which numbers, data and code changed, and what runs after."""
    from kwsdata.tools.project.status import status as found

    here = found()
    if json:
        show(here.as_json())
    else:
        typer.echo("\n".join(here.lines()))
