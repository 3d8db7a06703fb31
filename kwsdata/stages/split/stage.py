"""Place every clip by its speaker; corpora without speakers go whole where `split.whole` says."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lhotse import MonoCut

from kwsdata.clips.manifests import cut_to_dict, read_cuts, with_fields
from kwsdata.clips.partitions import PARTITIONS, Partition, partition_of
from kwsdata.clips.view import ClipView
from kwsdata.errors import PartitionError
from kwsdata.files.atomic import atomic_path, write_json
from kwsdata.params import Params
from kwsdata.params.data import PartitionsParams, SplitParams


def run(params: Params, index: Path = Path("data/index"), out: Path = Path("data/split")) -> dict[str, Any]:
    """Write `out/{train,dev,test}.jsonl.gz` and `out/split.json` (clips, hours, speakers by label); return the latter.

    Raises:
        PartitionError: a corpus has clips without a speaker and is not in `split.whole`; or `split.whole` names a
            corpus that does not exist.
    """
    tallies = {name: _Tally() for name in PARTITIONS}
    with atomic_path(out) as scratch:
        scratch.mkdir()
        with ExitStack() as stack:
            files = {name: stack.enter_context(_manifest(scratch / f"{name}.jsonl.gz")) for name in PARTITIONS}
            for partition, cut in place(read_cuts(index / "cuts.jsonl.gz"), params.split, params.partitions):
                files[partition].write(json.dumps(cut_to_dict(cut), ensure_ascii=False).encode() + b"\n")
                tallies[partition].add(cut)
        summary = {
            "partitions": {name: tallies[name].summary() for name in PARTITIONS},
            "whole": dict(sorted(params.split.whole.items())),
        }
        write_json(scratch / "split.json", summary)
    return summary


@contextmanager
def _manifest(path: Path) -> Iterator[gzip.GzipFile]:
    """Yield a gzip file for rows: the bytes that `write_cuts` writes, for several files at once."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as packed:
        yield packed


def place(
    cuts: Iterable[MonoCut], split: SplitParams, partitions: PartitionsParams
) -> Iterator[tuple[Partition, MonoCut]]:
    """Yield (partition, cut) of each cut, in the order given, with its partition set.

    The place of a clip depends on its own corpus and speaker, and on nothing else.

    Raises:
        PartitionError: see `run`; at the end, when all cuts have been seen.
    """
    homeless: dict[str, int] = defaultdict(int)
    corpora: set[str] = set()
    for cut in cuts:
        clip = ClipView(cut)
        corpus, speaker = clip.corpus, clip.who
        corpora.add(corpus)
        if corpus in split.whole:
            partition: Partition = split.whole[corpus]
        elif speaker is not None:
            partition = partition_of(speaker, partitions)
        else:
            homeless[corpus] += 1
            continue
        yield partition, with_fields(cut, partition=partition)
    if homeless:
        listed = ", ".join(f"{corpus} ({count} clips)" for corpus, count in sorted(homeless.items()))
        raise PartitionError(
            f"speakers are unknown in {listed}: name one partition for each in params.yaml, for example "
            f"`split: {{whole: {{{min(homeless)}: train}}}}`."
        )
    if unknown := sorted(set(split.whole) - corpora):
        raise PartitionError(
            f"split.whole names {unknown}, but the corpora are {sorted(corpora)}: import them or remove the lines."
        )


class _Tally:
    """Counts of one partition, while its cuts pass by."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}
        self._speakers: dict[str, set[str]] = defaultdict(set)

    def add(self, cut: MonoCut) -> None:
        """Count a cut."""
        clip = ClipView(cut)
        row = self._rows.setdefault(clip.label, {"clips": 0, "hours": 0.0, "synthetic_clips": 0})
        row["clips"] += 1
        row["hours"] += clip.duration_s / 3600
        row["synthetic_clips"] += clip.synthetic
        if clip.speaker:
            self._speakers[clip.label].add(clip.speaker)

    def summary(self) -> dict[str, Any]:
        """Return clips, hours, synthetic clips and speakers by label."""
        return {
            label: row | {"hours": round(row["hours"], 4), "speakers": len(self._speakers[label])}
            for label, row in sorted(self._rows.items())
        }
