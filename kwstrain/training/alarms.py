"""Choose the negatives that a model takes for the keyword, as windows that training hears more often.

    DIR/alarms.npy    int64 [alarms, 2]: a clip's number in the feature store, and the frame at which it says so

What is mined before training by likeness to the keyword (`mine_negatives`) may be easy for the model; what raises a
model's own false alarms is what it has to learn (A. Shrivastava et al., Training region-based object detectors with
online hard example mining, CVPR 2016). Copies count as clips of their own: a word may be one only in a room.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from kwsdata.errors import StageInputError
from kwsdata.features.store import ClipRow
from kwsdata.files.arrays import map_array

FILE = "alarms.npy"
APART_S = 1.5  # two alarms of a clip are at least as far from each other


def find_alarms(
    clips: Sequence[ClipRow],
    log_odds: Sequence[np.ndarray],
    stride: int,
    hop_s: float,
    unlabelled: Collection[str],
    at_least: float,
    per_clip: int,
) -> np.ndarray:
    """Return the loudest false alarms of negative clips, int64 [alarms, 2]: clip number and frame, in that order.

    Args:
        clips: of the feature store, keywords too.
        log_odds: of each clip, [decisions]: decision j has heard the frames before (j + 1) stride.
        stride: frames from one decision to the next.
        hop_s: seconds from one frame to the next.
        unlabelled: corpora of which nothing is known to be negative.
        at_least: log-odds of the keyword from which a decision is an alarm.
        per_clip: the most alarms that are kept of a clip.
    """
    apart = max(1, round(APART_S / (hop_s * stride)))
    found = []
    for number, (clip, said) in enumerate(zip(clips, log_odds, strict=True)):
        if clip.label == "keyword" or clip.corpus in unlabelled:
            continue
        rest = said.astype(np.float32)
        for _ in range(per_clip):
            if rest.size == 0 or rest.max() < at_least:
                break
            place = int(rest.argmax())
            found.append((number, (place + 1) * stride - 1))
            rest[max(0, place - apart) : place + apart + 1] = -np.inf
    return np.asarray(sorted(found), np.int64).reshape(-1, 2)


def read_alarms(directory: Path, clips: int) -> np.ndarray:
    """Return the alarms below `directory`, int64 [alarms, 2].

    Raises:
        StageInputError: the file is missing or damaged, or names a clip that a store of `clips` has not.
    """
    alarms = np.array(map_array(Path(directory) / FILE, "dvc repro scout"))
    if alarms.ndim != 2 or alarms.shape[1] != 2 or (alarms.size and not 0 <= alarms[:, 0].max() < clips):
        raise StageInputError(f"{directory}/{FILE} is not of these {clips} clips: type `dvc repro scout`.")
    return alarms
