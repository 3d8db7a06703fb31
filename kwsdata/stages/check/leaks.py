"""Rules about partitions that share a sound, speaker, voice, noise source or room."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from lhotse import MonoCut

from kwsdata.clips.partitions import PARTITIONS, fold_name
from kwsdata.clips.shards import shard_cuts
from kwsdata.clips.view import ClipView
from kwsdata.files.scratch import list_visible
from kwsdata.stages.check.finding import Finding, exclusion

_LISTED = 50  # cuts named in one finding about a speaker
_NAMED = 5  # speakers named in one finding about two corpora


def same_sound(cuts: Mapping[str, Iterable[MonoCut]]) -> Iterator[Finding]:
    """Yield a finding for each sound whose very samples are in two partitions, or carry two labels.

    The cuts are read twice; 17 bytes of each are kept.
    """
    digests, kinds = bytearray(), bytearray()
    numbers: dict[tuple[str, str | None], int] = {}
    for partition in cuts:
        for cut in cuts[partition]:
            clip = ClipView(cut)
            digests += bytes.fromhex(clip.audio_sha256)[:_DIGEST]
            kinds.append(numbers.setdefault((partition, clip.label_if_any), len(numbers)))
    doubtful = _of_two_kinds(digests, kinds)
    places: dict[str, list[tuple[str, MonoCut]]] = defaultdict(list)
    for partition in cuts if doubtful else ():
        for cut in cuts[partition]:
            sha = ClipView(cut).audio_sha256
            if bytes.fromhex(sha)[:_DIGEST] in doubtful:
                places[sha].append((partition, cut))
    for group in places.values():
        where = ", ".join(f"{cut.id} ({partition}, {ClipView(cut).label_if_any})" for partition, cut in group)
        yield exclusion("same_sound", f"the same samples: {where}", [cut.id for _, cut in group], _less_held(group))


_DIGEST = 16  # bytes of a hash that are compared


def _of_two_kinds(digests: bytearray, kinds: bytearray) -> set[bytes]:
    """Return the digests (`_DIGEST` bytes each) that occur with more than one kind (a byte each)."""
    words, kind = np.frombuffer(digests, np.uint64).reshape(-1, 2), np.frombuffer(kinds, np.uint8)
    order = np.lexsort(words.T)
    same = (words[order[1:]] == words[order[:-1]]).all(axis=1)
    # Equal digests are neighbours now; if they are of two kinds, two neighbours are.
    apart = order[1:][same & (kind[order[1:]] != kind[order[:-1]])]
    return {words[place].tobytes() for place in apart}


def _less_held(group: Sequence[tuple[str, MonoCut]]) -> list[str]:
    """Return the cuts to leave out so that one stays: train gives way to dev, dev to test."""
    places: list[str] = list(PARTITIONS)
    ordered = sorted(group, key=lambda one: places.index(one[0]))
    return [cut.id for _, cut in ordered[:-1]]


def shared_speakers(cuts: Mapping[str, Iterable[MonoCut]], mined: Sequence[MonoCut] = ()) -> Iterator[Finding]:
    """Yield a finding for each person, voice or noise source that is in two partitions.

    Who it is says the namespace of the corpus, where it has one; case does not count. People of the same name in
    corpora without a common namespace may be one or not: that is a finding of `speaker_namesake`, one for two corpora.
    Windows that were `mined` from pools are in train.
    """
    homes: dict[str, set[str]] = defaultdict(set)
    named: dict[str, set[tuple[str, str, str]]] = defaultdict(set)  # name: corpus, identity, partition
    for partition in cuts:
        for cut in cuts[partition]:
            clip = ClipView(cut)
            if clip.who:
                homes[fold_name(clip.who)].add(partition)
                _note(named, clip.corpus, partition, clip)
    for clip in map(ClipView, mined):
        if clip.parent_corpus:
            _note(named, clip.parent_corpus, "train", clip)
    yield from _shared(cuts, {person for person, partitions in homes.items() if len(partitions) > 1})
    yield from _namesakes(named)


def _note(named: dict[str, set[tuple[str, str, str]]], corpus: str, partition: str, clip: ClipView) -> None:
    """Add the place of the person who is heard in a clip to `named`."""
    if clip.who and clip.is_person:
        name = fold_name(clip.who)
        named[name.split(":", 1)[-1]].add((corpus, name, partition))


def _shared(cuts: Mapping[str, Iterable[MonoCut]], shared: set[str]) -> Iterator[Finding]:
    places: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    corpora: dict[str, set[str]] = defaultdict(set)
    names: dict[str, set[str]] = defaultdict(set)
    for partition in cuts if shared else ():
        for cut in cuts[partition]:
            clip = ClipView(cut)
            if clip.who and (name := fold_name(clip.who)) in shared:
                places[name][partition].append(clip.id)
                corpora[name].add(clip.corpus)
                names[name].add(str(clip.speaker))
    for person, where in sorted(places.items()):
        counts = ", ".join(f"{len(ids)} clips in {partition}" for partition, ids in where.items())
        yield Finding(
            "shared_speaker",
            f"{' = '.join(sorted(names[person]))}: {counts}",
            [cut for ids in where.values() for cut in ids][:_LISTED],
            f"put {' and '.join(sorted(corpora[person]))} whole into one partition with `split.whole` in "
            "params.yaml, then type `dvc repro`",
        )


def _namesakes(named: Mapping[str, set[tuple[str, str, str]]]) -> Iterator[Finding]:
    pairs: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name, places in named.items():
        for (one, person, partition), (other, stranger, elsewhere) in combinations(sorted(places), 2):
            if one != other and person != stranger and partition != elsewhere:
                pairs[one, other].add(name)
    for (one, other), names in sorted(pairs.items()):
        some = ", ".join(sorted(names)[:_NAMED])
        yield Finding(
            "speaker_namesake",
            f"{len(names)} speakers of {one} and {other} have the same names ({some}) and are in different partitions",
            [],
            f"if they are the same people, import {one} and {other} again with the same `--speaker-namespace`",
        )


def shared_rooms(rirs: Path) -> Iterator[Finding]:
    """Yield a finding for each room whose responses are in two partitions' banks."""
    places: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for partition in PARTITIONS:
        if (rirs / partition).is_dir():
            for cut in shard_cuts(rirs / partition):
                places[str(ClipView(cut).speaker)][partition].append(cut.id)
    for room, where in sorted(places.items()):
        if len(where) > 1:
            yield Finding(
                "shared_room",
                f"{room} is in {' and '.join(where)}",
                [cut for ids in where.values() for cut in ids][:_LISTED],
                "type `dvc repro -f simulate_rirs`",
            )


