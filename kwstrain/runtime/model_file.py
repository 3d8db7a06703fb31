"""A model file, read once: the bytes that run are the bytes that were compared with their hash."""

import hashlib
from pathlib import Path

from kwsdata.errors import StageInputError

LARGEST = 1 << 30  # bytes; a student has some hundred thousand, a teacher some millions


def read_model_file(path: Path, sha256: str | None = None) -> bytes:
    """Return the bytes of `path`, whose SHA-256 is to be `sha256` where one is given.

    Raises:
        StageInputError: the file is missing, is larger than `LARGEST`, or has another hash.
    """
    path = Path(path)
    if not path.is_file():
        raise StageInputError(f"{path} is missing: type `dvc repro export` or `dvc pull`.")
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise StageInputError(f"{path} has more than {LARGEST >> 20} MiB: it is no model of a wake word.")
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256:
        raise StageInputError(
            f"{path} is not the file that was exported: its SHA-256 is {found[:12]}..., its description says "
            f"{sha256[:12]}.... Fetch both again with `dvc pull`, or remake them with `dvc repro export`."
        )
    return data
