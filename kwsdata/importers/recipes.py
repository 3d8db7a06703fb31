"""Run Lhotse's recipes on trees with damaged files, which are reported and passed over.

So a recipe is shown a copy of the tree, made of links, that lacks the sound files whose header cannot be read.
"""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lhotse import Recording

from kwsdata.clips.corpus import Reject
from kwsdata.errors import AudioError, CorpusError
from kwsdata.execution.progress import progress
from kwsdata.soundfiles.folders import walk
from kwsdata.soundfiles.formats import SUFFIXES
from kwsdata.soundfiles.reader import open_sound


@dataclass(frozen=True)
class ReadableTree:
    """`links`: the copy of `root` that a recipe reads; `rejects`: what it lacks; `keys`: every sound it holds."""

    root: Path
    links: Path
    rejects: tuple[Reject, ...]
    keys: tuple[str, ...]

    def key_of(self, recording: Recording) -> str:
        """Return the path below `root` of a recording that a recipe made from `links`."""
        return Path(recording.sources[0].source).relative_to(self.links).as_posix()


@contextmanager
def readable_tree(root: Path) -> Iterator[ReadableTree]:
    """Yield `root` without its unreadable sound files, as a tree of links that is removed afterwards."""
    root = root.resolve()
    rejects, keys = [], []
    with tempfile.TemporaryDirectory(prefix="kwsdata-") as place:
        links = Path(place).resolve()
        for found in progress(walk(root), "look at headers", "file"):
            sound = found.path.suffix.lower() in SUFFIXES
            reason = found.fault or (_unreadable(found.path) if sound else None)
            if reason is not None:
                rejects.append(Reject(found.key, reason))
                continue
            if sound:
                keys.append(found.key)
            link = links / found.path.relative_to(root)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(found.path)
        yield ReadableTree(root, links, tuple(rejects), tuple(keys))


def _unreadable(path: Path) -> str | None:
    try:
        with open_sound(path) as sound:
            return "empty (0 samples)" if sound.frames == 0 else None
    except AudioError as error:
        return str(error)


@contextmanager
def recipe_errors(tree: ReadableTree) -> Iterator[None]:
    """Turn whatever a recipe raises into one line; keep it from warning of what is a reject already.

    Raises:
        CorpusError: the recipe stopped; paths are those of the tree it was given, not of the links.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    except Exception as error:  # a recipe may raise anything
        said = " ".join(str(error).split()).replace(str(tree.links), str(tree.root))
        raise CorpusError(
            f"{tree.root} cannot be read by Lhotse's recipe ({type(error).__name__}: {said}): mend what it names, or "
            "import the sound files with `kwsdata import folder`."
        ) from error
    finally:
        logging.disable(before)
