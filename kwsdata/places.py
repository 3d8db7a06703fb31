"""Where the sound of clips lies, and which it is without decoding it: what caches of work on clips are keyed by."""

from collections.abc import Iterable
from pathlib import Path

from lhotse import MonoCut

from kwsdata.draws import digest_of
from kwsdata.files import sha256_of


def tars_of(cuts: Iterable[MonoCut]) -> set[Path]:
    """Return the tars that the sound of `cuts` lies in."""
    return {tar_at(place) for cut in cuts if (place := (cut.custom or {}).get("shard"))}


def tar_at(place: str) -> Path:
    """Return the file of "path.tar:offset:size", or of the path of a sound file."""
    path, *numbers = place.rsplit(":", 2)
    return Path(path if len(numbers) == 2 and all(number.isdecimal() for number in numbers) else place)


def digest_of_places(cuts: Iterable[MonoCut]) -> str:
    """Return a digest of the sound of `cuts`: of the tars they lie in (read once each) and their places there."""
    tars: dict[str, str] = {}
    parts: list[str] = []
    for cut in cuts:
        path, *place = (cut.custom or {})["shard"].rsplit(":", 2)
        if path not in tars:
            tars[path] = sha256_of(Path(path))
        parts += [tars[path], *place]
    return digest_of(*parts)
