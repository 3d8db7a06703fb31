"""Put a directory under DVC: git then holds a small pointer, and `dvc push` shares the sound."""

import logging
import subprocess
import sys
from pathlib import Path

from kwsdata.errors import CorpusError

LOG = logging.getLogger(__name__)


def dvc_root(path: Path) -> Path | None:
    """Return the nearest directory at or above `path` that is a DVC repository, or None."""
    path = Path(path).resolve()
    return next((place for place in (path, *path.parents) if (place / ".dvc").is_dir()), None)


def track(directory: Path) -> Path | None:
    """Run `dvc add` on `directory`; an unchanged one changes nothing.

    Returns:
        The pointer file (`DIRECTORY.dvc`), or None outside a DVC repository (then a warning says so).

    Raises:
        CorpusError: `dvc add` failed; the message is DVC's own.
    """
    directory = Path(directory).resolve()
    root = dvc_root(directory)
    if root is None:
        LOG.warning("%s is not tracked: it lies outside a DVC repository (type `dvc init` at the root).", directory)
        return None
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "add", str(directory.relative_to(root))],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise CorpusError(f"`dvc add {directory.relative_to(root)}` failed: {' '.join(lines) or done.stderr.strip()}")
    return directory.with_name(f"{directory.name}.dvc")
