"""Read the project's files from disk, or as a git revision recorded them, without a checkout."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

from kwsdata.errors import KwsError

WORKSPACE = "workspace"
LOCK = "dvc.lock"


class RevisionError(KwsError):
    """A revision does not exist, records no stage outputs, or its data is not to be had here."""


@dataclass(frozen=True)
class Tree:
    """Files of one state of the project, by paths relative to its root. `commit` is None for the workspace."""

    name: str
    fs: AbstractFileSystem
    commit: str | None = None

    def find(self, pattern: str) -> list[str]:
        """Return the paths that match a glob, sorted, without hidden ones: scratch is hidden.

        Raises:
            RevisionError: DVC knows the directory, and neither the cache nor a remote has its list of files.
        """
        try:
            return sorted(str(path) for path in self.fs.glob(pattern) if "/." not in f"/{path}")
        except Exception as error:
            if type(error).__name__ != "DataIndexDirError":  # of dvc_data, which only revisions import
                raise
            raise self._absent(pattern) from None

    def exists(self, path: str) -> bool:
        """Return whether there is such a file or directory."""
        return bool(self.fs.exists(path))

    def open(self, path: str) -> Any:
        """Open a file for reading bytes.

        Raises:
            RevisionError: DVC knows the file, and neither the cache nor a remote has it.
            FileNotFoundError: there is no such file.
        """
        try:
            return self.fs.open(path, "rb")
        except FileNotFoundError:
            if self.commit is None or not self.exists(path):
                raise
            raise self._absent(path) from None

    def _absent(self, path: str) -> RevisionError:
        return RevisionError(
            f"{path} of {self.name} is neither in DVC's cache nor on a remote: type `dvc push` where it was made (or "
            f"`git checkout {self.name}; dvc repro`), see with `dvc remote list` whether its disk is mounted, and try "
            "again."
        )


def open_tree(revision: str | None = None, root: Path = Path()) -> Tree:
    """Return the workspace at `root` (None), or a git revision, tag, branch or DVC experiment.

    Raises:
        RevisionError: no such revision; no DVC repository; or the revision has no dvc.lock.
    """
    if revision in (None, WORKSPACE):
        return Tree(WORKSPACE, DirFileSystem(str(Path(root).resolve()), LocalFileSystem()))
    assert revision is not None
    commit = resolve(revision, root)
    from dvc.api import DVCFileSystem  # a second to import, and only revisions need it
    from dvc.exceptions import DvcException

    below = git(root, "rev-parse", "--show-prefix").rstrip("/")  # of a project in a directory of a greater repository
    try:
        fs = DVCFileSystem(str(root), rev=commit, subrepos=bool(below))
        tree = Tree(revision, DirFileSystem(f"/{below}", fs) if below else fs, commit)
    except DvcException as error:
        raise RevisionError(f"{revision} cannot be read: {error}") from None
    if not tree.exists(LOCK):
        raise RevisionError(
            f"{revision} ({commit[:10]}) has no {LOCK}, the record of what its stages made: nothing says which data "
            f"belongs to it. Commit one with a version of the dataset (`dvc repro`, `git add {LOCK}`, `git commit`); "
            "an experiment (`dvc exp run`, `dvc exp list`) always has one."
        )
    return tree


def resolve(revision: str, root: Path = Path()) -> str:
    """Return the commit of a revision or of an experiment's name.

    Raises:
        RevisionError: it is neither.
    """
    for name in (revision, f"refs/exps/**/{revision}"):
        if "*" in name:
            found = git(root, "for-each-ref", "--format=%(objectname)", name).splitlines()
        else:
            found = git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").splitlines()
        if found:
            return found[0]
    if shutil.which("git") is None:
        raise RevisionError(f"{revision!r} cannot be looked up: git is not installed.")
    raise RevisionError(
        f"{revision!r} is no revision of the git repository at {Path(root).resolve()}, nor an experiment: "
        "see `git log --oneline` and `dvc exp list`."
    )


def git(root: Path, *arguments: str) -> str:
    """Return what git says, stripped; nothing where it fails, or is not installed."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, errors="replace", check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
