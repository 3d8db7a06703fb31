"""Leave clips out of every partition: named by hand, proposed by the gate, or rejected by a reviewer."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from kwsdata.clips.corpus import ROOTS, corpus_dirs, read_info
from kwsdata.clips.decisions import DECISIONS, load_decisions
from kwsdata.clips.exclusions import EXCLUDED, exclude, proposed_cuts
from kwsdata.clips.shards import SHAR
from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_jsonl_gz
from kwsdata.files.scratch import list_visible
from kwsdata.tools.dataset.nearest import nearest_ids

HEARD = "a reviewer heard the keyword"
_SUGGESTED = 3
_LISTED = 20


def leave_out(
    cuts: Iterable[str],
    why: str,
    rule: str | None = None,
    heard: bool = False,
    path: Path = EXCLUDED,
    decisions: Path = DECISIONS,
    check: Path = Path("data/check/check.json"),
    roots: tuple[Path, ...] = ROOTS,
) -> dict[str, Any]:
    """Add clips to the file `path`; all are checked before any is added.

    Args:
        cuts: ids, with `why` as their comment.
        why: any words.
        rule: of findings in check.json, whose proposals are added too.
        heard: also add the clips in which a reviewer heard the keyword; those of named pools are in no corpus, and so
            in no partition.

    Returns:
        `excluded`: how many clips are newly left out; with `heard`, `in_no_corpus`: how many of pools there were.

    Raises:
        StageInputError: an id is in no corpus here, with those written most like it; or there is no corpus here, or no
            finding of `rule`; or one of the files is damaged.
    """
    by_hand = set(cuts)
    by_rule = proposed_cuts(rule, check) if rule is not None else set()
    by_ear = load_decisions(decisions).clips("keyword") if heard else set()
    known = set(clip_ids(roots)) if by_hand or by_rule or by_ear else set()
    _check_known(by_hand | by_rule, known, roots)
    added = exclude(by_hand, why, path)
    added += exclude(by_rule, rule or "", path)
    added += exclude(by_ear & known, HEARD, path)
    return {"excluded": added} | ({"in_no_corpus": len(by_ear - known)} if heard else {})


def clip_ids(roots: Iterable[Path] = ROOTS) -> Iterator[str]:
    """Yield the ids of the clips that `index` reads: of every corpus but those of rooms.

    Raises:
        StageInputError: a corpus is damaged.
    """
    for directory in (directory for root in roots for directory in corpus_dirs(root)):
        if read_info(directory).role != "rir":
            for manifest in list_visible(directory / SHAR, "cuts.*.jsonl.gz"):
                yield from (str(row.get("id")) for row in read_jsonl_gz(manifest))


def _check_known(wanted: set[str], known: Collection[str], roots: tuple[Path, ...]) -> None:
    unknown = sorted(wanted - set(known))
    if not unknown:
        return
    if not known:
        raise StageInputError(
            f"there is no corpus below {' or '.join(map(str, roots))} in which {unknown[0]!r} could be looked up: type "
            "`dvc pull`, or `dvc repro synthesize`, first."
        )
    told = "; ".join(
        f"{cut!r} (nearest: {', '.join(nearest_ids(cut, known, _SUGGESTED))})" for cut in unknown[:_LISTED]
    )
    more = f" and {len(unknown) - _LISTED} more" if len(unknown) > _LISTED else ""
    raise StageInputError(f"no corpus here has a clip {told}{more}: nothing was added. Ids are as in data/index.")