def cross_partition_sources(
    cuts: Mapping[str, Iterable[MonoCut]], testsets: Path, mined: Sequence[MonoCut], rirs: Path
) -> Iterator[Finding]:
    """Yield a finding for each test stream, or mined window, made from sound (or a room) of another partition."""
    streams = [
        (partition, stream.id, _sources(ClipView(stream)))
        for partition in ("dev", "test")
        for directory in (path for path in list_visible(testsets / partition, "*") if path.is_dir())
        for stream in shard_cuts(directory)
    ]
    wanted = {source for _, _, sources in streams for source in sources}
    parents = {ClipView(cut).parent_sha256 for cut in mined}
    home: dict[str, str] = {}
    held: dict[str, tuple[str, str]] = {}
    for partition in cuts if wanted or parents else ():
        for cut in cuts[partition]:
            if cut.id in wanted:
                home[cut.id] = partition
            if partition in ("dev", "test") and (sha := ClipView(cut).audio_sha256) in parents:
                held[sha] = (partition, cut.id)
    home |= {cut.id: p for p in PARTITIONS if (rirs / p).is_dir() for cut in shard_cuts(rirs / p)}
    for partition, stream, sources in streams:
        astray = sorted(source for source in sources if home.get(source, partition) != partition)
        if astray:
            yield Finding(
                "cross_partition_source",
                f"{stream} ({partition}) is made from {len(astray)} clips or rooms of {home[astray[0]]}",
                [stream, *astray[:_LISTED]],
                "type `dvc repro -f make_testsets`",
            )
    for cut in mined:
        parent = ClipView(cut).parent_sha256
        if parent in held:
            partition, owner = held[parent]
            yield Finding(
                "cross_partition_source",
                f"{cut.id} was mined from {owner} of the {partition} partition",
                [cut.id, owner],
                "take the pool that holds it out of `mine_negatives.pools`, then type `dvc repro mine_negatives`",
            )


def _sources(stream: ClipView) -> set[str]:
    """Return the ids of the clips and rooms that a stream is made from."""
    sources = {segment.source for segment in stream.segments}
    recipes = (event.recipe for event in stream.events)
    return sources | {str(recipe["rir"]) for recipe in recipes if recipe.get("rir")}
