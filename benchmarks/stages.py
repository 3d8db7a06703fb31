"""What each stage of data costs: CPU seconds and bytes an hour of sound, extrapolated to 1,000 h.

    OMP_NUM_THREADS=1 python benchmarks/stages.py [minutes of sound, default 12] [stage ...]

One process, one thread, nothing in the cache; each stage runs once on little, unmeasured, so that imports are done. CPU
time is counted, not the clock's. The sound is made here: words, sentences of five seconds, noise; what it says hardly
matters to the cost. "Hours" are those a stage reads; for `augment`, `synthesize` and rooms, those it writes.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import numpy as np
import soundfile
from augment_scaling import voice, write_project
from augmenting import write_rirs
from onnx_models import loudness_model

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.manifests import audio_sha256, make_cut, read_cuts, with_fields, write_cuts
from kwsdata.clips.shards import Clip, shard_cuts, write_shard
from kwsdata.params import Params, load_params

ROOT = Path(__file__).resolve().parents[1]
TRAIN = Path("data/split/train.jsonl.gz")
Stage = Callable[[Params], None]


def settings() -> Params:
    """Return the project's params: in one process, one copy a clip."""
    params = load_params(ROOT / "params.yaml")
    copies = dict.fromkeys(type(params.augment.copies).model_fields, 1)
    copies = params.augment.copies.model_copy(update=copies)
    return params.model_copy(
        update={
            "executor": params.executor.model_copy(update={"kind": "serial"}),
            "augment": params.augment.model_copy(update={"copies": copies}),
        }
    )


def hours_of(directory: Path) -> float:
    """Return the hours of sound in a directory of shards, or in all below it."""
    folders = {path.parent for path in directory.rglob("cuts.*.jsonl.gz")}
    return sum(cut.duration for folder in folders for cut in shard_cuts(folder)) / 3600


def write_input(minutes: float) -> None:
    """Write WAV files, corpora, split, rooms and streams below the current directory."""
    write_project(max(6, round(minutes * 60 / 3.5)))  # words; a sixth as many sentences, a third as many noises
    cuts = [with_fields(cut, partition="train", synthetic=False) for cut in read_cuts(TRAIN)]
    write_cuts(TRAIN, cuts)
    for name in ("dev", "test"):
        write_cuts(Path(f"data/split/{name}.jsonl.gz"), [])
        folder = Path(f"data/testsets/{name}/clean")
        folder.mkdir(parents=True)
        wave = np.concatenate([voice(seed) for seed in range(max(3, round(minutes * 15)))])
        custom = {"set": "clean", "partition": name, "label": "stream", "audio_sha256": audio_sha256(wave)}
        write_shard(folder, 0, [Clip(make_cut(f"{name}-clean-0000", wave.size, custom=custom), wave)])
    Path("data/testsets/testsets.json").write_text(json.dumps({"sets": {"dev/clean": {}, "test/clean": {}}}))
    for number in range(max(3, round(minutes * 6))):
        path = Path(f"raw/s{number}/0.wav")
        path.parent.mkdir(parents=True)
        soundfile.write(path, np.concatenate([voice(number + k) for k in range(10)]), SAMPLE_RATE)
    write_rirs(Path("data/rirs/train"), 3)


def import_(params: Params) -> None:
    """Decode, check and store 16 kHz WAV."""
    from kwsdata.importers.run import run_import

    run_import("folder", "raw", name="raw", params=params.import_, executor=params.executor, role="speech",
               licence="CC0-1.0", out_root=Path("data/imported"))  # fmt: skip


def augment(params: Params) -> None:
    """One copy of every clip."""
    from kwsdata.stages.augment.stage import run

    run(params)


def featurize(params: Params) -> None:
    """Frames of the augmented clips and of a stream."""
    from kwsdata.stages.featurize.stage import run

    run(params)


def embed(params: Params) -> None:
    """Vectors of every clip of the split."""
    from kwsdata.stages.embed.stage import run

    run(params)


def embed_augmented(params: Params) -> None:
    """Embeddings of the augmented clips and of a stream."""
    from kwsdata.stages.embed_augmented.stage import run

    run(params)


def scoring(params: Params) -> None:
    """Scores of the streams; the graph is nearly empty, so this is the front end and the reading."""
    from kwstrain.evaluation.streams import score_testsets

    loudness_model(Path("model"), params)
    score_testsets(Path("data/testsets"), Path("model"), params.evaluate.chunk_s, params.executor)


def saying(engine: str) -> Stage:
    """Return the stage `synthesize` with one engine, mostly sentences."""

    def synthesize(params: Params) -> None:
        from kwsdata.stages.synthesize.stage import run

        block = params.synthesize
        sentences = 300 if engine == "espeak" else 12
        counts = {"positives": 6, "confusables": 6, "sentences": sentences if Path("whole").exists() else 6}
        update = {"engines": [engine], engine: getattr(block, engine).model_copy(update=counts)}
        update |= {"noises": block.noises.model_copy(update={"clips": 3, "duration_s": 0.5})}
        run(params.model_copy(update={"synthesize": block.model_copy(update=update)}))

    return synthesize


STAGES: dict[str, tuple[Stage, str, tuple[str, ...]]] = {  # what it runs, what it writes, whose hours count
    "import": (import_, "data/imported", ("data/imported",)),
    "synthesize, eSpeak": (saying("espeak"), "data/synthetic", ("data/synthetic",)),
    "synthesize, Kokoro": (saying("kokoro"), "data/synthetic", ("data/synthetic",)),
    "augment": (augment, "data/augmented", ("data/augmented",)),
    "featurize": (featurize, "data/features", ("data/augmented", "data/testsets/dev")),
    "embed": (embed, "data/embeddings", ("data/corpora",)),
    "embed_augmented": (embed_augmented, "data/embedded", ("data/augmented", "data/testsets/dev")),
    "scoring": (scoring, "data/none", ("data/testsets",)),
}


def main(minutes: float, wanted: list[str]) -> None:
    """Run every stage (or those named) on little, then on `minutes`, and print a table."""
    params, here = settings(), Path.cwd()
    print("| stage | hours measured | CPU s an hour of sound | CPU h for 1,000 h | GB for 1,000 h |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for name, size in (("little", 0.3), ("whole", minutes)):
            root = Path(scratch) / name
            root.mkdir()
            os.chdir(root)
            os.environ["KWSDATA_CACHE"] = str(root / "cache")
            write_input(size)
            for stage, (run, out, read) in STAGES.items():
                if wanted and stage not in wanted:
                    continue
                shutil.rmtree(root / "cache", ignore_errors=True)
                if name == "whole":
                    Path("whole").touch()
                began = time.process_time()
                run(params)
                spent = time.process_time() - began
                hours = sum(hours_of(Path(folder)) for folder in read)
                written = sum(path.stat().st_size for path in Path(out).rglob("*") if path.is_file())
                if name == "whole":
                    print(f"| {stage} | {hours:.3f} | {spent / hours:.1f} | {spent / hours / 3.6:.1f} | "
                          f"{written / hours / 1e6:.1f} |", flush=True)  # fmt: skip
                if out == "data/synthetic":
                    shutil.rmtree(out)
        os.chdir(here)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 12.0, sys.argv[2:])
