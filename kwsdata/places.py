"""Which sound a list of clips is, without decoding it: what caches of work on stored clips are keyed by."""

from collections.abc import Iterable
from pathlib import Path

from lhotse import MonoCut

from kwsdata.draws import digest_of
from kwsdata.files import sha256_of


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
