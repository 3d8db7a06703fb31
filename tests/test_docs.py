"""The pages are true: commands exist and are run somewhere, links lead somewhere, the reference is the code's."""

import doctest
import re
import shlex
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer
from imports import ROOT

from kwsdata import cli as data_cli
from kwsdata.params import Params
from kwstrain import cli as train_cli
from kwstrain.evaluation.intervals import poisson_upper

sys.path.append(str(ROOT / "scripts"))

import make_reference

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
APPS = {"kwsdata": data_cli.app, "kwstrain": train_cli.app}

# A command that a page shows is run for real by the test named here, with other paths and small numbers...
E2E, REMOTES, CLUSTER = "test_end_to_end.py", "kwsdata/tools/dataset/test_remotes.py", "support/clusters.py"
PROJECT = "test_project.py"
RUN_BY = {
    "dvc checkout": REMOTES,
    "dvc exp run": E2E,
    "dvc exp show": E2E,
    "dvc gc": REMOTES,
    "dvc import": REMOTES,
    "dvc pull": E2E,
    "dvc push": E2E,
    "dvc remote add": E2E,
    "dvc repro": E2E,
    "dask scheduler": CLUSTER,
    "dask worker": CLUSTER,
    "kwsdata import": E2E,
    "kwsdata init": PROJECT,
    "kwsdata repair": E2E,
    "kwsdata status": PROJECT,
    "kwsdata upgrade": PROJECT,
    "kwsdata verify": REMOTES,
    "kwstrain detect": E2E,
    "kwstrain field-test": E2E,
    "torchrun": "kwstrain/stages/train/test_train.py",
}
# ... or its stage is (`dvc repro` runs it), or its function is called by tests of the package of that name, ...
STAGES_AND_FUNCTIONS = {
    "kwsdata": {
        "cache",
        "card",
        "check",
        "diff",
        "embed",
        "exclude",
        "inspect",
        "lock",
        "mine-negatives",
        "publish",
        "review",
    }
    | {"stats", "trace", "synthesize", "index", "split", "augment", "featurize", "simulate-rirs", "make-testsets"}
    | {"embed-augmented"},
    "kwstrain": {
        "bundle",
        "scout",
        "evaluate",
        "experiments ablate",
        "experiments compare",
        "experiments page",
        "experiments rounds",
        "experiments seeds",
        "export",
        "pretrain",
        "quantize",
        "quantization-report",
        "report",
        "teach",
        "train",
    }
    | {"train-teacher"},
}
# ... or it is not run by a test, for this reason.
NOT_RUN = {
    "cd": "the shell's",
    "cp": "the shell's",
    "examples/c/build.sh": "tests/examples/test_c.py runs it",
    "OMP_NUM_THREADS=1 python": "benchmarks take minutes",
    "dvc dag": "it draws",
    "dvc exp apply": "the page shows its output of a run by hand",
    "dvc exp diff": "the page shows its output of a run by hand",
    "dvc params diff": "the page shows its output of a run by hand",
    "dvc plots diff": "the page shows its output of a run by hand",
    "dvc queue": "a queue takes minutes; the page shows its output of a run by hand",
    "dvc remote modify": "the test writes the same file, to save a second for each option",
    "dvc remove": "DVC's own",
    "dvc update": "DVC's own",
    "git": "git's own",
    "make": "they set up an environment and run everything",
    "pip": "it installs",
    "source": "it is the shell's",
    "python": "scripts and benchmarks take minutes; that they exist is checked here",
    "scripts/": "they take hours; that they exist is checked here",
    "EXTRAS=": "it installs",
    "grep": "the shell's",
    "same=": "the shell's",
}


def shown(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands in a page's console blocks: (page, words)."""
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text(), re.M | re.S):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            if line.startswith("$ "):
                for part in re.split(r"\s(?:&&|\|)\s", line[2:]):
                    yield page.name, shlex.split(re.sub(r"\s>\s.*", "", part), comments=True)


COMMANDS = [each for page in PAGES for each in shown(page)]


@cache
def all_tests() -> str:
    return "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py") if path.name != "test_docs.py")


def entry(words: list[str], table: dict[str, str]) -> str | None:
    """Return the key of `table` that a command begins with."""
    said = " ".join(words)
    return next((key for key in sorted(table, key=len, reverse=True) if f"{said} ".startswith(key)), None)


def test_pages_show_commands():
    assert len(COMMANDS) > 50


