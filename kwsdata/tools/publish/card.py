"""The dataset card: YAML that Hugging Face reads, then what a person needs, all of it from manifests and params."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from kwsdata import __version__
from kwsdata.clips.corpus import CorpusInfo
from kwsdata.licences.voices import credit_of
from kwsdata.markdown import code, plain
from kwsdata.params import Params
from kwsdata.tools.dataset.stats import hours
from kwsdata.tools.publish.gate import Source
from kwsdata.tools.publish.layouts import hf_names
from kwsdata.tools.publish.survey import Survey

_SIZES = (("n<1K", 1e3), ("1K<n<10K", 1e4), ("10K<n<100K", 1e5), ("100K<n<1M", 1e6), ("1M<n<10M", 1e7))
_LABELS = ("keyword", "confusable", "speech", "noise", "mined")


@dataclass(frozen=True)
class Facts:
    """What the card is made of. `corpora`: what the corpora declare. `state`: commit and the dataset's hash."""

    params: Params
    survey: Survey
    corpora: Mapping[str, CorpusInfo]
    limits: Sequence[str]
    layouts: Sequence[str]
    state: Mapping[str, str | None]


def card_of(facts: Facts) -> str:
    """Return the README.md of the dataset."""
    keyword = facts.params.keyword.text
    front = yaml.safe_dump(front_matter(facts), sort_keys=False, allow_unicode=True, width=100)
    sections = [
        f"# {plain(keyword)}: a wake-word dataset",
        _summary(facts),
        "## What is in it\n\n" + _parts(facts.survey),
        "## Where it comes from\n\n" + _sources(facts),
        "## Licences\n\n" + _licences(facts),
        "## Credits and citations\n\n" + _citations(facts),
        "## How it was made\n\n" + _recipes(facts),
        "## Known limits\n\n" + "\n".join(f"- {limit}" for limit in facts.limits),
        "## How to read it\n\n" + _usage(facts),
    ]
    return f"---\n{front}---\n\n" + "\n\n".join(sections) + "\n"


def front_matter(facts: Facts) -> dict[str, Any]:
    """Return the metadata that Hugging Face reads: licences, languages, size, and where each split's files lie."""
    found = facts.survey
    hubs = sorted({licence.hub for source in found.sources.values() for licence in source.terms})
    if any(source.permission for source in found.sources.values()) or not hubs:
        hubs = sorted({*hubs, "other"})
    front: dict[str, Any] = {
        "pretty_name": f"{facts.params.keyword.text} (wake word)",
        "license": hubs[0] if len(hubs) == 1 else hubs,
        "language": sorted({language.split("-")[0].split("_")[0].lower() for language in found.languages}) or None,
        "task_categories": ["audio-classification"],
        "size_categories": [next((name for name, limit in _SIZES if found.clips < limit), "n>10M")],
        "tags": ["audio", "keyword-spotting", "wake-word", "kwsdata"],
    }
    if "hf" in facts.layouts:
        configs: dict[str, list[dict[str, str]]] = {}
        for part in found.tallies:
            config, split = hf_names(part)
            configs.setdefault(config, []).append({"split": split, "path": f"hf/{config}/{split}-*.parquet"})
        front["configs"] = [
            {"config_name": config, "data_files": files} | ({"default": True} if number == 0 else {})
            for number, (config, files) in enumerate(configs.items())
        ]
    return {key: value for key, value in front.items() if value is not None}


def _summary(facts: Facts) -> str:
    found, state = facts.survey, facts.state
    total = sum(tally.samples for tally in found.tallies.values())
    speakers = len({speaker for tally in found.tallies.values() for speaker in tally.speakers})
    commit = f", commit `{state['commit']}`" if state.get("commit") else ""
    return (
        f'{found.clips} clips, {hours(total):.2f} hours, for detecting the word "{plain(facts.params.keyword.text)}": '
        f"{speakers} known speakers, voices and noise sources, each of which belongs to one partition. Made by kwsdata "
        f"{__version__}{commit}; content hash `{state['dataset']}`."
    )


def _parts(found: Survey) -> str:
    rows = []
    for part, tally in found.tallies.items():
        labels = ", ".join(
            f"{label} {tally.labels[label]} ({hours(tally.label_samples[label]):.2f} h)"
            for label in sorted(tally.labels, key=lambda one: (_LABELS.index(one) if one in _LABELS else 9, one))
        )
        rows.append([f"`{part}`", str(tally.cuts), f"{hours(tally.samples):.2f}", str(len(tally.speakers)),
                     f"{100 * tally.synthetic / tally.cuts:.0f} %", labels])  # fmt: skip
    return _table(["part", "clips", "hours", "speakers", "synthetic", "clips (hours) by label"], rows)


