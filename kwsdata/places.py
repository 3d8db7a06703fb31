"""Where the sound of clips lies, and which it is without decoding it: what cached work on clips is keyed by."""

from collections.abc import Iterable
from pathlib import Path

from lhotse import MonoCut

from kwsdata.content import digest_at


def tars_of(cuts: Iterable[MonoCut]) -> set[Path]:
    """Return the tars that the sound of `cuts` lies in."""
    return {tar_at(place) for cut in cuts if (place := (cut.custom or {}).get("shard"))}


def tar_at(place: str) -> Path:
    """Return the file of "path.tar:offset:size", or of the path of a sound file."""
    path, *numbers = place.rsplit(":", 2)
    return Path(path if len(numbers) == 2 and all(number.isdecimal() for number in numbers) else place)


def digest_of_places(cuts: Iterable[MonoCut]) -> str:
    """Return a digest of the sound of `cuts`, in order: of the bytes at their places."""
    return digest_at((cut.custom or {})["shard"] for cut in cuts)
