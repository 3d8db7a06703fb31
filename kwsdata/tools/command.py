"""What the two command lines share: errors as one clear line, the params option, results as JSON."""

import functools
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from typer.core import TyperGroup

from kwsdata.errors import KwsError, MissingExtraError
from kwsdata.execution.cache.pruning import in_use
from kwsdata.files.os_errors import explain
from kwsdata.params import load_params
from kwsdata.text import file_stem

Function = TypeVar("Function", bound=Callable[..., Any])

ParamsOption = Annotated[Path, typer.Option("--params", "-p", help="The file with every number of the project.")]
DEFAULT_PARAMS = Path("params.yaml")

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


RENAMED = {"listen": "inspect"}  # commands of before


class Commands(TyperGroup):
    """The commands of one program; one of before is an error that names the new one."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of this name, None if there is none."""
        found = super().get_command(ctx, cmd_name)
        if found is None and (new := RENAMED.get(cmd_name)) in self.commands:
            _fail(f"the command `{cmd_name}` is called `{new}` now.")
        return found


def new_app(help_text: str) -> typer.Typer:
    """Return an app whose help keeps its line breaks, and which shows no local variables on a crash."""
    return typer.Typer(
        cls=Commands,
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
            try:
                _check_code(example.split()[0], name)
                return function(*args, **kwargs)
            except KwsError as error:
                _fail(str(error))
            except BrokenPipeError:  # of `kwsdata ... | head`; Click ends quietly
                raise
            except OSError as error:
                if (line := explain(error)) is None:
                    raise
                _fail(line)
            except ModuleNotFoundError as error:
                package = (error.name or "").split(".")[0]
                if package not in EXTRA_OF:
                    raise
                _fail(str(MissingExtraError(package, EXTRA_OF[package], f"`{name}`")))

        text = f"{function.__doc__}\n\n[bold]Example[/bold]\n\n" + "\n\n".join(
            f"$ {line}" for line in example.splitlines()
        )
        app.command(name, help=text)(guarded)
        return function

    return register


def run_stage(run: Callable[..., Any], params: Path, **options: Any) -> None:
    """Run a stage with the params of a file, print its summary, and leave the cache within `cache.max_gb`."""
    settings = load_params(params)
    with in_use(settings.cache.max_gb):
        summary = run(settings, **options)
    show(summary)


def _check_code(program: str, name: str) -> None:
    """Refuse to run a stage with other code than the project here was made with, which code.yaml records."""
    if Path("code.yaml").is_file():
        from kwsdata.tools.project.code import check_code

        check_code(program, name)


def _fail(line: str) -> NoReturn:
    typer.secho(f"error: {line}", fg="red", err=True)
    raise typer.Exit(1) from None


def safe_name(text: str) -> str:
    """Return `text` as the name of a corpus: letters, digits, `_` and `-`, at most 32 characters."""
    return file_stem(text, 32)


def show(value: Any) -> None:
    """Print a stage's summary as JSON on stdout."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    print(flush=True)  # now, where a full disk behind it can still be told
