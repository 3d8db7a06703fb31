"""The sources of a clip's own sound, with their licences, from its fields."""

from collections.abc import Sequence

from kwsdata.clips.corpus import MADE_HERE
from kwsdata.clips.view import Fields
from kwsdata.licences.voices import voice_source


def own_sources(
    corpus: str, licence: str, clip: Fields, credits: Sequence[tuple[str, str]] = ()
) -> tuple[tuple[str, str], ...]:
    """Return (source, licence) of each source that a clip's own sound has, as its row tells it; all of them count.

    Args:
        corpus, licence: what the row says.
        clip: where the engine and the voice of a synthetic clip are.
        credits: (source, licence) of all that is heard in a clip from elsewhere.
    """
    voice = voice_source(corpus, clip)
    named = [*credits, *([voice] if voice is not None else [])]
    told = {one for _, one in credits} | ({MADE_HERE} if voice is not None else set())
    return tuple(named if named and licence in told else [*named, (corpus, licence)])
