"""Run every rule over the split, the streams, the rooms and the mined windows; write the page; fail if one is broken.

    data/check/check.json     passed, findings (rule, message, cuts, fix, exclude, fails), and what was measured
    data/check/index.html     the same for people
    data/check/passed.json    only where nothing ends the pipeline, and always the same: what comes after the gate
                              depends on it, and is not made again because a report has changed

The first two are written in either case. Without an embedder (`embed.embedder: null`) the gate does not listen: it
finds no `near_duplicate` and no `label_suspect`. Without the extra `voices` it finds no `same_voice`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from lhotse import MonoCut

from kwsdata.clips.partitions import PARTITIONS
from kwsdata.clips.shards import shard_cuts
from kwsdata.errors import KwsError
from kwsdata.execution.cache import scratch_folder
from kwsdata.files.atomic import atomic_path, write_json
from kwsdata.measures.shortcut import FEWEST, features_of, shortcut
from kwsdata.params import Params
from kwsdata.similarity.keyword import KeywordSimilarity
from kwsdata.stages.check.alike import likely_negatives, near_keyword, same_takes, unlikely_keywords
from kwsdata.stages.check.balance import counts_of, imbalances
from kwsdata.stages.check.copied import HeldPartition, PartitionWriter, find_in, similar_sound
from kwsdata.stages.check.facts import Facts
from kwsdata.stages.check.finding import Finding
from kwsdata.stages.check.leaks import cross_partition_sources, same_sound, shared_rooms, shared_speakers
from kwsdata.stages.check.manifest import Manifest, groups_of
from kwsdata.stages.check.page import page_of
from kwsdata.stages.check.quality import faults
from kwsdata.stages.check.voice_network import weights_file
from kwsdata.stages.check.voices import same_voices
from kwsdata.vectors.index import VectorIndex
from kwsdata.vectors.store import VectorStore


class GateError(KwsError):
    """A rule that `check.fail` names is broken."""


def run(
    params: Params,
    split: Path = Path("data/split"),
    embeddings: Path = Path("data/embeddings"),
    rirs: Path = Path("data/rirs"),
    testsets: Path = Path("data/testsets"),
    mined: Path = Path("data/mined"),
    out: Path = Path("data/check"),
) -> dict[str, Any]:
    """Write `out` (see above); return the contents of check.json.

    Rooms, streams and mined windows are looked at where their directories exist.

    Raises:
        GateError: a rule in `check.fail` is broken; the message says how often and where to read more.
        StageInputError: an input is missing or damaged.
    """
    cuts: dict[str, Manifest] = {partition: Manifest(split / f"{partition}.jsonl.gz") for partition in PARTITIONS}
    mined_cuts = list(shard_cuts(mined)) if mined.is_dir() else []
    findings = [
        *same_sound(cuts),
        *shared_speakers(cuts, mined_cuts),
        *shared_rooms(rirs),
        *cross_partition_sources(cuts, testsets, mined_cuts, rirs),
    ]
    with scratch_folder("held") as scratch:
        sound = _Sound(params, scratch)
        for partition in ("test", "dev", "train"):  # what is held comes first
            sound.hear(partition, cuts[partition])
        sound.hear("train", mined_cuts, "mined")
    findings += sound.findings
    voices = weights_file() is not None or "same_voice" in params.check.fail
    findings += same_voices(cuts, params.check.voices, params.executor) if voices else ()
    findings += _alike(params, embeddings) if params.embed.embedder is not None else ()
    counts = {partition: counts_of(cuts[partition]) for partition in PARTITIONS}
    for partition in PARTITIONS:
        findings += imbalances(partition, counts[partition], params.check)
    spectrum = sound.spectrum()
    findings += _shortcuts(spectrum, params)
    broken = Counter(finding.rule for finding in findings if finding.rule in params.check.fail)
    result = {
        "passed": not broken,
        "rules": dict(sorted(Counter(finding.rule for finding in findings).items())),
        "findings": [finding.row(finding.rule in params.check.fail) for finding in findings],
        "measured": {
            "clips": counts,
            "mined": len(mined_cuts),
            "listened": params.embed.embedder is not None,
            "voices": voices,
            "spectrum_auc": {k: round(v[0], 4) for k, v in spectrum.items()},
        },
    }
    with atomic_path(out) as scratch:
        scratch.mkdir()
        write_json(scratch / "check.json", result)
        (scratch / "index.html").write_text(page_of(result), encoding="utf-8")
        if not broken:
            write_json(scratch / "passed.json", {"passed": True})
    if broken:
        told = ", ".join(f"{rule}: {count}" for rule, count in sorted(broken.items()))
        first = next(finding for finding in findings if finding.rule in broken)
        raise GateError(
            f"{sum(broken.values())} findings end the pipeline ({told}). The first: {first.message}. To mend it: "
            f"{first.fix}. All of them are in {out}/index.html."
        )
    return result


class _Sound:
    """What is found by reading every clip once; `scratch`: a directory for what copies are looked for by."""

    def __init__(self, params: Params, scratch: Path) -> None:
        self.params = params
        self.findings: list[Finding] = []
        self._scratch = scratch
        self._held: list[HeldPartition] = []
        self._tars: set[Path] = set()
        self._features: dict[str, list[tuple[str, bool, np.ndarray]]] = {}

    def hear(self, partition: str, cuts: Iterable[MonoCut], name: str | None = None) -> None:
        """Listen to the clips of a partition; those of dev and test are found in what is heard after them."""
        writer = PartitionWriter(partition, self._scratch / partition) if partition != "train" else None
        for group in groups_of(cuts, _AT_ONCE):
            heard = find_in(
                group,
                self._held,
                self._tars,
                self.params.check.copies,
                self.params.executor,
                f"check {name or partition}",
            )
            for facts, found in heard:
                self.findings += faults(facts, self.params.check)
                self.findings += similar_sound(partition, facts, found)
                if facts.fault is None:
                    if writer is not None:
                        writer.add(facts)
                    self._note(partition, facts)
        if writer is not None:
            self._held.append(writer.close())
            self._tars |= writer.tars

    def _note(self, partition: str, facts: Facts) -> None:
        label = facts.clip.label_if_any
        if label in ("keyword", "speech", "confusable"):
            features = features_of(facts.background, facts.level_dbfs, facts.bandwidth_hz)
            self._features.setdefault(partition, []).append((facts.clip.id, label == "keyword", features))

    def spectrum(self) -> dict[str, tuple[float, list[str]]]:
        """Return for each partition (area under the curve, what tells most); see `kwsdata.measures.shortcut`."""
        found = {}
        for partition, rows in sorted(self._features.items()):
            is_keyword = np.asarray([row[1] for row in rows])
            if min(is_keyword.sum(), (~is_keyword).sum()) >= FEWEST:
                found[partition] = shortcut(np.stack([row[2] for row in rows]), is_keyword, [row[0] for row in rows])
        return found


_AT_ONCE = 20_000  # clips listed in memory while they are heard


def _alike(params: Params, embeddings: Path) -> Iterator[Finding]:
    """Yield what the embeddings tell: the same takes in two partitions, and labels that the sound contradicts."""
    words = VectorStore(embeddings / "train" / "keyword")
    negatives = VectorStore(embeddings / "train" / "negative")
    if len(words) < 2 or len(negatives) < 2:
        return  # nothing to compare with: `imbalance` says so
    index = VectorIndex(embeddings / "train" / "index", negatives, params.embed.index)
    to_keyword = KeywordSimilarity(words, negatives, params.likeness)
    yield from unlikely_keywords(words, "train", to_keyword, params.check)
    yield from likely_negatives(negatives, near_keyword(index, to_keyword), "train", to_keyword, params.check)
    for partition in ("dev", "test"):
        held = VectorStore(embeddings / partition / "keyword")
        yield from unlikely_keywords(held, partition, to_keyword, params.check)
        others = VectorStore(embeddings / partition / "negative")
        yield from likely_negatives(others, np.arange(len(others)), partition, to_keyword, params.check)
        yield from same_takes(others, partition, index, params.check)


def _shortcuts(spectrum: dict[str, tuple[float, list[str]]], params: Params) -> Iterator[Finding]:
    for partition, (auc, telling) in spectrum.items():
        if auc > params.check.max_spectrum_auc:
            yield Finding(
                "spectrum_shortcut",
                f"{partition}: background and channel alone tell the keyword from speech (area under the curve "
                f"{auc:.3f}, limit {params.check.max_spectrum_auc:g}); most of all {', '.join(telling)}",
                [],
                "import keyword recordings and speech made alike (or other words of the same corpus), or raise "
                "augment.effects.noise.probability and augment.effects.reverb.probability in params.yaml",
            )
