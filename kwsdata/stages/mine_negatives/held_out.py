"""Refuse a pool that holds sound or speakers of dev or test."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from kwsdata.audio import Waveform
from kwsdata.clips.content import digest_at
from kwsdata.clips.manifests import read_cuts
from kwsdata.clips.partitions import fold_name
from kwsdata.clips.pieces import Piece, load_piece, pieces_of_cuts
from kwsdata.clips.view import ClipView
from kwsdata.errors import PartitionError
from kwsdata.execution.cache import Step
from kwsdata.execution.progress import progress
from kwsdata.params import CheckParams, Params
from kwsdata.runtime.embedders import load_embedder
from kwsdata.similarity.copies.held import Held, write_held
from kwsdata.similarity.copies.search import find_copies
from kwsdata.similarity.copies.spectrum import spectrum_of
from kwsdata.vectors.fill import piece_length

PASSED = Step("pools_passed", __name__)
HELD_OUT = ("dev", "test")
HeldOut = list[tuple[str, ClipView]]  # partition, clip


def refuse_held_out(name: str, pieces: Sequence[Piece], params: Params, split: Path) -> None:
    """Compare a pool with the clips of dev and test; the cache remembers one that passed.

    Raises:
        PartitionError: they share a recording or a speaker.
    """
    held: HeldOut = [(p, ClipView(cut)) for p in HELD_OUT for cut in read_cuts(split / f"{p}.jsonl.gz")]
    length = piece_length(load_embedder(params.embed.embedder), params.embed)
    PASSED.value(
        partial(_compare, name, pieces, held, length, params.check),
        pieces=[piece.row() for piece in pieces],
        sound=digest_at(piece.place for piece in pieces),
        held=[[partition, clip.audio_sha256, clip.who] for partition, clip in held],
        held_sound=digest_at(clip.place for _, clip in held),
        piece_samples=length,
        check=params.check.model_dump(mode="json"),
    )


def _compare(name: str, pieces: Sequence[Piece], held: HeldOut, length: int, check: CheckParams) -> bool:
    """Return True.

    Raises:
        PartitionError: the pool and the clips `held` out share a recording or a speaker.
    """
    samples = {clip.audio_sha256: (partition, clip.id) for partition, clip in held}
    people = {fold_name(clip.who or ""): (partition, clip) for partition, clip in held}
    for piece in pieces:
        if piece.identity in samples:
            _refuse(name, piece.clip, *samples[piece.identity])
        if piece.who and fold_name(piece.who) in people:
            partition, clip = people[fold_name(piece.who)]
            known = clip.speaker
            raise PartitionError(
                f"mine_negatives.pools: {name} has {piece.clip} by {piece.speaker}, "
                f"{'' if known == piece.speaker else f'who is {known}, '}a speaker of the {partition} partition: leave "
                "that speaker out of the pool."
            )
    owners = [(partition, piece) for partition, clip in held for piece in pieces_of_cuts([clip.cut], length)]
    with TemporaryDirectory() as scratch:
        directory = Path(scratch) / "held"
        write_held(
            directory, (spectrum_of(load_piece(piece)) for _, piece in progress(owners, "read dev and test", "piece"))
        )
        kept = Held(directory)
        for piece in progress(pieces, f"compare {Path(name).name} with them", "piece"):
            wave = load_piece(piece)
            found = find_copies(
                kept,
                spectrum_of(wave),
                partial(_given, wave),
                lambda number: load_piece(owners[number][1]),
                check.copies,
            )
            if found:
                partition, owner = owners[found[0].held]
                _refuse(name, piece.clip, partition, owner.clip)
    return True


def _given(wave: Waveform) -> Waveform:
    return wave


def _refuse(name: str, clip: str, partition: str, owner: str) -> NoReturn:
    raise PartitionError(
        f"mine_negatives.pools: {name} has {clip}, which is the recording {owner} of the {partition} partition. Mining "
        "what is measured on would make the measurement worthless: take it out of the pool."
    )
