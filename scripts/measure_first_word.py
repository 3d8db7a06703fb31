"""Measure the way from nothing but Python to the report of a first word: seconds and megabytes of each step.

    python scripts/measure_first_word.py [--keyword "hey lumen"] [--numbers tests/tiny.yaml] [--constraints FILE]
                                         [--python PROGRAM] [--folder FOLDER] [--keep]

The wheel of this checkout is built first, which a user does not do and which is not counted. Then, in an empty folder:
a virtual environment, `pip install "kwsdata[all]"`, `kwsdata init`, `dvc repro report`. `--numbers` is laid over the
project's params; without it the run is that of the embedded default. Seconds by the clock include the download from
wherever pip takes packages, and what else the machine does; CPU seconds do not. FOLDER is deleted unless `--keep`.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from measure_extras import ROOT, cpu_of_children_s, size_of

REPORT = Path("data/report/index.html")
CHANGE = "import sys, yaml, kwsdata; kwsdata.change_params(yaml.safe_load(open(sys.argv[1])))"


def main() -> None:
    """Print a row of a Markdown table for each step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keyword", default="hey lumen")
    parser.add_argument("--numbers", type=Path, help="a YAML file of params, such as tests/tiny.yaml")
    parser.add_argument("--constraints", type=Path, help="pip's; by default the newest versions, as a user gets them")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that a user has; by default this one")
    parser.add_argument("--folder", type=Path, help="where it happens; by default the system's")
    parser.add_argument("--keep", action="store_true", help="leave what was made")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=asked.folder, prefix="first-word-"))
    try:
        measure(folder.resolve(), asked)
    finally:
        if not asked.keep:
            shutil.rmtree(folder)


def measure(folder: Path, asked: argparse.Namespace) -> None:
    """Do all steps below `folder`; print what each took.

    Raises:
        subprocess.CalledProcessError: a step failed; its own message is above.
        SystemExit: there is no report in the end.
    """
    wheel = build(folder / "wheel")
    programs, work = folder / "venv" / "bin", folder / "work"
    work.mkdir()
    limits = ["-c", asked.constraints.resolve()] if asked.constraints else []
    pip = [programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
    project = work / "my-word"
    steps = [
        ("a virtual environment", [[asked.python, "-m", "venv", folder / "venv"]], work),
        ('`pip install "kwsdata[all]"`', [[*pip, *limits, f"kwsdata[all] @ {wheel.as_uri()}"]], work),
        ("`kwsdata init`", [[programs / "kwsdata", "init", "my-word", "--keyword", asked.keyword]], work),
        ("`dvc repro report`", [[programs / "dvc", "repro", "report"]], project),
    ]
    if asked.numbers:
        steps[-1][1].insert(0, [programs / "python", "-c", CHANGE, asked.numbers.resolve()])
    print("| step | MB on disk | CPU s | s |\n|---|---|---|---|", flush=True)
    first = time.perf_counter(), cpu_of_children_s(), size_of(folder)
    for name, commands, place in steps:
        before = time.perf_counter(), cpu_of_children_s(), size_of(folder)
        for command in commands:
            run(command, place, programs)
        row(name, before, folder)
    row("all", first, folder)
    if not (project / REPORT).is_file():
        raise SystemExit(f"{project / REPORT} is missing")


def build(out: Path) -> Path:
    """Return the wheel of a copy of this checkout: what a build leaves is not part of it."""
    source = out / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".git", ".dvc", ".venv", "build", "dist", "*.egg-info"))
    run([sys.executable, "-m", "build", "--quiet", "--wheel", "--no-isolation", "--outdir", out, source], out)
    shutil.rmtree(source)
    return next(out.glob("kwsdata-*.whl"))


def run(command: list[object], folder: Path, programs: Path | None = None) -> None:
    """Run a command with the programs of the new environment first on PATH, and none of this checkout's code."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    if programs is not None:
        environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
    subprocess.run([str(word) for word in command], cwd=folder, env=environment, check=True, stdout=sys.stderr)


def row(name: str, before: tuple[float, float, int], folder: Path) -> None:
    """Print what was used since `before`: (seconds, CPU seconds, bytes)."""
    clock_s, cpu_s = time.perf_counter() - before[0], cpu_of_children_s() - before[1]
    megabytes = (size_of(folder) - before[2]) / 1e6
    print(f"| {name} | {megabytes:,.0f} | {cpu_s:,.0f} | {clock_s:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
