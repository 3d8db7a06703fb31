"""Rules about amounts: hours of each label, clips of each speaker."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from lhotse import MonoCut

from kwsdata.clips.view import ClipView
from kwsdata.params.negatives import CheckParams
from kwsdata.stages.check.finding import Finding


def counts_of(cuts: Iterable[MonoCut]) -> dict[str, Any]:
    """Return clips, hours and speakers of each label, and the speaker with the most keyword clips."""
    rows: dict[str, dict[str, float]] = defaultdict(lambda: {"clips": 0, "hours": 0.0})
    speakers: dict[str, Counter[str]] = defaultdict(Counter)
    for cut in cuts:
        clip = ClipView(cut)
        rows[clip.label]["clips"] += 1
        rows[clip.label]["hours"] += clip.duration_s / 3600
        if clip.speaker:
            speakers[clip.label][clip.speaker] += 1
    return {
        label: {"clips": int(row["clips"]), "hours": round(row["hours"], 6), "speakers": len(speakers[label])}
        | ({"most_by": list(speakers[label].most_common(1)[0])} if speakers[label] else {})
        for label, row in sorted(rows.items())
    }


def imbalances(partition: str, counts: dict[str, Any], params: CheckParams) -> Iterator[Finding]:
    """Yield what is out of proportion in one partition."""
    keyword = counts.get("keyword")
    if keyword is None:
        yield Finding("imbalance", f"{partition} has no keyword clip", [], _MORE.format(partition=partition))
        return
    negative = sum(row["hours"] for label, row in counts.items() if label != "keyword")
    ratio = negative / max(keyword["hours"], 1e-9)
    if ratio > params.max_hours_ratio:
        yield Finding(
            "imbalance",
            f"{partition} has {ratio:.0f} times as much other sound as keyword (limit {params.max_hours_ratio:g})",
            [],
            _MORE.format(partition=partition),
        )
    if 0 < keyword["speakers"] < params.min_speakers:
        yield Finding(
            "imbalance",
            f"the keyword is said by {keyword['speakers']} speakers in {partition} (wanted: {params.min_speakers})",
            [],
            _MORE.format(partition=partition),
        )
    if keyword["speakers"] > 1:
        speaker, clips = keyword["most_by"]
        share = clips / keyword["clips"]
        if share > params.max_speaker_share:
            yield Finding(
                "imbalance",
                f"{speaker} says {share:.2f} of {partition}'s keyword clips (limit {params.max_speaker_share:g})",
                [],
                _MORE.format(partition=partition),
            )


_MORE = "import more recordings of the keyword into {partition} (`kwsdata import folder PATH --role keyword`)"
