"""Hide false friends, keywords and duplicates in hours of real speech, and see what mining and the gate make of them.

    OMP_NUM_THREADS=1 python benchmarks/mining_planted.py --data ../shared/data [--keep DIR]

DATA holds wake_words_crowd/computer, speech_english_libri, speech_german_kerstin, speech_dutch_fillets. Train's words
are the crowd's, less 20 of which no copy is left among the others; those 20, and words that Kokoro and
eSpeak say, are each put into a sentence. Ranks count the places in the unplanted speech that mining ranks higher. Then
20 sentences of test are put into train, 20 ms later, quieter, through 8 kHz: the gate must name each.
"""

import argparse
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import soundfile

from kwsdata.audio import SAMPLE_RATE, Waveform, active_span, resample, rms
from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.clips.manifests import read_cuts
from kwsdata.clips.view import ClipView
from kwsdata.files.atomic import read_json, read_jsonl_gz
from kwsdata.measures.fingerprints import Table, fingerprint
from kwsdata.params import load_params
from kwsdata.stages.check.stage import GateError
from kwsdata.stages.check.stage import run as check
from kwsdata.stages.embed.stage import run as embed
from kwsdata.stages.index.stage import run as index
from kwsdata.stages.mine_negatives.stage import run as mine
from kwsdata.stages.split.stage import run as split
from kwsdata.stages.synthesize.engines import Request, load_engine

FRIENDS = (
    "commuter",
    "compute her",
    "computing",
    "confuser",
    "can pewter",
    "come pewter",
    "tutor",
    "compute",
    "consumer",
)
HELD = 20


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--keep", type=Path, help="work here instead of in a directory that is removed")
    asked = options.parse_args()
    data, params = asked.data.resolve(), load_params()
    with tempfile.TemporaryDirectory() as scratch:
        root = asked.keep or Path(scratch)
        root.mkdir(parents=True, exist_ok=True)
        os.chdir(root)
        os.environ["KWSDATA_CACHE"] = str(root / "cache")
        planted = write_corpora(data)
        whole = {"crowd": "train", "german": "train", "dutch": "train", "planted": "train", "copies": "train"}
        whole |= {"libri-train": "train", "libri-test": "test", "crowd-dev": "dev"}
        params = params.model_copy(
            update={
                "executor": params.executor.model_copy(update={"kind": "serial"}),
                "split": params.split.model_copy(update={"whole": whole}),
            }
        )
        index(params)
        split(params)
        embed(params)
        mine(params)
        print(json.dumps({"mining": mined_report(planted), "gate": gate_report(params)}, indent=2))


def read(path: Path) -> Waveform:
    wave, rate = soundfile.read(path, dtype="float32")
    return resample(wave, rate)


