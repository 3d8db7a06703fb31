"""Load eSpeak NG's library through ctypes, afresh each time.

The library (GPL-3, from the optional package `espeakng-loader`, used as it is) keeps oscillators, echoes and random
numbers in static memory from one utterance to the next. Unloading it forgets them all, in 2 ms. A private copy of the
file is loaded, so that no other package of the process can hold it in memory. It also reads memory that it has not
written (seen with Klatt voices: a list of phonemes of 14 848 bytes), so that it is given zeros wherever it asks for
memory. API: `speak_lib.h` of eSpeak NG 1.52.
"""

import ctypes
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path

from kwsdata.errors import MissingExtraError

_SYNCHRONOUS, _DONT_EXIT = 2, 0x8000
_M_PERTURB = -6  # of glibc's malloc.h


@dataclass(frozen=True)
class _Installed:
    """Where the copy and the data are."""

    library: Path
    data: Path


@cache
def private_library(needed_for: str = "the speech engine `espeak`") -> _Installed:
    """Return the private copy of the library, made once a process, and eSpeak's data directory.

    Raises:
        MissingExtraError: `espeakng-loader` is not installed.
    """
    try:
        import espeakng_loader
    except ImportError:
        raise MissingExtraError("espeakng-loader", "espeak", needed_for) from None
    directory = tempfile.mkdtemp(prefix="kwsdata-espeak-")
    Finalize(None, shutil.rmtree, args=(directory, True), exitpriority=1)  # at exit, of worker processes too
    source = Path(espeakng_loader.get_library_path())
    copy = Path(shutil.copy(source.resolve(), Path(directory) / source.name))
    return _Installed(copy, Path(espeakng_loader.get_data_path()))


@contextmanager
def fresh_library() -> Iterator[tuple[ctypes.CDLL, int]]:
    """Yield (the library, initialised and without a past; its sample rate in Hz), and unload it afterwards.

    Raises:
        MissingExtraError: `espeakng-loader` is not installed.
    """
    place = private_library()
    with _zeroed_memory():
        library = ctypes.CDLL(str(place.library))
        try:
            rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, str(place.data).encode(), _DONT_EXIT)
            yield library, rate_hz
        finally:
            library.espeak_Terminate()
            _unload(library)


@contextmanager
def _zeroed_memory() -> Iterator[None]:
    """Have malloc hand out zeros rather than what the process left there.

    glibc only, for blocks of more than 1032 bytes: smaller ones come from a thread's own store as they are. Elsewhere
    nothing is changed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        yield
        return
    mallopt(_M_PERTURB, 0xFF)  # memory is filled with the complement of this byte
    try:
        yield
    finally:
        mallopt(_M_PERTURB, 0)


def _unload(library: ctypes.CDLL) -> None:
    import _ctypes  # ctypes itself never gives a library back

    if sys.platform == "win32":
        _ctypes.FreeLibrary(library._handle)
    else:
        _ctypes.dlclose(library._handle)
