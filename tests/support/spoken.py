"""A tiny project of spoken words: corpora, split and embeddings that mining and the leakage gate are tested on.

eSpeak says everything, so that what is hidden where is known: a false friend and a keyword occurrence in the middle of
other speech.
"""

import re
from functools import cache
from pathlib import Path

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform, active_span
from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.params import Params
from kwsdata.params.negatives import CopiesParams
from kwsdata.stages.embed.stage import run as embed
from kwsdata.stages.index.stage import run as index
from kwsdata.stages.split.stage import run as split
from kwsdata.stages.synthesize.engines import Request, load_engine

KEYWORD = "computer"
FRIEND = "commuter"
# Fingerprints cannot tell these from one of the others.
_ALIKE = {
    *("anikarobot", "benjamin", "boris", "diogo", "edward", "gene", "grandpa", "hugo", "john", "klatt", "linda", "max"),
    *("michel", "miguel", "paul", "ricishaymax", "rob", "robert", "sandro", "tweaky"),
}
_MANNER = {"train": ("en-us", (0.9, 1.15)), "dev": ("en-gb-x-rp", (0.8, 1.05)), "test": ("en-gb-scotland", (1.0, 1.25))}
SENTENCES = (
    "the weather was pleasant along the river that morning",
    "she bought seven apples and a small loaf of bread",
    "nobody remembered where the old key had been hidden",
    "our neighbours are painting the fence green again",
    "a quiet street is better for sleeping than a busy one",
    "they walked uphill until the village disappeared",
    "his brother plays the violin in a famous orchestra",
    "please put the heavy boxes behind the garage door",
)


@cache
def spoken(text: str, voice: str, accent: str = "en-us", speed: float = 1.0) -> Waveform:
    """Return `text` in one of eSpeak's voices, trimmed to what sounds."""
    wave = load_engine("espeak").speak(Request("espeak", voice, text, accent, speed=speed))
    start, end = active_span(wave, 45)
    return wave[start:end]


@cache
def voices() -> tuple[str, ...]:
    """Return the names of some 48 of eSpeak's voices, none of which is another one under a second name."""
    names: dict[str, str] = {}
    for voice in load_engine("espeak").voices("en-us"):
        names.setdefault(re.sub(r"[\d_-]+$", "", voice.name).lower(), voice.name)
    return tuple(name for stem, name in names.items() if stem not in _ALIKE)


def hidden(word: Waveform, voice: str, seed: int) -> tuple[Waveform, float]:
    """Return (`word` between two sentences of another voice, the time of its middle in s)."""
    before, after = spoken(SENTENCES[seed % 8], voice), spoken(SENTENCES[(seed + 3) % 8], voice)
    gap = np.zeros(800, np.float32)
    start = before.size + gap.size
    return np.concatenate([before, gap, word, gap, after]), (start + word.size / 2) / SAMPLE_RATE


def corpus(root: Path, name: str, role: str, items: list[Item], speakers: str = "known") -> None:
    """Write `items` as the corpus `name` below `root`/data/corpora."""
    info = CorpusInfo(name, "folder", role, "CC0-1.0", "none", "made here", speakers)  # type: ignore[arg-type]
    write_corpus(root / "data" / "corpora" / name, info, items, 100, 0.0)


def words(partition: str, names: tuple[str, ...]) -> list[Item]:
    """Return the keyword in the voices `names`, with silence around it and its span marked.

    Each partition has its own accent and pace: at the same ones fingerprints cannot tell some of eSpeak's voices apart.
    """
    accent, speeds = _MANNER[partition]
    items = []
    for name in names:
        for take, speed in enumerate(speeds):
            wave = np.pad(spoken(KEYWORD, name, accent, speed), 4000)
            items.append(Item(f"{partition}-{name}-{take}", wave, KEYWORD, name, span=(4000, wave.size - 4000)))
    return items


def sentences(names: tuple[str, ...], transcripts: bool = False) -> list[Item]:
    """Return all sentences in the voices `names`."""
    return [
        Item(f"{name}-{number}", spoken(text, name), text if transcripts else None, name)
        for name in names
        for number, text in enumerate(SENTENCES)
    ]


def _copies(params: Params) -> CopiesParams:
    """Return limits for corpora of a synthesiser that do not say so: its voices say a sentence in step."""
    limits = params.check.copies
    least = [(seconds, max(limit, limits.min_alike_synthetic)) for seconds, limit in limits.min_alike]
    return limits.model_copy(update={"min_alike": least, "waveforms": 0})


def build(root: Path, params: Params) -> Params:
    """Write corpora, index, split and embeddings below `root` (the current directory); return the params used."""
    names = voices()
    corpus(root, "words-train", "keyword", words("train", names[0:24:2]))
    corpus(root, "words-dev", "keyword", words("dev", names[1:7:2]))
    corpus(root, "words-test", "keyword", words("test", names[7:13:2]))
    corpus(root, "talk-train", "speech", sentences(names[24:36]))
    corpus(root, "talk-dev", "speech", sentences(names[36:38]))
    corpus(root, "talk-test", "speech", sentences(names[38:40]))
    friend, friend_at = hidden(spoken(FRIEND, names[13]), names[24], 1)
    secret, secret_at = hidden(spoken(KEYWORD, names[15]), names[25], 2)
    planted = [
        Item("friend", friend, None, names[13], fields={"at_s": friend_at}),
        Item("secret", secret, None, names[15], fields={"at_s": secret_at}),
    ]
    corpus(root, "planted", "speech", planted)
    whole = {f"{kind}-{partition}": partition for kind in ("words", "talk") for partition in ("train", "dev", "test")}
    used = params.model_copy(
        update={
            "executor": params.executor.model_copy(update={"kind": "serial"}),
            "split": params.split.model_copy(update={"whole": whole | {"planted": "train"}}),
            "check": params.check.model_copy(
                update={"min_speakers": 2, "max_speaker_share": 0.6, "copies": _copies(params)}
            ),
        }
    )
    index(used)
    split(used)
    embed(used)
    return used