def _sources(facts: Facts) -> str:
    rows = []
    for name, source in sorted(facts.survey.sources.items()):
        info = facts.corpora.get(name.split(":")[0])
        origin = plain(credit_of(name) or (info.source if info else "made here"))
        licence = ", ".join(sorted(one.spdx for one in source.terms)) or "see the permission below"
        rows.append([code(name), licence, str(source.clips), f"{hours(source.samples):.2f}", str(source.mixed), origin])
    return _table(["source", "licence", "clips", "hours", "also heard in", "origin"], rows)


def _licences(facts: Facts) -> str:
    asks: dict[str, list[str]] = {}
    permitted = []
    for name, source in sorted(facts.survey.sources.items()):
        if source.permission is not None:
            permitted.append(
                f"- {code(name)}: by permission: {plain(source.permission)} (declared: {_declared(source)})"
            )
            continue
        for licence in source.terms:
            for ask in licence.asks:
                asks.setdefault(ask, []).append(f"{code(name)} ({licence.spdx})")
    replaced = [f"- {line}" for name, info in sorted(facts.corpora.items()) for line in overridden(name, info)]
    lines = [f"- {ask}: {', '.join(dict.fromkeys(names))}" for ask, names in asks.items()] or ["- nothing is asked"]
    return (
        "Each clip keeps its sources' licences; the columns `sources` and `licences` name them, mixed-in noise, voices "
        f"and rooms included. Whoever uses the whole must meet all of them; the strictest are "
        f"{' and '.join(facts.survey.strictest) or 'those below'}:\n\n" + "\n".join([*lines, *permitted, *replaced])
    )


def _declared(source: Source) -> str:
    return plain(", ".join(sorted(source.licences))) or "nothing"


def overridden(name: str, info: CorpusInfo) -> list[str]:
    """Return, in words, which licences of its clips those who imported a corpus replaced, and why."""
    if info.licence_override is None:
        return []
    told = info.licence_override
    said = ", ".join(f"{clips} clips said {plain(licence)}" for licence, clips in told["replaced"].items())
    return [f"{code(name)}: declared to be {plain(info.licence)} where {said}: {plain(told['reason'])}"]


def _citations(facts: Facts) -> str:
    lines = [
        f"- {code(name)}: {plain(info.citation)} ({plain(info.source)})" for name, info in sorted(facts.corpora.items())
    ]
    voices = {name: credit for name in sorted(facts.survey.sources) if (credit := credit_of(name))}
    return (
        "\n".join([*lines, *(f"- {code(name)}: {plain(credit)}" for name, credit in voices.items())])
        or "- nobody to credit"
    )


def _recipes(facts: Facts) -> str:
    params, found = facts.params, facts.survey
    shares = params.partitions
    whole = [f"`{name}` in {part}" for name, part in sorted(params.split.whole.items()) if name in facts.corpora]
    lines = [
        f"- Partitions: a hash of each speaker's, voice's and noise source's name puts it in train ({shares.train:g}), "
        f"dev ({shares.dev:g}) or test ({shares.test:g}), seed {shares.seed}; whole corpora: "
        f"{', '.join(whole) or 'none'}.",
        "- Every clip was decoded once, resampled to 16 kHz with soxr, checked for silence and clipping; a sound that "
        "occurs twice is kept once.",
    ]
    for part, effects in found.effects.items():
        clips = found.tallies[part].cuts
        often = sorted(effects.items(), key=lambda one: (-one[1], one[0]))
        told = ", ".join(f"{name.replace('_', ' ')} {100 * count / clips:.0f} %" for name, count in often)
        lines.append(f"- `{part}`: copies of the clips of split/train. Share of clips with each effect: {told}.")
    lines.append(
        "- The draws that made a clip are in its `cut` (`custom.recipe`), and every number behind them in "
        "`params.yaml` beside this card, without what names the machine or its accounts."
    )
    return "\n".join(lines)


def _usage(facts: Facts) -> str:
    part = next(iter(facts.survey.tallies))
    config, split = hf_names(part)
    lines = []
    if "hf" in facts.layouts:
        lines += [
            "import datasets",
            f'clips = datasets.load_dataset(DIR, "{config}", split="{split}")   # DIR, or the name on the hub',
            "# clips[0]['audio'] needs the package torchcodec; without it, read the FLAC bytes yourself:",
            'clips = clips.cast_column("audio", datasets.Audio(decode=False))',
            'wave, rate = soundfile.read(io.BytesIO(clips[0]["audio"]["bytes"]))',
        ]
    if "shar" in facts.layouts:
        lines += ["from lhotse import CutSet", f'cuts = CutSet.from_shar(in_dir=f"{{DIR}}/shar/{part}")']
    if "webdataset" in facts.layouts:
        lines += [
            "import webdataset",
            f'samples = webdataset.WebDataset(sorted(glob(f"{{DIR}}/webdataset/{part}/*.tar")), shardshuffle=False)',
        ]
    return "```python\n" + "\n".join(lines) + "\n```"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
