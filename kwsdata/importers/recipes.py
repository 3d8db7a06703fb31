"""Lhotse's recipes on real trees: a recipe stops at the first damaged file, an importer reports it and goes on.

So a recipe is shown a copy of the tree, made of links, that lacks the sound files whose header cannot be read.
"""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import soundfile
from lhotse import Recording
from tqdm import tqdm

from kwsdata.corpus import Reject
from kwsdata.errors import CorpusError
from kwsdata.importers.source import AUDIO_SUFFIXES


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
        for directory, folders, names in tqdm(os.walk(root), desc="look at headers", unit="folder", disable=None):
            folders.sort()
            here = links / Path(directory).relative_to(root)
            here.mkdir(exist_ok=True)
            for name in sorted(names):
                path = Path(directory, name)
                if name.startswith("."):
                    continue
                key = path.relative_to(root).as_posix()
                if path.suffix.lower() in AUDIO_SUFFIXES:
                    reason = _unreadable(path) if path.is_file() else "no file"
                    if reason is not None:
                        rejects.append(Reject(key, reason))
                        continue
                    keys.append(key)
                if path.is_file():  # opening a named pipe would wait for ever
                    (here / name).symlink_to(path)
        yield ReadableTree(root, links, tuple(rejects), tuple(keys))


def _unreadable(path: Path) -> str | None:
    try:
        info = soundfile.info(str(path))
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        return f"cannot be decoded ({getattr(error, 'error_string', error)})"
    return None if info.frames > 0 else "empty (0 samples)"


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
