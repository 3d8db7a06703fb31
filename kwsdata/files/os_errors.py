"""Explain an error of the operating system in one line: the file, the reason, the next step."""

import errno
import os
from pathlib import Path

_FULL = (
    "free some space (`df -h` shows where; `kwsdata cache` shows what of it is cache) and run it again; what was there "
    "before is whole"
)
_NEXT_STEP = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: "the file system, or `ulimit -f`, allows no file of this size: write to another one",
    errno.EROFS: "the disk can only be read: mount it for writing, or work in a copy of the project elsewhere",
    errno.EACCES: "`ls -ld` shows who may read and write it: run as that user, or change its mode",
    errno.EPERM: "`ls -ld` shows who may read and write it: run as that user, or change its mode",
    errno.EMFILE: "raise the limit with `ulimit -n 4096`, or set executor.workers to fewer, and run it again",
    errno.ENFILE: "the machine has no more files to give: end other programs, and run it again",
    errno.ENOMEM: "there is no memory left: set executor.workers to fewer, or end other programs",
    errno.EIO: "the disk or the network behind it fails: see `dmesg`, and run it again",
    errno.ESTALE: "the network disk behind it has changed: mount it again, and run it again",
    errno.ENOENT: "there is no such file or directory: check the name",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOTDIR: "a file is where a directory should be: move it away",
    errno.EISDIR: "a directory is where a file should be: name a file, or move it away",
    errno.ENOTEMPTY: "another program writes there: end it, and run it again",
    errno.EBUSY: "another program uses it: end it, and run it again",
    errno.ELOOP: "symbolic links lead in a circle: mend them",
}


def explain(error: OSError) -> str | None:
    """Return the line for `error`; None if it does not come from the operating system, so that only its trace helps."""
    number = error.errno
    if number is None:
        return None
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    where = " and ".join(names) or "a file"
    said = f"{where}: {os.strerror(number)} ({errno.errorcode.get(number, number)})"
    step = _NEXT_STEP.get(number)
    return f"{said}: {step}." if step else f"{said}."


def with_file(error: OSError, path: Path) -> OSError:
    """Return `error`, of writing the file or directory `path`, with that name, where it has none."""
    if error.errno is None and " requested and " in str(error):  # NumPy's, of a write that ended early
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    if error.errno is not None and error.filename is None:
        error.filename = str(path)
    return error
