"""Register the commands about the whole dataset. Nothing heavy is imported."""

from pathlib import Path
from typing import Annotated

import typer

from kwsdata.params import load_params
from kwsdata.tools.command import DEFAULT_PARAMS, ParamsOption, command, show

LockPath = Annotated[Path, typer.Option("--file", help="The lock file.")]
Revision = Annotated[
    str | None, typer.Option("--rev", help="A git revision, tag or DVC experiment instead of the files on disk.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    command(app, "lock", "kwsdata lock\nkwsdata lock --check\nkwsdata lock --check --sound")(lock)
    command(app, "stats", "kwsdata stats\nkwsdata stats --json --rev v1.0")(stats)
    command(app, "diff", "kwsdata diff HEAD\nkwsdata diff v1.0 v1.1 --json")(diff)
    command(app, "trace", "kwsdata trace crowd-s07_3-a02")(trace)
    command(app, "verify", "kwsdata verify\nkwsdata verify cache\nkwsdata verify storage --mend")(verify)
    command(app, "repair", "kwsdata repair")(repair)


def lock(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if the data is not the locked.")] = False,
    sound: Annotated[
        bool, typer.Option("--sound", help="Decode every clip, instead of trusting the hashes in the manifests.")
    ] = False,
    file: LockPath = Path("dataset.lock.json"),
    params: ParamsOption = DEFAULT_PARAMS,
) -> None:
    """Write a hash of each part of the dataset (ids, samples, labels) to a small file that tests and papers quote."""
    from kwsdata.tools.dataset.lock import check_lock, lock_of, write_lock
    from kwsdata.tools.dataset.members import members_of
    from kwsdata.tools.dataset.trees import open_tree

    settings = load_params(params)
    if sound:
        from kwsdata.tools.dataset.verify import verify_sound

        verify_sound(settings.executor)
    found = lock_of(members_of(open_tree()), settings.keyword.text)
    if check:
        check_lock(found, file)
    else:
        write_lock(found, file)
    show(found)


def stats(rev: Revision = None, json: AsJson = False) -> None:
    """Count clips, hours, speakers, labels and corpora of each part."""
    from kwsdata.tools.dataset.members import members_of
    from kwsdata.tools.dataset.stats import stats as counted
    from kwsdata.tools.dataset.tables import print_stats
    from kwsdata.tools.dataset.trees import open_tree

    found = counted(members_of(open_tree(rev)))
    (show if json else print_stats)(found)


def diff(
    rev1: Annotated[str, typer.Argument(help="A git revision, tag or DVC experiment.")],
    rev2: Annotated[str | None, typer.Argument(help="Another; by default the files on disk.")] = None,
    json: AsJson = False,
    listed: Annotated[int, typer.Option("--list", help="Clips to name for each kind of change in each part.")] = 10,
) -> None:
    """Say what changed between two versions of the dataset; nothing is checked out, manifests are read through DVC."""
    from kwsdata.tools.dataset.diff import diff as compared
    from kwsdata.tools.dataset.tables import print_diff
    from kwsdata.tools.dataset.trees import open_tree

    found = compared(open_tree(rev1), open_tree(rev2), listed)
    (show if json else print_diff)(found)


def trace(
    cut_id: Annotated[str, typer.Argument(help="The id of a clip of any part.")],
    rev: Revision = None,
) -> None:
    """Say where a clip comes from: parents, what is heard in it, licences, recipe, stage, command and commit."""
    from kwsdata.tools.dataset.trace import trace as traced
    from kwsdata.tools.dataset.trees import open_tree

    show(traced(open_tree(rev), cut_id))


def verify(
    place: Annotated[
        str, typer.Argument(help="files (those on disk), cache (DVC's), or the name of a remote.")
    ] = "files",
    mend: Annotated[
        bool, typer.Option("--mend", help="Upload again what a remote lacks and the cache here has.")
    ] = False,
) -> None:
    """Read all that DVC tracks and hash it again: is it what git records? Names what is missing or damaged."""
    from kwsdata.tools.dataset.objects import verify as verified

    show(verified(place, mend=mend))


def repair() -> None:
    """Mend what a kill -9 left half-written of DVC's own files (dvc.lock); type `dvc repro` after it."""
    from kwsdata.tools.dataset.repair import repair as repaired

    show(repaired())
