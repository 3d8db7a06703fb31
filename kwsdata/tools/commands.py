"""Commands for those who work on the data: leave clips out, review what was mined, inspect a clip, prune the cache."""

from pathlib import Path
from typing import Annotated

import typer

from kwsdata.errors import ParamsError
from kwsdata.params import load_params
from kwsdata.tools.command import DEFAULT_PARAMS, ParamsOption, command, show


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @command(
        app,
        "exclude",
        "kwsdata exclude --rule similar_sound\nkwsdata exclude --heard\n"
        "kwsdata exclude crowd-17 crowd-18 --why clipped",
    )
    def exclude(
        cuts: Annotated[list[str] | None, typer.Argument(help="Ids of cuts, as in data/split.")] = None,
        rule: Annotated[
            str | None, typer.Option(help="Those that findings of this rule in check.json propose.")
        ] = None,
        heard: Annotated[
            bool, typer.Option("--heard", help="The negatives in which a reviewer heard the keyword.")
        ] = False,
        why: Annotated[str, typer.Option(help="Written beside CUTS.")] = "by hand",
    ) -> None:
        """Leave clips out of every partition: adds them to review/excluded.txt, which the stage `index` reads."""
        from kwsdata.tools.dataset.leave_out import leave_out

        show(leave_out(cuts or [], why, rule, heard))

    @command(
        app,
        "review",
        "kwsdata review\nkwsdata review --port 8080 --no-browser\nkwsdata review --export top50.html --count 50",
    )
    def review(
        port: Annotated[int, typer.Option(help="On this machine alone; 0 takes a free one.")] = 0,
        browser: Annotated[bool, typer.Option(help="Open the page.")] = True,
        export: Annotated[
            Path | None,
            typer.Option(help="Write the hardest to this HTML file, with their sound, instead of a server."),
        ] = None,
        count: Annotated[int, typer.Option(help="Of --export: how many.")] = 50,
        status: Annotated[
            str, typer.Option(help="Of --export: which candidates, mine | review | keyword | left_out | all.")
        ] = "mine",
        mined: Annotated[Path, typer.Option(help="What `kwsdata mine-negatives` wrote.")] = Path("data/mined"),
    ) -> None:
        """Listen to mined candidates and keep, drop or name them the keyword; decisions go to a text file in git."""
        from kwsdata.tools.review.command import export as write
        from kwsdata.tools.review.command import review as serve

        if export is not None:
            show(write(export, count, status, mined))
        else:
            show(serve(mined, port=port, open_browser=browser))

    @command(app, "inspect", "kwsdata inspect crowd-s07_3-a02\nkwsdata inspect test-clean-0000-event0003 --no-browser")
    def inspect(
        clip_id: Annotated[
            str, typer.Argument(metavar="CUT_ID", help="A clip of any part, or an event of a test stream.")
        ],
        out: Annotated[Path | None, typer.Option(help="The page; by default data/inspect/CUT_ID.html.")] = None,
        browser: Annotated[bool, typer.Option(help="Open the page.")] = True,
    ) -> None:
        """Hear and see a clip beside its parents, with its recipe in words: one HTML file with all inside."""
        from kwsdata.tools.inspect.command import inspect as write_page

        show(write_page(clip_id, out, browser))

    @command(
        app,
        "cache",
        "kwsdata cache\nkwsdata cache --prune\nkwsdata cache --prune --max-gb 0\nkwsdata cache --prune --step augment",
    )
    def cache(
        prune: Annotated[
            bool,
            typer.Option("--prune", help="Remove what was not used for longest; nothing that a running command uses."),
        ] = False,
        max_gb: Annotated[
            float | None,
            typer.Option(min=0, help="How much stays; by default `cache.max_gb`, of one step nothing."),
        ] = None,
        step: Annotated[str | None, typer.Option(help="Of this step alone, as the list names it.")] = None,
        params: ParamsOption = DEFAULT_PARAMS,
    ) -> None:
        """Show what finished work takes in data/.cache, by the step that made it; prune it. (DVC has its own.)"""
        from kwsdata.execution.cache.pruning import prune as prune_cache
        from kwsdata.execution.cache.pruning import summary

        limit = load_params(params).cache.max_gb
        if not prune and (max_gb is not None or step is not None):
            raise ParamsError("--max-gb and --step belong to --prune: type `kwsdata cache --prune` with them.")
        if not prune:
            show(summary(limit))
            return
        wanted = max_gb if max_gb is not None else 0.0 if step is not None else limit
        if wanted is None:
            raise ParamsError("cache.max_gb is null, so that there is nothing to prune to: give --max-gb.")
        show(prune_cache(wanted, step))
