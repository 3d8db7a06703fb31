"""Measure what each extra costs to install: megabytes on disk and seconds, each in a fresh virtual environment.

    python scripts/measure_extras.py [EXTRA ...] [--constraints FILE] [--torch REQUIREMENT] [--folder FOLDER]

An extra is a name of pyproject.toml, several with commas, or `base` for the package alone. The environment of each is
made below FOLDER, measured and deleted before the next one. Seconds by the clock include the download from wherever pip
takes packages, and what else the machine does; CPU seconds do not. `--torch 'torch==2.13.0+cpu'` installs that build
first and keeps it.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("base", "runtime", "data", "train", "export", "all")


def main() -> None:
    """Print a row of a Markdown table for each extra."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extras", nargs="*", default=EXTRAS)
    parser.add_argument("--constraints", type=Path, default=ROOT / "constraints.txt")
    parser.add_argument("--torch", help="this build of torch, such as torch==2.13.0+cpu")
    parser.add_argument("--folder", type=Path, help="where environments are made; by default the system's")
    asked = parser.parse_args()
    print("| extra | MB on disk | packages | CPU s | s |\n|---|---|---|---|---|", flush=True)
    for extra in asked.extras:
        with tempfile.TemporaryDirectory(dir=asked.folder, prefix="extra-") as folder:
            megabytes, packages, cpu_s, clock_s = measure(extra, asked.constraints, asked.torch, Path(folder))
        print(f"| `{extra}` | {megabytes:,.0f} | {packages} | {cpu_s:.0f} | {clock_s:.0f} |", flush=True)


def measure(extra: str, constraints: Path, torch: str | None, folder: Path) -> tuple[float, int, float, float]:
    """Install an extra in a new environment in `folder`.

    Returns:
        megabytes (10^6 bytes), packages, seconds of CPU, seconds by the clock.
    """
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    empty = size_of(folder)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
    began, cpu_before_s = time.perf_counter(), cpu_of_children_s()
    pinned = folder / "constraints.txt"
    lines = constraints.read_text().splitlines(keepends=True)
    pinned.write_text("".join(line for line in lines if not (torch and line.startswith("torch=="))))
    if torch:
        subprocess.run([*pip, torch], check=True)
    # A copy: pip builds in the folder, and what it leaves there is not part of the checkout.
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".git", ".dvc", ".venv", "build", "*.egg-info"))
    subprocess.run([*pip, "-c", pinned, str(source) if extra == "base" else f"{source}[{extra}]"], check=True)
    clock_s, cpu_s = time.perf_counter() - began, cpu_of_children_s() - cpu_before_s
    shutil.rmtree(source)
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True, text=True
    ).stdout
    return (size_of(folder) - empty) / 1e6, len(listed.splitlines()) - 1, cpu_s, clock_s  # pip itself is no part of it


def cpu_of_children_s() -> float:
    """Return the seconds of CPU that ended child processes have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def size_of(folder: Path) -> int:
    """Return the bytes that the files below `folder` take, without what they share by links."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for path in folder.rglob("*"):
        facts = os.lstat(path)
        if (facts.st_dev, facts.st_ino) not in seen:
            seen.add((facts.st_dev, facts.st_ino))
            total += facts.st_blocks * 512
    return total


if __name__ == "__main__":
    main()