def write_corpora(data: Path) -> dict[str, tuple[str, float]]:
    """Write every corpus; return {planted cut: (what is in it, its middle in s)}."""
    crowd = {path.stem: read(path) for path in sorted((data / "wake_words_crowd/computer").glob("*"))}
    table = Table(fingerprint(wave) for wave in crowd.values())
    alone = [name for name, wave in crowd.items() if len(table.matches(fingerprint(wave), 0.2, 50)) == 1]
    held = alone[:: len(alone) // HELD][:HELD]
    corpus("crowd", "keyword", (word(name, wave) for name, wave in crowd.items() if name not in held))
    corpus(
        "crowd-dev", "keyword", (word(name, read(data / name)) for name in few(data, "wake_words_community/computer"))
    )
    sentences = [
        str(path.relative_to(data)) for path in sorted((data / "speech_english_libri").rglob("*")) if path.is_file()
    ]
    carriers, rest = sentences[:90], sentences[90:]
    corpus("libri-train", "speech", (Item(Path(n).stem, read(data / n)) for n in rest[60:]))
    corpus("libri-test", "speech", (Item(Path(n).stem, read(data / n)) for n in rest[:60]))
    for name, folder in (("german", "speech_german_kerstin"), ("dutch", "speech_dutch_fillets")):
        corpus(name, "speech", (Item(Path(n).stem, read(data / n)) for n in few(data, folder)))
    corpus("copies", "speech", (Item(Path(n).stem, changed(read(data / n))) for n in rest[:HELD]))
    words = [(f"keyword {name}", trimmed(crowd[name])) for name in held]
    words += [(f"friend {text}", wave) for text, wave in spoken()]
    found = {}
    items = []
    for number, ((what, wave), carrier) in enumerate(zip(words, carriers, strict=False)):
        mixed, middle = inserted(read(data / carrier), wave)
        items.append(Item(f"p{number:02d}", mixed))
        found[f"planted-p{number:02d}"] = (what, middle / SAMPLE_RATE)
    corpus("planted", "speech", iter(items))
    return found


def few(data: Path, folder: str) -> list[str]:
    return [str(path.relative_to(data)) for path in sorted((data / folder).rglob("*")) if path.is_file()]


def corpus(name: str, role: str, items: Iterator[Item]) -> None:
    info = CorpusInfo(name, "folder", role, "see the data's README", "", "", "unknown")  # type: ignore[arg-type]
    usable = (item for item in items if item.wave.size > SAMPLE_RATE // 10 and np.abs(item.wave).max() > 1e-3)
    write_corpus(Path("data/corpora") / name, info, usable, 250, 0.5)


def word(name: str, wave: Waveform) -> Item:
    return Item(Path(name).stem, wave, "computer", span=active_span(wave))


def trimmed(wave: Waveform) -> Waveform:
    start, end = active_span(wave)
    return wave[max(0, start - 800) : end + 800]


def spoken() -> Iterator[tuple[str, Waveform]]:
    for name in ("kokoro", "espeak"):
        engine = load_engine(name)
        voices = engine.voices("en-us")
        for number, text in enumerate(FRIENDS):
            for take in (3, 10):
                voice = voices[(take * number + take) % len(voices)]
                yield f"{text} ({name})", trimmed(engine.speak(Request(name, voice.name, text, voice.accents[0])))


def inserted(base: Waveform, wave: Waveform) -> tuple[Waveform, int]:
    """Return (base with `wave` at a quiet place, as loud as the base; the sample in its middle)."""
    middle = base.size // 2
    around = base[middle - 8000 : middle + 8000].reshape(-1, 800)
    at = middle - 8000 + int(np.square(around).mean(axis=1).argmin()) * 800 + 400
    scaled = wave * np.float32(rms(base) / max(rms(wave), 1e-9))
    return np.clip(np.concatenate([base[:at], scaled, base[at:]]), -1, 1), at + wave.size // 2


def changed(wave: Waveform) -> Waveform:
    late = np.concatenate([np.zeros(320, np.float32), 0.25 * wave])
    return resample(resample(late, SAMPLE_RATE, 8000), 8000, SAMPLE_RATE)


def mined_report(planted: dict[str, tuple[str, float]]) -> dict[str, object]:
    rows = list(read_jsonl_gz(Path("data/mined/candidates.jsonl.gz")))
    mined = read_json(Path("data/mined/mined.json"))
    others = [row["similarity"] for row in rows if row["piece"]["corpus"] not in ("planted", "copies")]
    friends: dict[str, list[str]] = defaultdict(list)
    keywords: dict[str, int] = defaultdict(int)
    missed = []
    for cut, (what, middle) in planted.items():
        near = [row for row in rows if row["piece"]["clip"] == cut and abs(row["at_s"] - middle) < 0.4]
        status = near[0]["status"] if near else "not found"
        if what.startswith("keyword"):
            keywords[status] += 1
            if status in ("mine", "left_out", "not found"):
                missed.append(what)
        else:
            rank = 1 + sum(other > near[0]["similarity"] for other in others) if near else None
            friends[what.removeprefix("friend ")].append(f"{rank} ({status})")
    return {
        "hours": mined["pools"][0]["hours"],
        "thresholds": {key: mined[key] for key in ("ordinary_similarity", "doubt_similarity", "keyword_similarity")},
        "keywords": dict(keywords),
        "keywords_missed": missed,
        "unplanted_held_back": sum(
            row["status"] in ("review", "keyword")
            for row in rows
            if row["piece"]["corpus"] not in ("planted", "copies")
        ),
        "friends_rank": dict(friends),
    }


def gate_report(params: object) -> dict[str, object]:
    with suppress(GateError):
        check(params)  # type: ignore[arg-type]
    findings = read_json(Path("data/check/check.json"))["findings"]
    named = {finding["cuts"][0] for finding in findings if finding["rule"] == "similar_sound"}
    copies = {cut.id for cut in read_cuts(Path("data/split/train.jsonl.gz")) if ClipView(cut).corpus == "copies"}
    return {"copies": len(copies), "named": len(copies & named), "others_named": sorted(named - copies)}


if __name__ == "__main__":
    main()
