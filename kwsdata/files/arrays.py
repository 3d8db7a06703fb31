"""Read numpy arrays from files, and refuse pickled objects, which could run code."""

from pathlib import Path

import numpy as np

from kwsdata.errors import StageInputError


def map_array(path: Path, remake: str) -> np.ndarray:
    """Return the array of a .npy file, which stays on disk until it is sliced.

    Raises:
        StageInputError: it is missing or damaged; `remake` is what to type.
    """
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # NumPy reads heads with Python's parser: its errors share no base class
        raise _damaged(path, error, remake) from None


def arrays_in(path: Path, remake: str) -> dict[str, np.ndarray]:
    """Return the arrays of a .npz file by name.

    Raises:
        StageInputError: it is missing or damaged; `remake` is what to type.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # the same, and those of zip files
        raise _damaged(path, error, remake) from None


def _damaged(path: Path, error: Exception, remake: str) -> StageInputError:
    what = (
        "is missing"
        if isinstance(error, FileNotFoundError)
        else f"cannot be read ({' '.join(str(error).split()) or type(error).__name__})"
    )
    return StageInputError(f"{path} {what}: remake it with `{remake}`, or type `dvc pull`.")
