"""Keep freed memory in the process, and keep garbage collection away from imported modules.

A page of memory that is handed back must be cleared again when it is next used. glibc returns freed memory at the
heap's end to the system as soon as there is more than a little of it. Sound of some seconds passes through a dozen
arrays of that size a clip: on clips of 4 and 6 s a seventh and a fifth of the time of augmentation went into fresh
pages. And Python's garbage collector walks every now and then through all objects there are, of which the imported
modules alone make hundreds of thousands: 3 % of the time.
"""

import ctypes
import gc
from functools import lru_cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's numbers of the two settings (malloc.h)
_KEPT = 64 << 20  # bytes at the heap's end that are kept
_LARGE = 32 << 20  # bytes from which an array has pages of its own: the most that glibc takes


@lru_cache(maxsize=1)
def keep_freed_memory() -> bool:
    """Have this process keep up to 64 MB of freed memory; return whether its C library could be told (glibc's can)."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another library, or Windows
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGE) and mallopt(_TRIM_THRESHOLD, _KEPT))


@lru_cache(maxsize=1)
def leave_imports_uncollected() -> None:
    """Have the garbage collector of this process pass by all objects that exist now (called again: nothing)."""
    gc.collect()
    gc.freeze()
