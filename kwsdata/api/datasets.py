"""Load a dataset's clips as Lhotse cuts with their sound."""

from collections.abc import Iterator
from pathlib import Path

from lhotse import AudioSource, CutSet, MonoCut
from lhotse.utils import fastcopy

from kwsdata.clips.manifests import read_cuts
from kwsdata.clips.shards import read_bytes, shard_cuts
from kwsdata.clips.view import ClipView
from kwsdata.errors import StageInputError


def load_cuts(manifest: Path | str, root: Path | str = ".") -> CutSet:
    """Return the clips of a manifest (`data/split/train.jsonl.gz`) or of a folder of shards (`data/augmented`), lazily.

    Each cut brings its sound (`cut.load_audio()`, float32 [1, samples] at 16 kHz) and our fields in `cut.custom`; all
    that Lhotse does with cuts works. Iterating twice reads twice; nothing stays in memory.

    Args:
        manifest: the file or folder, relative to `root`.
        root: the project, which the places in manifests are relative to.

    Raises:
        StageInputError: there is no such file or folder (when called), or it or a shard is damaged (when iterated).
    """
    path = Path(root) / manifest
    if not path.exists():
        raise StageInputError(f"{path} is missing: type `dvc repro` to make it, or `dvc pull` to fetch it.")
    return CutSet(_Cuts(path.resolve(), Path(root).resolve()))


class _Cuts:
    """The cuts of a manifest, read anew each time, with their FLAC bytes in memory."""

    def __init__(self, path: Path, root: Path) -> None:
        self._path, self._root = path, root

    def __iter__(self) -> Iterator[MonoCut]:
        for cut in shard_cuts(self._path) if self._path.is_dir() else read_cuts(self._path):
            place = ClipView(cut).place_if_any
            if not place:
                raise StageInputError(f"{self._path}: cut {cut.id} does not say where its sound is: remake it.")
            source = AudioSource(type="memory", channels=[0], source=read_bytes(place, cut.id, self._root))
            yield fastcopy(cut, recording=fastcopy(cut.recording, sources=[source]))
