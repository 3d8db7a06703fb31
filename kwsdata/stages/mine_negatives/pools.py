"""The pools that negatives are mined from: train's own negatives, and sound that the user names.

A named pool is a corpus, a Shar directory, a folder of sound files, one file, a manifest of cuts, or the URL of one. It
is refused whole if anything in it belongs to dev or test: the same samples, the same recording whatever was done to it
(`kwsdata.similarity.copies`), or the same speaker, under whatever corpus's name.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from lhotse import MonoCut

from kwsdata.clips.manifests import read_cuts
from kwsdata.clips.pieces import Piece, pieces_of_cut, pieces_of_file, tar_at
from kwsdata.clips.shards import SHAR, shard_cuts
from kwsdata.clips.view import ClipView, Fields
from kwsdata.errors import AudioError, NamedPathError, PartitionError, StageInputError
from kwsdata.execution.download import local_copy
from kwsdata.files.named_paths import NamedFiles
from kwsdata.params import Params
from kwsdata.runtime.embedders import load_embedder
from kwsdata.soundfiles.folders import is_sound_file, sound_files
from kwsdata.stages.mine_negatives.held_out import HELD_OUT, refuse_held_out
from kwsdata.vectors.fill import piece_length
from kwsdata.vectors.index import VectorIndex
from kwsdata.vectors.kept import kept_vectors
from kwsdata.vectors.store import VectorStore


@dataclass(frozen=True)
class Pool:
    """Vectors of negative sound, and their index; `rejects` says which files were no sound, and why."""

    name: str
    store: VectorStore
    index: VectorIndex
    rejects: list[str] = field(default_factory=list)


def train_pool(params: Params, embeddings: Path) -> Pool:
    """Return the negatives of the train partition, as the stage `embed` left them.

    Raises:
        StageInputError: there are none, or a file is damaged.
    """
    store = VectorStore(embeddings / "train" / "negative")
    if len(store) < 2:
        raise StageInputError(f"{store.directory} holds no sound: the train partition has no negatives to mine.")
    return Pool("train", store, VectorIndex(embeddings / "train" / "index", store, params.embed.index))


def named_pool(name: str, params: Params, split: Path) -> Pool:
    """Return the sound at the path `name`, embedded now unless the cache has it.

    Raises:
        PartitionError: some of it is in dev or test.
        StageInputError: there is no sound at `name`, the URL cannot be read, or too many files are no sound.
    """
    embedder = load_embedder(params.embed.embedder)
    rejects: list[str] = []
    pieces = list(pieces_at(local_copy(name, params.download), piece_length(embedder, params.embed), rejects))
    files, limit = len({piece.place for piece in pieces}) + len(rejects), params.mine_negatives.max_reject_fraction
    if len(rejects) > limit * files:
        raise StageInputError(
            f"mine_negatives.pools: {len(rejects)} of {files} files of {name} are no sound, more than "
            f"mine_negatives.max_reject_fraction = {limit:g}. The first: {rejects[0]} Remove them, or raise the limit."
        )
    if not pieces:
        raise StageInputError(
            f"mine_negatives.pools: no sound at {name!r}: give a corpus, a folder, a file or a manifest."
        )
    refuse_held_out(name, pieces, params, split)
    return Pool(name, *kept_vectors(pieces, params.embed, params.executor), rejects)


def pieces_at(path: Path, length: int, rejects: list[str]) -> Iterator[Piece]:
    """Yield the negative pieces at `path`, in a stable order; recordings of keywords and rooms are left out.

    What is wrong with the files of a folder that cannot be read is added to `rejects`.

    Raises:
        StageInputError: nothing is there, or it is damaged.
        PartitionError: a manifest there is of dev or test.
        AudioError: the one file that `path` is cannot be read.
    """
    if not path.exists():
        raise StageInputError(f"mine_negatives.pools: {path} does not exist.")
    if path.is_file() and is_sound_file(path):
        told = Fields(path.name, {}).told_elsewhere()
        yield from pieces_of_file(path, path.name, length, corpus=path.name, told=told)
        return
    if path.is_file():
        cuts = _within_reach(read_cuts(path), path)
    elif (path / SHAR).is_dir() or any(path.glob("cuts.*.jsonl.gz")):
        cuts = shard_cuts(path)
    else:
        for found in sorted(sound_files(path), key=lambda found: found.path):
            try:
                if found.fault is not None:
                    raise AudioError(f"{found.path} {found.fault}.")
                told = Fields(found.key, {}).told_elsewhere()
                yield from pieces_of_file(found.path, found.key, length, corpus=path.name, told=told)
            except AudioError as error:
                rejects.append(str(error))
        return
    for cut in cuts:
        clip = ClipView(cut)
        if clip.partition in HELD_OUT:
            raise PartitionError(
                f"mine_negatives.pools: {path} holds {cut.id} of the {clip.partition} partition. Mining what is "
                "measured on would make the measurement worthless: name sound that is in train, or in no partition."
            )
        if clip.label_or_role not in ("keyword", "rir"):
            told = clip.told_elsewhere()
            yield from (replace(piece, told=told) for piece in pieces_of_cut(cut, length))


def _within_reach(cuts: Iterable[MonoCut], manifest: Path) -> Iterator[MonoCut]:
    """Yield the cuts of a manifest whose sound lies in the project or below the manifest's own folder.

    Raises:
        StageInputError: that of one lies elsewhere: whoever wrote the manifest may name any file of this machine.
    """
    project, beside = NamedFiles(Path()), NamedFiles(manifest.parent)
    for cut in cuts:
        if place := ClipView(cut).place_if_any:
            name = str(tar_at(place))
            try:
                (beside if name.startswith(str(manifest.parent.absolute())) else project).path_or_absolute(name)
            except NamedPathError as error:
                raise StageInputError(
                    f"mine_negatives.pools: {manifest}: the sound of {cut.id} {error}: only sound in this project, or "
                    "below the manifest's folder, is read. Name the folder that holds it instead."
                ) from None
        yield cut
