"""A dataset's clips as a torch dataset: sound and label, read when asked for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from kwsdata.clips.manifests import read_cuts
from kwsdata.clips.shards import read_place, shard_cuts
from kwsdata.clips.view import ClipView
from kwsdata.errors import StageInputError


class ClipDataset(Dataset[tuple[torch.Tensor, int]]):
    """(sound float32 [samples] at 16 kHz, 1 for a keyword and 0 for all else) of each clip of a manifest.

    Clips differ in length: give a `DataLoader` a `collate_fn`, or a batch size of 1. Workers may share it; the sound
    stays on disk until it is asked for. `ids` and `labels` are those of the clips, in order.
    """

    def __init__(self, manifest: Path | str, root: Path | str = ".", labels: Sequence[str] | None = None) -> None:
        """List the clips of `manifest` (a .jsonl.gz file, or a folder of shards such as data/augmented).

        Args:
            manifest: relative to `root`.
            root: the project, which the places in manifests are relative to.
            labels: keep these alone: keyword, confusable, speech, noise.

        Raises:
            StageInputError: there is no such file or folder, or it is damaged, or has no clip with one of `labels`.
        """
        path, self._root = (Path(root) / manifest).resolve(), Path(root).resolve()
        if not path.exists():
            raise StageInputError(f"{path} is missing: type `dvc repro` to make it, or `dvc pull` to fetch it.")
        self.ids: list[str] = []
        self.labels: list[str] = []
        self._places: list[str] = []
        for cut in shard_cuts(path) if path.is_dir() else read_cuts(path):
            clip = ClipView(cut)
            label = str(clip.label_if_any)
            if labels is None or label in labels:
                self.ids.append(cut.id)
                self.labels.append(label)
                self._places.append(clip.place)
        if not self.ids:
            raise StageInputError(f"{path} has no clip" + (f" that is {' or '.join(labels)}." if labels else "."))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        """Return clip `number`.

        Raises:
            StageInputError, AudioError: its shard is missing or damaged.
        """
        wave = read_place(self._places[number], self.ids[number], self._root)
        return torch.from_numpy(np.array(wave)), int(self.labels[number] == "keyword")
