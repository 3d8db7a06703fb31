"""A store of vectors and its index that no stage owns: those of a pool of sound, kept in the cache."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from kwsdata.clips.content import digest_at
from kwsdata.clips.pieces import Piece
from kwsdata.execution.cache import Step
from kwsdata.params import ExecutorParams
from kwsdata.params.negatives import EmbedParams
from kwsdata.runtime.embedders import load_embedder
from kwsdata.vectors.fill import fill
from kwsdata.vectors.index import VectorIndex, build_index
from kwsdata.vectors.store import VectorStore

STORE = Step("pool_stores", __name__)
INDEX = Step("pool_indexes", __name__)


def kept_vectors(
    pieces: Sequence[Piece], params: EmbedParams, executor: ExecutorParams
) -> tuple[VectorStore, VectorIndex]:
    """Return the vectors of `pieces`, in order, and their index, made now unless the cache has them.

    Raises:
        StageInputError: a piece's sound is missing or truncated.
        AudioError: a piece's sound cannot be decoded.
    """
    identity = load_embedder(params.embedder).identity
    sound = digest_at(piece.place for piece in pieces)
    key = {"pieces": [piece.row() for piece in pieces], "sound": sound, "embedder": identity, "shard_s": params.shard_s}
    store = VectorStore(STORE.get(partial(_fill, pieces, params, executor), **key))
    made = INDEX.get(partial(_build, store, params), index=params.index.model_dump(mode="json"), **key)
    return store, VectorIndex(made, store, params.index)


def _fill(pieces: Sequence[Piece], params: EmbedParams, executor: ExecutorParams, out: Path) -> None:
    fill(out, pieces, params, executor)


def _build(store: VectorStore, params: EmbedParams, out: Path) -> None:
    build_index(store, out, params.index)
