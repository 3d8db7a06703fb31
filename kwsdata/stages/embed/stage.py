"""Turn the clips of each partition into vectors, and index those that mining searches.

    data/embeddings/{train,dev,test}/{keyword,negative}/    stores (kwsdata.vectors.store)
    data/embeddings/train/index/                            of train's negatives (kwsdata.vectors.index)
    data/embeddings/embeddings.json                         embedder, counts; with `embed.embedder: null` nothing else

Shards of vectors are kept in the cache: a corpus that is added is all that is embedded.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lhotse import MonoCut

from kwsdata.clips.manifests import read_cuts
from kwsdata.clips.partitions import PARTITIONS
from kwsdata.clips.view import ClipView
from kwsdata.files.atomic import atomic_path, write_json
from kwsdata.params import Params
from kwsdata.vectors.fill import fill_from_cuts
from kwsdata.vectors.index import build_index
from kwsdata.vectors.store import VectorStore

SIDES = ("keyword", "negative")


def run(params: Params, split: Path = Path("data/split"), out: Path = Path("data/embeddings")) -> dict[str, Any]:
    """Write the stores and the index below `out`, and `out/embeddings.json` (counts); return the latter.

    Raises:
        ParamsError: `embed.embedder` is unknown.
        MissingExtraError: its package is not installed.
        StageInputError: a manifest or a clip's sound is missing or damaged.
    """
    block = params.embed
    counts: dict[str, dict[str, int]] = {}
    index = None
    with atomic_path(out) as scratch:
        scratch.mkdir()
        for partition in PARTITIONS if block.embedder is not None else ():
            manifest = split / f"{partition}.jsonl.gz"
            for side in SIDES:
                store = scratch / partition / side
                info = fill_from_cuts(store, _side(manifest, side), block, params.executor)
                counts.setdefault(partition, {})[side] = sum(info["rows"])
        if block.embedder is not None and len(negatives := VectorStore(scratch / "train" / "negative")) > 1:
            index = build_index(negatives, scratch / "train" / "index", block.index)
        summary = {
            "embedder": block.embedder,
            "vectors": counts,
            "index": {key: index[key] for key in ("kind", "count")} if index else None,
        }
        write_json(scratch / "embeddings.json", summary)
    return summary


def _side(manifest: Path, side: str) -> Iterator[MonoCut]:
    for cut in read_cuts(manifest, "label"):
        if (ClipView(cut).label == "keyword") == (side == "keyword"):
            yield cut
