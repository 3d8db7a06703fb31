"""Write the scores of a stream of any length as an .npz file without holding them.

The arrays go to temporary files as they come; at the end these are copied into the archive, which is where their length
is needed first. `numpy.load` reads `time_s` float64 [frames] and `score` float32 [frames]: one frame a decision of the
model, its time and the probability before the vote.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from kwsdata.files.atomic import atomic_path

COLUMNS: dict[str, np.dtype] = {"time_s": np.dtype("<f8"), "score": np.dtype("<f4")}


class Trace:
    """Decisions on their way into a file: `add` as they come."""

    def __init__(self, spools: dict[str, IO[bytes]]) -> None:
        self._spools = spools
        self._count = 0

    def add(self, time_s: np.ndarray, score: np.ndarray) -> None:
        """Append decisions: both [k]."""
        for (name, dtype), values in zip(COLUMNS.items(), (time_s, score), strict=True):
            self._spools[name].write(np.asarray(values, dtype).tobytes())
        self._count += len(time_s)

    def write(self, path: Path) -> None:
        """Write everything added as the .npz file `path`, atomically."""
        with atomic_path(path) as scratch, zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, dtype in COLUMNS.items():
                header = {"descr": dtype.str, "fortran_order": False, "shape": (self._count,)}
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array_header_1_0(member, header)
                    self._spools[name].seek(0)
                    shutil.copyfileobj(self._spools[name], member)


@contextmanager
def trace_to(path: Path) -> Iterator[Trace]:
    """Yield a `Trace` that becomes the file `path` when the block ends without an error."""
    with ExitStack() as stack:
        trace = Trace({name: stack.enter_context(tempfile.TemporaryFile()) for name in COLUMNS})
        yield trace
        trace.write(path)
