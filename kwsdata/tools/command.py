"""What both command lines share: one-line errors, the params option, JSON results."""

import functools
import inspect
import io
import json as as_json
import os
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from typer.core import TyperGroup

from kwsdata.errors import KwsError, MissingExtraError
from kwsdata.execution.cache.pruning import in_use
from kwsdata.execution.progress import duration
from kwsdata.files.os_errors import explain
from kwsdata.params import load_params
from kwsdata.text import file_stem

Function = TypeVar("Function", bound=Callable[..., Any])

ParamsOption = Annotated[
    Path,
    typer.Option(
        "--params", "-p", help="The file with the numbers of the project; the others are in params/ beside it."
    ),
]
DEFAULT_PARAMS = Path("params.yaml")
SummaryAsJson = Annotated[bool, typer.Option("--json", help="Print all that is known of the result, as JSON.")]
_RUNNING: ContextVar[tuple[str, str]] = ContextVar("command")  # its name, and what it does
INTERRUPTED = 130  # exit code after Ctrl-C, as of programs that SIGINT ends

# Which extra brings a package that a stage imports (see pyproject.toml).
EXTRA_OF = {
    "lhotse": "data",
    "pyroomacoustics": "data",
    "yaml": "data",
    "datasets": "data",
    "huggingface_hub": "data",
    "pyarrow": "data",
    "dask": "cluster",
    "distributed": "cluster",
    "faiss": "mine",
    "sklearn": "mine",
    "torch": "train",
    "torchaudio": "train",
    "lightning_fabric": "train",
    "dvclive": "train",
    "onnx": "train",
    "tensorflow": "export",
    "ai_edge_litert": "runtime",
    "jinja2": "report",
    "matplotlib": "report",
}


RENAMED = {  # commands of before
    "listen": "kwsdata inspect",
    "rounds": "kwstrain experiments rounds",
    "ablate": "kwstrain experiments ablate",
    "compare": "kwstrain experiments compare",
}


class Commands(TyperGroup):
    """The commands of one program; one of before is an error that names the new one."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of this name, None if there is none."""
        found = super().get_command(ctx, cmd_name)
        if found is None and (new := RENAMED.get(cmd_name)):
            fail(f"the command `{cmd_name}` is called `{new}` now.")
        return found


def new_app(help_text: str, kind: type[Commands] = Commands) -> typer.Typer:
    """Return an app whose help keeps its line breaks, and which shows no local variables on a crash."""
    return typer.Typer(
        cls=kind,
        help=help_text,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def command(app: typer.Typer, name: str, example: str) -> Callable[[Function], Function]:
    """Register a function as the command `name`.

    A KwsError, or what the operating system refuses, becomes one line on stderr and exit code 1.
    """

    def register(function: Function) -> Function:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that has no "ß" gets its escape
                sys.stdout.reconfigure(errors="backslashreplace")
            typed = f"{example.partition(f' {name}')[0]} {name}"  # kwsdata split, kwstrain experiments rounds
            _RUNNING.set((name, (inspect.getdoc(function) or "").partition("\n")[0]))
            try:
                _check_code(typed.split()[0], name)
                return function(*args, **kwargs)
            except KeyboardInterrupt:
                typer.secho(f"\ninterrupted: {_how_to_go_on(typed, name)}", fg="yellow", err=True)
                sys.stdout.flush()
                os._exit(INTERRUPTED)  # all is let go of; threads of a pool that died with its workers may never end
            except KwsError as error:
                fail(str(error))
            except BrokenPipeError:  # of `kwsdata ... | head`; Click ends quietly
                raise
            except OSError as error:
                if (line := explain(error)) is None:
                    raise
                fail(line)
            except ModuleNotFoundError as error:
                package = (error.name or "").split(".")[0]
                if package not in EXTRA_OF:
                    raise
                fail(str(MissingExtraError(package, EXTRA_OF[package], f"`{name}`")))

        text = f"{function.__doc__}\n\n[bold]Example[/bold]\n\n" + "\n\n".join(
            f"$ {line}" for line in example.splitlines()
        )
        app.command(name, help=text)(guarded)
        return function

    return register


def run_stage(
    run: Callable[..., Any], params: Path, made: Callable[[Any], str], json: bool = False, **options: Any
) -> None:
    """Run a stage with the params of a file: say what it does, then what it made, on one line each.

    Args:
        run: the stage, called with the params and `options`; it shows how far it is, and returns a summary.
        params: their file.
        made: turns the summary into words.
        json: print the whole summary as JSON instead of these.
    """
    settings = load_params(params)
    name, does = _RUNNING.get()
    typer.secho(f"{name}: {does}", fg="cyan", err=True)
    began = time.monotonic()
    with in_use(settings.cache.max_gb):  # which is pruned to `cache.max_gb` when the stage has ended
        summary = run(settings, **options)
    if json:
        show(summary)
        return
    typer.echo(f"{name}: {made(summary)} ({duration(time.monotonic() - began)})")
    sys.stdout.flush()


def _check_code(program: str, name: str) -> None:
    """Refuse to run a stage with other code than the project here was made with, which code.yaml records."""
    if Path("code.yaml").is_file():
        from kwsdata.tools.project.code import check_code

        check_code(program, name)


def _how_to_go_on(typed: str, name: str) -> str:
    if Path("dvc.yaml").is_file() and f"  {name.replace('-', '_')}:\n" in Path("dvc.yaml").read_text(errors="replace"):
        return f"what is finished is kept. Type `dvc repro` (or `{typed}`) again to go on."
    return f"nothing is half written. Type `{typed}` again."


def fail(line: str) -> NoReturn:
    """Print one line on stderr, and end with exit code 1."""
    typer.secho(f"error: {line}", fg="red", err=True)
    raise typer.Exit(1) from None


def safe_name(text: str) -> str:
    """Return `text` as the name of a corpus: letters, digits, `_` and `-`, at most 32 characters."""
    return file_stem(text, 32)


def show(value: Any) -> None:
    """Print a stage's summary as JSON on stdout."""
    as_json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    print(flush=True)  # now, where a full disk behind it can still be told
