"""What files hold, by their hashes."""

from pathlib import Path

from kwsdata.files.atomic import sha256_of


def hashes(directory: Path) -> dict[str, str]:
    """Return {path below `directory`: SHA-256} of every file; of a file, {".": SHA-256}."""
    files = (path for path in [directory, *sorted(directory.rglob("*"))] if path.is_file())
    return {str(path.relative_to(directory)): sha256_of(path) for path in files}
