"""Write one small file with a hash of every part of the dataset, to quote which data was used.

The hash of a clip covers its id, its samples, its label and its supervisions; that of a part, its clips in the order of
their hashes. So it changes with the content, and with nothing else: not with shard sizes, order, encoder, paths or
how the clip was made.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.errors import KwsError
from kwsdata.files.atomic import read_json, write_json
from kwsdata.tools.dataset.members import Member
from kwsdata.tools.dataset.stats import Tally

FORMAT = 1
PATH = Path("dataset.lock.json")


class LockError(KwsError):
    """The dataset is not the one that the lock file names, or cannot be named."""


class PartHash:
    """The hash of a set of clips, given in any order; 32 bytes of memory a clip."""

    def __init__(self) -> None:
        self._digests = bytearray()

    def add(self, member: Member) -> None:
        """Take in one clip.

        Raises:
            LockError: its manifest has no hash of its samples.
        """
        if not member.audio:
            raise LockError(f"{member.id} of {member.part} has no custom['audio_sha256']: remake it with `dvc repro`.")
        facts = [member.id, member.audio, member.label, member.said]
        self._digests += hashlib.sha256(json.dumps(facts, ensure_ascii=False).encode()).digest()

    def hexdigest(self) -> str:
        """Return the SHA-256 of the sorted hashes of the clips."""
        words = np.frombuffer(self._digests, ">u8").reshape(-1, 4)
        return hashlib.sha256(words[np.lexsort(words.T[::-1])].tobytes()).hexdigest()


def lock_of(members: Iterable[Member], keyword: str) -> dict[str, Any]:
    """Return the contents of the lock file; `dataset` is the hash of the parts' names and hashes.

    Raises:
        LockError: a clip has no hash of its samples.
    """
    hashes: dict[str, PartHash] = {}
    tallies: dict[str, Tally] = {}
    for member in members:
        hashes.setdefault(member.part, PartHash()).add(member)
        tallies.setdefault(member.part, Tally()).add(member)
    parts = {}
    for part in sorted(hashes):
        row = tallies[part].row()
        parts[part] = {"sha256": hashes[part].hexdigest(), "cuts": row["cuts"], "hours": row["hours"]}
    named = json.dumps({part: fields["sha256"] for part, fields in parts.items()}, sort_keys=True)
    return {
        "format": FORMAT,
        "keyword": keyword,
        "dataset": hashlib.sha256(named.encode()).hexdigest(),
        "parts": parts,
    }


def write_lock(lock: dict[str, Any], path: Path = PATH) -> None:
    """Write the lock file, atomically."""
    write_json(path, lock)


def check_lock(lock: dict[str, Any], path: Path = PATH) -> None:
    """Compare the dataset with the lock file.

    Raises:
        LockError: they differ; the message names the parts.
        StageInputError: there is no lock file.
    """
    if not path.exists():
        raise LockError(f"{path} is missing: write it with `kwsdata lock`, and commit it.")
    wanted = read_json(path)
    if wanted.get("format") != FORMAT:
        raise LockError(f"{path} has format {wanted.get('format')!r}, not {FORMAT}: write it anew with `kwsdata lock`.")
    differing = [
        f"{part}: {_short(wanted['parts'].get(part))} in the lock, {_short(lock['parts'].get(part))} here"
        for part in sorted(wanted["parts"].keys() | lock["parts"].keys())
        if wanted["parts"].get(part) != lock["parts"].get(part)
    ]
    if differing:
        raise LockError(
            f"the dataset is not that of {path}: {'; '.join(differing)}. Type `dvc checkout` for the recorded data, "
            "`kwsdata diff` to see what changed, or `kwsdata lock` to record this one."
        )


def _short(part: dict[str, Any] | None) -> str:
    return f"{part['sha256'][:10]} ({part['cuts']} cuts)" if part else "nothing"
