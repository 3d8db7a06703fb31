"""A small dataset below the current directory, all parts of it, made by the stages themselves or by their writers."""

from pathlib import Path

from augmenting import eventful, toy_project, write_rirs, write_toy_corpus
from params_files import write_whole
from sound import tone, white_noise

from kwsdata.clips.manifests import audio_sha256, make_cut, read_cuts, with_fields, write_cuts
from kwsdata.clips.shards import Clip, shard_cuts, write_shard
from kwsdata.params import Params
from kwsdata.stages.augment.stage import run as augment


def build(params: Params) -> None:
    """Write corpora, split, rooms, augmented clips and one test stream; params.yaml too."""
    toy_project()
    write_toy_corpus("held", "speech", 3, 400)
    for partition, corpus in (("dev", "others"), ("test", "held")):
        write_cuts(
            Path(f"data/split/{partition}.jsonl.gz"),
            (
                with_fields(cut, label="speech", partition=partition)
                for cut in shard_cuts(Path("data/corpora") / corpus)
            ),
        )
    train = [cut for cut in read_cuts(Path("data/split/train.jsonl.gz")) if cut.custom["corpus"] != "others"]
    write_cuts(Path("data/split/train.jsonl.gz"), train)
    write_rirs(Path("data/rirs/test"), 1)
    augment(eventful(params))
    wave = tone(440, 1.0) + white_noise(9, 1.0, 0.01)
    source = next(read_cuts(Path("data/split/test.jsonl.gz")))
    custom = {"set": "clean", "partition": "test", "audio_sha256": audio_sha256(wave)}
    custom |= {"segments": [[0.0, 1.0, source.id, "speech", "held"]]}
    custom |= {"sources": [[source.id, source.custom["audio_sha256"]]]}
    Path("data/testsets/test/clean").mkdir(parents=True)
    write_shard(
        Path("data/testsets/test/clean"), 0, [Clip(make_cut("test-clean-0000", wave.size, custom=custom), wave)]
    )
    write_whole(Path("params.yaml"))
