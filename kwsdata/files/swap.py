"""Exchange two paths in one system call, so that neither is ever missing."""

import ctypes
import errno
import os
import sys
from pathlib import Path

_AT_FDCWD = -100  # paths are relative to the current directory, as everywhere
_RENAME_EXCHANGE = 2  # Linux, <linux/fs.h>
_RENAME_SWAP = 2  # macOS, <stdio.h>
# The kernel, the C library or the file system (NFS, some FUSE) cannot do it.
_CANNOT = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM}


def swap(first: Path, second: Path) -> bool:
    """Give each path, of one file system, the other's file or directory; return False where that cannot be done.

    Raises:
        OSError: one of them is missing, or may not be renamed.
    """
    if os.name != "posix":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(first), os.fsencode(second)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        failed = library.renamex_np(*names, ctypes.c_uint(_RENAME_SWAP))
    elif hasattr(library, "renameat2"):
        failed = library.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], ctypes.c_uint(_RENAME_EXCHANGE))
    else:
        return False
    if failed:
        code = ctypes.get_errno()
        if code not in _CANNOT:
            raise OSError(code, os.strerror(code), str(second))
    return not failed
