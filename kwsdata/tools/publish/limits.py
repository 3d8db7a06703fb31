"""What a reader of the card must know before trusting the dataset: each limit is read from the data, in words."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from kwsdata.clips.corpus import CorpusInfo
from kwsdata.files.atomic import read_json
from kwsdata.markdown import code, plain
from kwsdata.params import Params
from kwsdata.tools.publish.survey import Survey

CHECK = Path("data/check/check.json")
_NO_CITATION = {"none given", "none", ""}


def limits(found: Survey, corpora: Mapping[str, CorpusInfo], params: Params, check: Path = CHECK) -> Iterator[str]:
    """Yield the known limits of what is handed on."""
    yield from _people(found, params)
    for corpus, clips in sorted(found.nobody.items()):
        yield (
            f"Nobody knows who speaks in {code(corpus)} ({clips} clips), so it lies whole in one partition; the same "
            "person may be in another corpus too."
        )
    for corpus, clips in sorted(found.mute.items()):
        yield (
            f"{code(corpus)} has {clips} clips of speech without a transcript: that they do not hold the keyword is "
            "trusted, not known."
        )
    if found.left_out:
        told = ", ".join(f"{code(name)} ({clips} clips)" for name, clips in sorted(found.left_out.items()))
        yield f"Left out, with everything it is heard in: {told}. Models trained here had more data than this."
    for name, info in sorted(corpora.items()):
        if info.citation.strip().lower() in _NO_CITATION and any(
            licence.credit for source in found.sources.values() if source.name == name for licence in source.terms
        ):
            yield (
                f"No citation is recorded for {code(name)}, whose licence asks for credit; it came from: "
                f"{plain(info.source)}."
            )
    yield from _gate(check)
    yield "All sound is 16 kHz, one channel, 16 bits (rooms: 24): whatever lay above 8 kHz in the originals is gone."
    yield (
        "Recordings of voices are personal data in many countries, whatever their licence says of copyright: use them "
        "for what their speakers agreed to."
    )


def _people(found: Survey, params: Params) -> Iterator[str]:
    for part, tally in found.tallies.items():
        if not part.startswith("split/"):
            continue
        keyword = tally.labels["keyword"]
        if not keyword:
            yield f"`{part}` has no clip of the keyword."
        if tally.synthetic:
            share = 100 * tally.synthetic / tally.cuts
            yield f"{share:.0f} % of the clips of `{part}` are synthetic; figures on them say little of people."
        if 0 < len(tally.speakers) < params.check.min_speakers:
            yield f"`{part}` has {len(tally.speakers)} known speakers and noise sources."


def _gate(check: Path) -> Iterator[str]:
    if not check.is_file():
        yield "`kwsdata check` (leaks between partitions, faults of sound and labels) has not been run on this state."
        return
    result = read_json(check)
    if not result["passed"]:
        yield "`kwsdata check` FAILED when it was last run."
    rules = ", ".join(f"{rule} {count}" for rule, count in result["rules"].items())
    yield f"`kwsdata check`, when last run, reported: {rules or 'nothing'}."
