"""Gather the cuts of all corpora, label them, drop exact duplicates, and say what there is."""

import logging
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lhotse import MonoCut

from kwsdata.clips.corpus import ROOTS, corpus_dirs, read_info
from kwsdata.clips.exclusions import EXCLUDED, load_excluded
from kwsdata.clips.manifests import with_fields, write_cuts
from kwsdata.clips.shards import shard_cuts
from kwsdata.clips.view import ClipView
from kwsdata.errors import CorpusError
from kwsdata.execution.progress import progress
from kwsdata.files.atomic import atomic_path, write_json
from kwsdata.params import Params
from kwsdata.stages.index.label import label_of
from kwsdata.text import same, spell_out

_LISTED = 20  # excluded clips named for each reason
_TEXTS = 3  # shown of a corpus that never says the keyword
LOG = logging.getLogger(__name__)


def run(
    params: Params, roots: tuple[Path, ...] = ROOTS, out: Path = Path("data/index"), excluded: Path = EXCLUDED
) -> dict[str, Any]:
    """Write `out/cuts.jsonl.gz` (labelled cuts, corpora by name) and `out/index.json`; return the latter.

    Impulse responses stay out: they are read by the rooms stage. Of clips with the same samples the first is kept.
    Clips that the file `excluded` lists stay out too; ids in it that no corpus has are warned of and counted.

    Raises:
        CorpusError: there is no corpus, two share a name, no clip says the keyword, or none of a corpus of role keyword
            says it or one of `index.other_words`.
    """
    directories = [directory for root in roots for directory in corpus_dirs(root)]
    if not directories:
        raise CorpusError(
            f"no corpus below {' or '.join(map(str, roots))}: type `dvc repro synthesize` or `kwsdata import`."
        )
    names = [directory.name for directory in directories]
    if len(set(names)) < len(names):
        raise CorpusError(f"two corpora share a name among {sorted(names)}: import one again with another --name.")
    tally = _Tally(load_excluded(excluded))
    with atomic_path(out) as scratch:
        scratch.mkdir()
        write_cuts(
            scratch / "cuts.jsonl.gz", _labelled(directories, params.keyword.text, params.index.other_words, tally)
        )
        tally.note_unknown(excluded)
        summary = tally.summary(directories, params.keyword.text)
        write_json(scratch / "index.json", summary)
        if tally.others:
            raise CorpusError(_other_words(params.keyword.text, tally.others))
        if not tally.hours_by_label["keyword"]:
            raise CorpusError(
                f"no clip says the keyword {spell_out(params.keyword.text)}: import recordings of it with role "
                "keyword, or raise synthesize.*.positives in params.yaml."
            )
    return summary


class _Tally:
    """Counts while cuts pass by."""

    def __init__(self, left_out: frozenset[str]) -> None:
        self.left_out = left_out
        self.found: set[str] = set()  # of left_out
        self.heard: set[bytes] = set()  # 16 bytes of each hash: some 0.1 kB a clip is all the memory that grows
        self.excluded: dict[str, _Some] = defaultdict(_Some)
        self.hours_by_label: dict[str, float] = defaultdict(float)
        self.clips_by_corpus: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.others: dict[str, Counter[str]] = {}  # texts of each corpus of role keyword that never says the keyword

    def note_unknown(self, path: Path) -> None:
        """Count, and warn of, ids to leave out that no corpus has: nothing is left out for them."""
        unknown = sorted(self.left_out - self.found)
        for cut_id in unknown:
            self.excluded["listed in review/excluded.txt, in no corpus"].append(cut_id)
        if unknown:
            LOG.warning(
                "%s names %d clip(s) that no corpus here has: %s. Mend mistyped ids; delete those of corpora that are "
                "gone.",
                *(path, len(unknown), ", ".join(unknown[:_LISTED])),
            )

    def summary(self, directories: list[Path], keyword: str) -> dict[str, Any]:
        corpora = []
        for directory in directories:
            info = read_info(directory).row()
            counts = dict(self.clips_by_corpus[info["name"]])
            corpora.append(info | {"clips_by_label": counts, "clips": sum(counts.values())})
        return {
            "keyword": keyword,
            "corpora": corpora,
            "hours_by_label": {label: round(hours, 4) for label, hours in sorted(self.hours_by_label.items())},
            "excluded": {
                reason: {"clips": some.clips, "first": some.first} for reason, some in sorted(self.excluded.items())
            },
        }


@dataclass
class _Some:
    """How many clips, and which came first."""

    clips: int = 0
    first: list[str] = field(default_factory=list)

    def append(self, cut_id: str) -> None:
        """Count a clip."""
        self.clips += 1
        if len(self.first) < _LISTED:
            self.first.append(cut_id)


def _labelled(directories: list[Path], keyword: str, others: list[str], tally: _Tally) -> Iterator[MonoCut]:
    for directory in progress(directories, "index", "folder"):
        info = read_info(directory)
        if info.role == "rir":
            continue
        texts: Counter[str] = Counter()
        says_it = False
        for cut in shard_cuts(directory):
            clip = ClipView(cut)
            text = clip.text
            label, reason = label_of(clip.role or info.role, clip.kind, text, keyword)
            says_it |= label == "keyword" or any(same(text or "", other) for other in others)
            if info.role == "keyword":
                texts[text or ""] += 1
            if cut.id in tally.left_out:
                tally.excluded["listed in review/excluded.txt"].append(cut.id)
                tally.found.add(cut.id)
                continue
            digest = bytes.fromhex(clip.audio_sha256)[:16]
            if digest in tally.heard:
                reason, label = "same sound as another clip", None
            tally.heard.add(digest)
            if label is None:
                tally.excluded[reason].append(cut.id)
                continue
            tally.hours_by_label[label] += cut.duration / 3600
            tally.clips_by_corpus[info.name][label] += 1
            yield with_fields(cut, label=label, synthetic=True if info.synthetic else None)
        if info.role == "keyword" and not says_it:
            tally.others[info.name] = texts


def _other_words(keyword: str, corpora: dict[str, Counter[str]]) -> str:
    """Return what is wrong with corpora {name: {text: clips}} of which no clip says the keyword, and what to do."""
    told = []
    for name, texts in corpora.items():
        first = ", ".join(f"{spell_out(text)} in {clips}" for text, clips in texts.most_common(_TEXTS))
        more = f" and {len(texts) - _TEXTS} other texts" if len(texts) > _TEXTS else ""
        told.append(f"none of the {texts.total()} clips of {name} does, whose texts are {first}{more}")
    return (
        f"a corpus of role keyword must say the keyword {spell_out(keyword)}; {'; '.join(told)}. If they say it, "
        f"import them again with `--label {shlex.quote(keyword)}`; if they say another wake word of this project, name "
        "it in index.other_words of params.yaml; if they say other words, import them again with `--role speech "
        "--force`; or correct keyword.text in params.yaml."
    )
