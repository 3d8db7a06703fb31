"""The wheel and the source archive of this checkout, built in a copy of it without asking an index."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from imports import PACKAGES, ROOT

# Folders whose outputs are no part of the source: of `data`, the pages that say what belongs where.
_LEFT_OUT = {"data", "build", "dist", "dvclive"}


def source_tree(folder: Path) -> Path:
    """Copy what git would have of this checkout (tracked or not yet added) to `folder`, and return it."""
    visible = (path for path in ROOT.iterdir() if path.name not in _LEFT_OUT and path.name[0] != ".")
    hidden = (ROOT / name for name in (".ci", ".dvcignore", ".gitignore", ".pre-commit-config.yaml"))
    folder.mkdir()
    for path in [*visible, *hidden]:
        if path.is_dir():
            junk = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*_cache")
            shutil.copytree(path, folder / path.name, ignore=junk)
        else:
            shutil.copy(path, folder)
    for path in ROOT.glob("data/*/README.md"):
        (folder / path.relative_to(ROOT)).parent.mkdir(parents=True)
        shutil.copy(path, folder / path.relative_to(ROOT))
    return folder


def build(folder: Path) -> tuple[Path, Path]:
    """Build in `folder`: the source archive, and the wheel from that archive. Return (wheel, source archive)."""
    tree = source_tree(folder / "tree")
    call([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(tree)], folder)
    return next((folder / "dist").glob("*.whl")), next((folder / "dist").glob("*.tar.gz"))


def install(wheel: Path, target: Path) -> Path:
    """Install `wheel` without its dependencies into the new folder `target`, and return it."""
    call([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target),
          str(wheel)], target.parent)  # fmt: skip
    return target


def surroundings(installed: Path) -> dict[str, str]:
    """Return an environment in which the packages below `installed` are found, and this checkout is not."""
    path = os.pathsep.join((str(installed / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]))
    return os.environ | {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1", "PATH": path}


def call(command: list[str], cwd: Path, environment: dict[str, str] | None = None) -> str:
    """Run `command`; return what it printed, or fail with it."""
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def files_of_packages() -> set[str]:
    """Return the files of the packages in this checkout, relative to its root, without what Python writes beside."""
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