@pytest.mark.parametrize(("page", "words"), COMMANDS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_command_shown_exists_with_its_options(page, words):
    program, *rest = words
    if program in APPS:
        group = typer.main.get_command(APPS[program])
        while hasattr(group, "commands"):
            name, *rest = rest
            assert name in group.commands, f"{page}: {' '.join(words)}"
            group = group.commands[name]
        if "--help" not in rest:
            group.make_context(name, rest)  # raises for an option that does not exist
    elif program == "dvc":
        from dvc.cli import parse_args

        parse_args(rest)
    elif program == "make":
        assert all(f"\n{target}:" in (ROOT / "Makefile").read_text() for target in rest if "=" not in target)
    elif program == "python" and rest[0].endswith(".py"):
        assert (ROOT / rest[0]).exists()
    elif "/" in program:
        assert (ROOT / program).exists()


@pytest.mark.parametrize(("page", "words"), COMMANDS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_command_shown_is_run_by_a_test_or_has_a_reason(page, words):
    if (key := entry(words, RUN_BY)) is not None:
        text = (ROOT / "tests" / RUN_BY[key]).read_text()
        missing = [
            word for word in key.split() if not re.search(rf"\"{word}\"|\b{word}\(|torch\.distributed\.run", text)
        ]
        assert not missing, f"{RUN_BY[key]} does not run `{key}`"
    elif words[0] in APPS:
        name = " ".join(words[1:3]) if words[1] == "experiments" else words[1]
        assert name in STAGES_AND_FUNCTIONS[words[0]], f"{page}: which test runs `{' '.join(words)}`?"
        last = name.split()[-1]
        assert re.search(rf"import .*\b{last.split('-')[0]}|{last.replace('-', '_')}", all_tests())
    else:
        assert entry(words, NOT_RUN) is not None, f"{page}: `{' '.join(words)}` is neither run nor excused"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        there = page.parent / name if name else page
        assert there.exists(), f"{page.name} links to {target}"
        if heading:
            titles = re.findall(r"^#+ (.*)$", there.read_text(), re.M)
            anchors = {re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in anchors, f"{page.name} links to {target}"


def test_what_python_prints_in_the_readme_is_what_it_prints(monkeypatch):
    monkeypatch.chdir(ROOT)
    (shown_there,) = re.findall(r"^```pycon\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    examples = doctest.DocTestParser().get_doctest(shown_there, {}, "README.md", "README.md", 0)
    assert len(examples.examples) >= 5
    assert doctest.DocTestRunner().run(examples).failed == 0


def test_pages_that_other_texts_name_exist():
    texts = [*ROOT.glob("data/*/README.md"), *(path for name in APPS for path in (ROOT / name).rglob("*.py"))]
    named = {(text.name, page) for text in texts for page in re.findall(r"\bdocs/[\w/-]+\.md", text.read_text())}
    assert len(named) >= 2
    assert not [place for place in named if not (ROOT / place[1]).exists()]


def test_every_page_is_in_the_index():
    index = (ROOT / "docs/README.md").read_text()
    assert not [page.name for page in PAGES if page.parent.name == "docs" and f"({page.name}" not in index
                and page.name != "README.md"]  # fmt: skip


def test_the_reference_is_current():
    made = make_reference.page()
    assert (ROOT / "docs/reference.md").read_text() == made, "type: python scripts/make_reference.py"


def test_the_reference_is_complete():
    text = (ROOT / "docs/reference.md").read_text()
    for program, app in APPS.items():
        for name, command in make_reference.leaves(typer.main.get_command(app)).items():
            assert f"\n### {program} {name}\n" in text
            section = text.split(f"\n### {program} {name}\n")[1].split("\n### ")[0]
            for option in command.params:
                if option.name != "help":
                    assert (option.opts[0] if option.param_type_name == "option" else option.name.upper()) in section
    for name, field in Params.model_fields.items():
        section = text.split(f"\n### {field.alias or name}\n")[1].split("\n### ")[0]
        for key in field.annotation.model_fields:
            assert re.search(rf"`{key}[.`]", section), f"{name}.{key}"


def test_the_table_of_hours_is_what_the_metrics_say():
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) / h \| ([\d.]+) \|$", (ROOT / "docs/explanation.md").read_text(), re.M)
    assert len(rows) == 4
    for alarms, limit, hours in rows:
        assert float(limit) == pytest.approx(poisson_upper(int(alarms), 1.0), rel=2e-3)
        assert float(hours) == pytest.approx(poisson_upper(int(alarms), 1.0), abs=0.05)
