"""Place every clip by its speaker; corpora without speakers go whole where `split.whole` says."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lhotse import MonoCut

from kwsdata.errors import PartitionError
from kwsdata.files import atomic_path, write_json
from kwsdata.manifests import read_cuts, write_cuts
from kwsdata.params import Params
from kwsdata.params.data import PartitionsParams, SplitParams
from kwsdata.partitions import PARTITIONS, Partition, partition_of
from kwsdata.shards import with_custom


def run(params: Params, index: Path = Path("data/index"), out: Path = Path("data/split")) -> dict[str, Any]:
    """Write `out/{train,dev,test}.jsonl.gz` and `out/split.json` (clips, hours, speakers by label); return the latter.

    Raises:
        PartitionError: a corpus has clips without a speaker and is not in `split.whole`; or `split.whole` names a
            corpus that does not exist.
    """
    placed = place(read_cuts(index / "cuts.jsonl.gz"), params.split, params.partitions)
    summary = {
        "partitions": {name: _summary(placed[name]) for name in PARTITIONS},
        "whole": dict(sorted(params.split.whole.items())),
    }
    with atomic_path(out) as scratch:
        scratch.mkdir()
        for name in PARTITIONS:
            write_cuts(scratch / f"{name}.jsonl.gz", placed[name])
        write_json(scratch / "split.json", summary)
    return summary


def place(cuts: Iterable[MonoCut], split: SplitParams, partitions: PartitionsParams) -> dict[Partition, list[MonoCut]]:
    """Return the cuts of each partition, in the order given, each with `custom["partition"]` set.

    The place of a clip depends on its own corpus and speaker, and on nothing else.

    Raises:
        PartitionError: see `run`.
    """
    placed: dict[Partition, list[MonoCut]] = {name: [] for name in PARTITIONS}
    homeless: dict[str, int] = defaultdict(int)
    corpora: set[str] = set()
    for cut in cuts:
        custom = cut.custom or {}
        corpus, speaker = custom["corpus"], custom.get("speaker")
        corpora.add(corpus)
        if corpus in split.whole:
            partition: Partition = split.whole[corpus]
        elif speaker is not None:
            partition = partition_of(speaker, partitions)
        else:
            homeless[corpus] += 1
            continue
        placed[partition].append(with_custom(cut, partition=partition))
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
    return placed


def _summary(cuts: list[MonoCut]) -> dict[str, Any]:
    rows: dict[str, dict[str, Any]] = {}
    speakers: dict[str, set[str]] = defaultdict(set)
    for cut in cuts:
        custom = cut.custom or {}
        row = rows.setdefault(custom["label"], {"clips": 0, "hours": 0.0, "synthetic_clips": 0})
        row["clips"] += 1
        row["hours"] += cut.duration / 3600
        row["synthetic_clips"] += bool(custom.get("synthetic"))
        if custom.get("speaker"):
            speakers[custom["label"]].add(custom["speaker"])
    return {
        label: row | {"hours": round(row["hours"], 4), "speakers": len(speakers[label])}
        for label, row in sorted(rows.items())
    }
