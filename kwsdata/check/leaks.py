"""Rules that keep partitions apart: the same sound, speaker, voice, noise source or room in two of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lhotse import MonoCut

from kwsdata.check.facts import Facts
from kwsdata.check.finding import Finding, exclusion
from kwsdata.fingerprints import HOP_S, Match, Table
from kwsdata.params.negatives import CheckParams
from kwsdata.partitions import PARTITIONS
from kwsdata.shards import shard_cuts

_LISTED = 50  # cuts named in one finding about a speaker


def same_sound(cuts: Mapping[str, Sequence[MonoCut]]) -> Iterator[Finding]:
    """Yield a finding for each sound whose very samples are in two partitions, or carry two labels."""
    places: dict[str, list[tuple[str, MonoCut]]] = defaultdict(list)
    for partition in cuts:
        for cut in cuts[partition]:
            places[(cut.custom or {})["audio_sha256"]].append((partition, cut))
    for group in places.values():
        kinds = {(partition, (cut.custom or {}).get("label")) for partition, cut in group}
        if len(kinds) > 1:
            where = ", ".join(f"{cut.id} ({partition}, {(cut.custom or {}).get('label')})" for partition, cut in group)
            yield exclusion("same_sound", f"the same samples: {where}", [cut.id for _, cut in group], _less_held(group))


def _less_held(group: Sequence[tuple[str, MonoCut]]) -> list[str]:
    """Return the cuts to leave out so that one stays: train gives way to dev, dev to test."""
    places: list[str] = list(PARTITIONS)
    ordered = sorted(group, key=lambda one: places.index(one[0]))
    return [cut.id for _, cut in ordered[:-1]]


class SimilarSound:
    """Finds recordings again after gain, resampling, a codec or a shift: dev and test are kept, the rest passes by."""

    def __init__(self, params: CheckParams) -> None:
        self._params = params
        self._held: list[tuple[str, MonoCut]] = []
        self._prints: list[Any] = []
        self._table = Table(())

    def hold(self, partition: str, facts: Facts) -> None:
        """Take in a clip of dev or test; it is found after the next `seal`."""
        self._held.append((partition, facts.cut))
        self._prints.append(facts.print)

    def seal(self) -> None:
        """End a partition: what was taken in so far can be found from here on."""
        self._table = Table(self._prints)

    def findings(self, partition: str, facts: Facts) -> Iterator[Finding]:
        """Yield a finding for each held clip of another partition that is the same recording as this one.

        Of dev and test, which are both held, each pair is found from dev alone.
        """
        frames = max(1, round(self._params.min_common_s / HOP_S))
        for match in self._table.matches(facts.print, self._params.max_bit_error, frames):
            other, cut = self._held[match.clip]
            same_samples = (cut.custom or {})["audio_sha256"] == (facts.cut.custom or {})["audio_sha256"]
            if other == partition or (partition, other) == ("test", "dev") or same_samples:
                continue
            yield exclusion(
                "similar_sound",
                f"{facts.cut.id} ({partition}) is {cut.id} ({other}) again: {_describe(match)}",
                [facts.cut.id, cut.id],
                [facts.cut.id],
            )


def _describe(match: Match) -> str:
    return (
        f"over {match.frames * HOP_S:.1f} s {100 * match.bit_error:.1f} % of fingerprint bits differ, at a shift of "
        f"{1000 * match.offset * HOP_S:+.0f} ms"
    )


def shared_speakers(cuts: Mapping[str, Iterable[MonoCut]]) -> Iterator[Finding]:
    """Yield a finding for each speaker, voice or noise source that is in two partitions."""
    places: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    corpora: dict[str, set[str]] = defaultdict(set)
    for partition in cuts:
        for cut in cuts[partition]:
            custom = cut.custom or {}
            if custom.get("speaker"):
                places[custom["speaker"]][partition].append(cut.id)
                corpora[custom["speaker"]].add(custom["corpus"])
    for speaker, where in sorted(places.items()):
        if len(where) > 1:
            counts = ", ".join(f"{len(ids)} clips in {partition}" for partition, ids in where.items())
            yield Finding(
                "shared_speaker",
                f"{speaker}: {counts}",
                [cut for ids in where.values() for cut in ids][:_LISTED],
                f"put {' and '.join(sorted(corpora[speaker]))} whole into one partition with `split.whole` in "
                "params.yaml, then type `dvc repro`",
            )


def shared_rooms(rirs: Path) -> Iterator[Finding]:
    """Yield a finding for each room whose responses are in two partitions' banks."""
    places: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for partition in PARTITIONS:
        if (rirs / partition).is_dir():
            for cut in shard_cuts(rirs / partition):
                places[str((cut.custom or {}).get("speaker"))][partition].append(cut.id)
    for room, where in sorted(places.items()):
        if len(where) > 1:
            yield Finding(
                "shared_room",
                f"{room} is in {' and '.join(where)}",
                [cut for ids in where.values() for cut in ids][:_LISTED],
                "type `dvc repro -f simulate_rirs`",
            )


def stray_sources(
    cuts: Mapping[str, Sequence[MonoCut]], testsets: Path, mined: Sequence[MonoCut], rirs: Path
) -> Iterator[Finding]:
    """Yield a finding for each test stream, or mined window, made from sound (or a room) of another partition."""
    home = {cut.id: partition for partition in cuts for cut in cuts[partition]}
    home |= {cut.id: p for p in PARTITIONS if (rirs / p).is_dir() for cut in shard_cuts(rirs / p)}
    held = {(cut.custom or {})["audio_sha256"]: (p, cut.id) for p in ("dev", "test") for cut in cuts.get(p, [])}
    for partition in ("dev", "test"):
        for directory in sorted(path for path in (testsets / partition).glob("*") if path.is_dir()):
            for stream in shard_cuts(directory):
                astray = sorted(source for source in _sources(stream) if home.get(source, partition) != partition)
                if astray:
                    yield Finding(
                        "stray_source",
                        f"{stream.id} ({partition}) is made from {len(astray)} clips or rooms of {home[astray[0]]}",
                        [stream.id, *astray[:_LISTED]],
                        "type `dvc repro -f make_testsets`",
                    )
    for cut in mined:
        parent = (cut.custom or {}).get("parent_sha256")
        if parent in held:
            partition, owner = held[parent]
            yield Finding(
                "stray_source",
                f"{cut.id} was mined from {owner} of the {partition} partition",
                [cut.id, owner],
                "take the pool that holds it out of `mine_negatives.pools`, then type `dvc repro mine_negatives`",
            )


def _sources(stream: MonoCut) -> set[str]:
    """Return the ids of the clips and rooms that a stream is made from."""
    sources = {str(segment[2]) for segment in (stream.custom or {}).get("segments", [])}
    recipes = ((event.custom or {}).get("recipe") or {} for event in stream.supervisions)
    return sources | {str(recipe["rir"]) for recipe in recipes if recipe.get("rir")}
