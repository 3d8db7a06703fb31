"""Put a directory under DVC: git keeps a pointer, and `dvc push` shares the content."""

import logging
import math
import subprocess
import sys
import time
from pathlib import Path

from kwsdata.errors import CorpusError
from kwsdata.files.locks import locked

LOG = logging.getLogger(__name__)
BUSY_S = 60.0  # how long a DVC that somebody else started is waited for
_BUSY, _NO_GIT = "Unable to acquire lock", "is not a git repository"  # in DVC's words


def dvc_root(path: Path) -> Path | None:
    """Return the nearest directory at or above `path` that is a DVC repository, or None."""
    path = Path(path).resolve()
    return next((place for place in (path, *path.parents) if (place / ".dvc").is_dir()), None)


def track(directory: Path) -> Path | None:
    """Run `dvc add` on `directory`; an unchanged one changes nothing.

    Imports at once wait for each other here, since DVC lets one process at a time into a repository.

    Returns:
        The pointer file (`DIRECTORY.dvc`), or None outside a DVC or git repository (then a warning says so).

    Raises:
        CorpusError: `dvc add` failed; the message is DVC's own.
    """
    directory = Path(directory).resolve()
    root = dvc_root(directory)
    if root is None:
        LOG.warning("%s is not tracked: it lies outside a DVC repository (type `dvc init` at the root).", directory)
        return None
    name = directory.relative_to(root).as_posix()
    (root / ".dvc" / "tmp").mkdir(exist_ok=True)
    with locked(root / ".dvc" / "tmp" / "kwsdata-add", patience_s=math.inf):
        done = _add(name, root)
    if done.returncode != 0 and _NO_GIT in done.stderr:
        LOG.warning(
            "%s is not tracked: %s is no git repository. Type `git init`, or `dvc config --local core.no_scm true` to "
            "work without history, then `dvc add %s`.",
            *(directory, root, name),
        )
        return None
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise CorpusError(
            f"`dvc add {name}` failed: {' '.join(lines) or done.stderr.strip()} Type it again once that is mended; "
            "what was imported is whole."
        )
    return directory.with_name(f"{directory.name}.dvc")


def _add(name: str, root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dvc", "add", "--", name]
    until = time.monotonic() + BUSY_S
    while True:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode == 0 or _BUSY not in done.stderr or time.monotonic() > until:
            return done
