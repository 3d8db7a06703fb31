"""Plan one run: which clips share a shard, and which recordings they draw from.

A shard holds the clips of one corpus whose parents' hashes begin with the same bits: a group that would pass
`clips_per_shard` is halved by the next bit. So a new corpus touches no shard of the others, and a parent that joins or
leaves a corpus touches one. The plan keeps some 100 bytes a parent; rows and sound stay on disk.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from lhotse import MonoCut

from kwsdata.clips.content import Contents
from kwsdata.clips.manifests import cut_to_dict
from kwsdata.clips.pieces import tar_at
from kwsdata.clips.view import row_fields
from kwsdata.draws import digest_of
from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_jsonl_gz, write_json
from kwsdata.params import AugmentParams

_LEADS = 200  # recordings that leads are taken from: few, so that they stay decoded
_LEAD_MAX_S = 15.0

Lead = tuple[int, str, dict[str, Any]]  # 64 bits of the hash of its id, its id, its sound


@dataclass(frozen=True)
class Parent:
    """One train clip: 64 bits of its id's hash, the clips it makes, its row's place in the rows file, its sound."""

    bits: int
    clips: int
    offset: int
    size: int
    content: bytes = b""  # of the hash of its bytes


@dataclass(frozen=True)
class Plan:
    """Groups of parents, in the order of the shards: [(offset, size), ...] of each one's rows in `rows`.

    `sounds`: a digest of each group's sound. `tars`: where it lies, with all that parents draw from.
    """

    rows: Path
    pools: Path
    groups: list[list[tuple[int, int]]]
    sounds: list[str]
    tars: set[Path]


def make_plan(train: Path, params: AugmentParams, scratch: Path, mined: Iterable[MonoCut] = ()) -> Plan:
    """Read the train manifest once; write its rows, those of the cuts `mined`, and the pools to `scratch`.

    Raises:
        StageInputError: the manifest is missing, or a corpus that `augment` names has no clip of the kind in it.
    """
    copies = params.copies.model_dump()
    parents: dict[str, list[Parent]] = defaultdict(list)
    noises: dict[str, dict[str, Any]] = {}
    leads: list[Lead] = []
    recorded: list[Lead] = []
    tars: set[Path] = set()
    corpora: dict[str, set[str]] = {"noise": set(), "speech": set()}
    contents = Contents()
    with (scratch / "rows.jsonl").open("wb") as rows:
        offset = 0
        for row in chain(read_jsonl_gz(train), map(cut_to_dict, mined)):
            clip = row_fields(row)
            label, corpus = clip.label, clip.corpus
            bits = int.from_bytes(hashlib.sha256(row["id"].encode()).digest()[:8], "big")
            line = json.dumps(row).encode()
            rows.write(line)
            content = contents(clip.place)
            parents[corpus].append(Parent(bits, 1 + copies[label], offset, len(line), content.encode()))
            offset += len(line)
            tars.add(tar_at(clip.place))
            samples = row["recording"]["num_samples"]
            sound = {"place": clip.place, "samples": samples, "content": content}
            sound["audio_sha256"] = clip.audio_sha256
            if label in corpora:
                corpora[label].add(corpus)
            if label == "noise" and _named(corpus, params.noise_corpora):
                noises[row["id"]] = sound
            elif label == "speech" and row["duration"] <= _LEAD_MAX_S and _named(corpus, params.speech_corpora):
                leads = _with(leads, (bits, row["id"], sound))
                if not clip.synthetic:
                    recorded = _with(recorded, (bits, row["id"], sound))
    _check_named("noise_corpora", params.noise_corpora, corpora["noise"])
    _check_named("speech_corpora", params.speech_corpora, corpora["speech"])
    pools = {"noise": noises, "speech": _pool(leads), "recordings": _pool(recorded)}
    write_json(scratch / "pools.json", pools)
    groups = [
        group for _, members in sorted(parents.items()) for group in group_parents(members, params.clips_per_shard)
    ]
    rows_of = [[(parent.offset, parent.size) for parent in group] for group in groups]
    sounds = [digest_of(*(parent.content for parent in group)) for group in groups]
    return Plan(scratch / "rows.jsonl", scratch / "pools.json", rows_of, sounds, tars)


def _named(corpus: str, names: Literal["all"] | list[str]) -> bool:
    return names == "all" or corpus in names


def _with(leads: list[Lead], lead: Lead) -> list[Lead]:
    leads.append(lead)
    return _lowest(leads) if len(leads) > 4 * _LEADS else leads


def _lowest(leads: list[Lead]) -> list[Lead]:
    return sorted(leads, key=lambda lead: lead[:2])[:_LEADS]


def _pool(leads: list[Lead]) -> dict[str, dict[str, Any]]:
    return {sound_id: sound for _, sound_id, sound in _lowest(leads)}


def _check_named(key: str, names: Literal["all"] | list[str], present: set[str]) -> None:
    if names != "all" and (missing := sorted(set(names) - present)):
        raise StageInputError(
            f"augment.{key} names {missing}, but the train partition's corpora of that kind are {sorted(present)}: "
            "import them, or change params.yaml."
        )


def group_parents(members: list[Parent], limit: int) -> Iterator[list[Parent]]:
    """Yield groups of parents whose hashes begin with the same bits, at most `limit` clips (or one parent) each."""
    return _halved(sorted(members, key=lambda parent: parent.bits), limit, 63)


def _halved(members: list[Parent], limit: int, bit: int) -> Iterator[list[Parent]]:
    """Yield `members` (sorted) whole, or halved by `bit`, the next of their hashes, as often as it takes."""
    if sum(parent.clips for parent in members) <= limit or len(members) == 1 or bit < 0:
        if members:
            yield members
        return
    middle = next((i for i, parent in enumerate(members) if parent.bits >> bit & 1), len(members))
    yield from _halved(members[:middle], limit, bit - 1)
    yield from _halved(members[middle:], limit, bit - 1)
