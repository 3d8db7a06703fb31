"""One line on what a stage of kwsdata made, from the summary that it returns: {stage: function}."""

from collections.abc import Callable, Mapping
from typing import Any

Summary = Mapping[str, Any]


def counted(number: float, what: str) -> str:
    """Return "1,234 clips"; of one, the last letter goes: "1 clip"."""
    return f"{number:,} {what[:-1] if number == 1 else what}"


def total(values: Any) -> float:
    """Return the sum of the numbers in a mapping, however deep."""
    return sum(map(total, values.values())) if isinstance(values, Mapping) else values


def _synthesize(made: Summary) -> str:
    parts = []
    if speech := made.get("speech"):
        parts.append(f"{counted(total(speech['clips']), 'clips')} of speech")
    if noise := made.get("noise"):
        parts.append(f"{noise['clips']:,} of noise")
    return f"{' and '.join(parts) or 'nothing'}, in data/synthetic"


def _simulate_rirs(made: Summary) -> str:
    return f"{counted(total(made['rirs']), 'responses')} of {counted(total(made['rooms']), 'rooms')}, in data/rirs"


def _index(made: Summary) -> str:
    clips = sum(corpus["clips"] for corpus in made["corpora"])
    hours = ", ".join(f"{label} {hours:.2f} h" for label, hours in made["hours_by_label"].items())
    return f"{counted(clips, 'clips')} of {len(made['corpora'])} corpora ({hours}), in data/index"


def _split(made: Summary) -> str:
    hours = {name: sum(row["hours"] for row in labels.values()) for name, labels in made["partitions"].items()}
    return f"{', '.join(f'{name} {value:.2f} h' for name, value in hours.items())}, in data/split"


def _make_testsets(made: Summary) -> str:
    sets = (
        f"{name} {row['hours']:.2f} h with {counted(row['n_positive'], 'keywords')}"
        for name, row in made["sets"].items()
    )
    return f"{', '.join(sets)}, in data/testsets"


def _embed(made: Summary) -> str:
    if made["embedder"] is None:
        return "nothing, as embed.embedder is null"
    return f"{counted(total(made['vectors']), 'vectors')} of {made['embedder']}, in data/embeddings"


def _mine_negatives(made: Summary) -> str:
    if "why" in made:
        return f"nothing: {made['why']}"
    return f"{counted(made['mined'], 'windows')} of {made['candidates']:,} candidates, in data/mined"


def _check(made: Summary) -> str:
    found = counted(len(made["findings"]), "warnings") if made["findings"] else "no warning"
    return f"passed with {found}: data/check/index.html"


def _augment(made: Summary) -> str:
    return f"{counted(made['clips'], 'clips')}, {made['hours']:.2f} h, in data/augmented"


def _featurize(made: Summary) -> str:
    frames = ", ".join(f"{name} {counted(store['frames'], 'frames')}" for name, store in made.items())
    return f"{frames}, in data/features"


def _embed_augmented(made: Summary) -> str:
    if made["embedder"] is None:
        return "nothing, as neither teacher nor trunk needs it"
    return f"{counted(total(made['frames']), 'frames')}, in data/embedded"


MADE: dict[str, Callable[[Summary], str]] = {
    "synthesize": _synthesize,
    "simulate_rirs": _simulate_rirs,
    "index": _index,
    "split": _split,
    "make_testsets": _make_testsets,
    "embed": _embed,
    "mine_negatives": _mine_negatives,
    "check": _check,
    "augment": _augment,
    "featurize": _featurize,
    "embed_augmented": _embed_augmented,
}
