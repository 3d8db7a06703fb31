"""Every step of the cache in a small world: how it is asked, and what may change in what it is made of."""

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import fsspec
import numpy as np
import onnx
import pytest
from augmenting import RIRS, TRAIN, eventful, toy_project, with_effects, write_rirs
from onnx_models import loudness_model
from sound import burst, white_noise
from sound_files import streamed_flac
from toy_teachers import loudness_teacher
from toy_voices import use_toy_voices

from kwsdata.audio import decode_flac, encode_flac
from kwsdata.clips.manifests import audio_sha256, make_cut, read_cuts, with_fields, write_cuts
from kwsdata.clips.shards import Clip, load_audio, shard_cuts, write_shard
from kwsdata.files.atomic import write_json
from kwsdata.params import Params
from kwsdata.params.base import Range

NETWORK = Path("own/net.onnx")


@dataclass
class World:
    """One step: `ask` gives its result of what is on disk and in `set`; each of `edits` changes one thing of it.

    `spoil`: makes the step fail, and `mend` brings back what was before; None where nothing that it reads can be bad.
    """

    ask: Callable[[], Any]
    edits: dict[str, Callable[[], object]]
    spoil: Callable[[], object] | None = None
    mend: Callable[[], object] | None = None
    set: dict[str, Any] = field(default_factory=dict)


def write_sound(name: str, seed: int, count: int = 2, rate: int = 16_000) -> None:
    """Write `data/NAME`: clips whose manifest does not tell which sound they are (the hashes it declares are none)."""
    directory = Path("data") / name
    shutil.rmtree(directory, ignore_errors=True)
    clips = []
    for number in range(count):
        wave = burst(seed + 10 * number, 0.1, 0.4, 0.1)
        custom = {"audio_sha256": f"{name}{number}", "label": "speech", "corpus": name, "licence": "CC0-1.0"}
        custom["speaker"] = f"{name}:{number}"
        cut = make_cut(f"{name}-{number}", wave.size, text="x", speaker=f"{name}:{number}", custom=custom)
        cut.recording.sampling_rate = rate
        clips.append(Clip(cut, wave))
    write_shard(directory, 0, clips)


def cuts_of(name: str) -> list[Any]:
    return list(shard_cuts(Path("data") / name))


def cut_short(path: Path, kept: dict[str, bytes]) -> None:
    """Cut a file in the middle; keep what it was in `kept`."""
    kept["bytes"], kept["path"] = path.read_bytes(), path  # type: ignore[assignment]
    path.write_bytes(kept["bytes"][: len(kept["bytes"]) // 4])


def spoilt(path: Path) -> dict[str, Callable[[], object]]:
    """Return `spoil` and `mend` for a file that is cut short and then whole again."""
    kept: dict[str, Any] = {}
    return {"spoil": lambda: cut_short(path, kept), "mend": lambda: kept["path"].write_bytes(kept["bytes"])}


def write_network(scale: float = 1000.0, outside: float | None = None, hop: int = 1280) -> None:
    """Write an embedder of one number a window; its factor lies in a file of its own if `outside` is given."""
    loudness_teacher(NETWORK)
    contract = json.loads(NETWORK.with_suffix(".json").read_text())
    NETWORK.with_suffix(".json").write_text(json.dumps(contract | {"hop_samples": hop}))
    model = onnx.load(str(NETWORK))
    for tensor in model.graph.initializer:
        if tensor.name == "scale":
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.full(300, outside or scale, np.float32)[:1], "scale"))
    if outside is not None:
        for old in NETWORK.parent.glob("*.bin"):
            old.unlink()
        onnx.save(model, str(NETWORK), save_as_external_data=True, location="weights.bin", size_threshold=0)
    else:
        onnx.save(model, str(NETWORK))


def serial(params: Params) -> Params:
    embed = params.embed.model_copy(update={"embedder": str(NETWORK), "piece_s": 0.3})
    executor = params.executor.model_copy(update={"kind": "serial"})
    return params.model_copy(update={"executor": executor, "embed": embed})


def changed(world: World, block: str, **values: Any) -> Callable[[], None]:
    """Return an edit of some keys of a block of `world.set["params"]`."""

    def edit() -> None:
        params = world.set["params"]
        world.set["params"] = params.model_copy(update={block: getattr(params, block).model_copy(update=values)})

    return edit


def files(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwsdata.clips import content

    patch.setattr(content, "_REST_NS", 0)
    path = Path("a.bin")
    path.write_bytes(b"A" * 1000)

    def swap() -> None:
        stat = path.stat()
        Path("b.bin").write_bytes(b"C" * 1000)
        shutil.copystat(path, "b.bin")
        Path("b.bin").replace(path)
        assert path.stat().st_mtime_ns == stat.st_mtime_ns

    def rewrite() -> None:
        shutil.copystat(path, "times")
        path.write_bytes(b"B" * 1000)
        shutil.copystat("times", path)

    Path("times").touch()
    edits = {"bytes, size and time as before": rewrite, "another file of its time": swap}
    return World(lambda: content.file_hash(path), edits)


def embed(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwsdata.vectors.fill import fill_from_cuts

    write_sound("talk", 0)
    write_network()

    def ask() -> np.ndarray:
        block = world.set["params"]
        fill_from_cuts(Path("store"), cuts_of("talk"), block.embed, block.executor)
        return np.load("store/vectors.000000.npy")

    world = World(ask, {}, **spoilt(Path("data/talk/recording.000000.tar")), set={"params": serial(params)})
    world.edits = {
        "sound": lambda: write_sound("talk", 1),
        "clips": lambda: write_sound("talk", 1, 3),
        "length of pieces": changed(world, "embed", piece_s=0.2),
        "network": lambda: write_network(900.0),
        "contract": lambda: write_network(900.0, hop=640),
        "weights outside": lambda: write_network(outside=800.0),
        "weights outside alone": lambda: write_network(outside=700.0),
    }
    return world


def embed_augmented(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwsdata.clips.pieces import digest_of_places
    from kwsdata.runtime.embedders import load_embedder
    from kwsdata.stages.embed_augmented import stage

    write_sound("talk", 0)
    write_network()
    patch.setattr(stage, "load_embedder", lambda name: load_embedder(str(NETWORK)))

    def ask() -> np.ndarray:
        cuts = tuple(cuts_of("talk"))
        return np.load(stage.embed_clips(stage.Task(cuts, digest_of_places(cuts))))

    edits = {"sound": lambda: write_sound("talk", 1), "network": lambda: write_network(900.0)}
    return World(ask, edits, **spoilt(Path("data/talk/recording.000000.tar")))


def check(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwsdata.stages.check.copied import find_in

    kept: dict[str, Any] = {}

    def write(seed: int) -> None:
        write_sound("talk", seed)
        kept["hashes"] = [audio_sha256(load_audio(cut)) for cut in cuts_of("talk")]

    def ask() -> list[Any]:
        hashes = zip(cuts_of("talk"), kept["hashes"], strict=True)
        cuts = [with_fields(cut, audio_sha256=declared) for cut, declared in hashes]
        heard = find_in(cuts, [], set(), params.check.copies, serial(params).executor, "talk")
        found = [facts for facts, _ in heard]
        if any(one.fault for one in found):
            raise ValueError([one.fault for one in found])
        return [
            [one.level_dbfs, one.bandwidth_hz, one.background.tolist(), one.spectrum.levels.tolist()] for one in found
        ]

    write(0)

    def spoil() -> None:
        """Turn some bits of the last clip's sound: the tar still has its length and its members."""
        path = Path("data/talk/recording.000000.tar")
        kept["bytes"] = path.read_bytes()
        offset, size = map(int, cuts_of("talk")[-1].custom["shard"].rsplit(":", 2)[1:])
        path.write_bytes(kept["bytes"][:offset] + bytes(size) + kept["bytes"][offset + size :])

    mend = lambda: Path("data/talk/recording.000000.tar").write_bytes(kept["bytes"])  # noqa: E731
    return World(ask, {"sound": lambda: write(1)}, spoil, mend)


def voices(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwsdata.stages.check.voices import speakers_of, voices_of

    weights = Path("weights")
    use_toy_voices(patch, weights)
    write_sound("talk", 0)

    def ask() -> list[Any]:
        cuts = {"train": cuts_of("talk")}
        block = world.set["params"].check.voices
        vectors, seconds = voices_of(list(speakers_of(cuts, 1.0)), block, world.set["params"].executor)
        return [vectors.tolist(), seconds.tolist()]

    world = World(ask, {}, set={"params": serial(params)})
    limits = params.check.voices
    world.edits = {
        "sound": lambda: write_sound("talk", 1),
        "how much is heard": changed(world, "check", voices=limits.model_copy(update={"listen_s": 0.2})),
        "weights": lambda: weights.write_bytes(b"others"),
    }
    damage = spoilt(Path("data/talk/recording.000000.tar"))
    world.spoil, world.mend = damage["spoil"], damage["mend"]
    return world


def scores(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwsdata.clips.content import digest_at
    from kwsdata.clips.pieces import pieces_of_cuts
    from kwsdata.files.atomic import write_jsonl_gz
    from kwsdata.stages.mine_negatives.scoring import ScoreTask, score_shard

    write_sound("talk", 0)
    loudness_model(Path("model"), params)

    def ask() -> np.ndarray:
        pieces = list(pieces_of_cuts(cuts_of("talk"), world.set["samples"]))
        write_jsonl_gz(Path("pieces.jsonl.gz"), (piece.row() for piece in pieces))
        sound = digest_at(piece.place for piece in pieces)
        return np.load(score_shard(ScoreTask(Path("pieces.jsonl.gz"), Path(), Path("model"), sound)))

    def front_end() -> None:
        info = json.loads(Path("model/model.json").read_text())
        write_json(Path("model/model.json"), info | {"features": info["features"] | {"low_hz": 100}})

    edits = {
        "sound": lambda: write_sound("talk", 1),
        "model": lambda: loudness_model(Path("model"), params, 1.0),
        "the model's front end": front_end,
        "pieces": lambda: world.set.update(samples=4800),
    }
    world = World(ask, edits, **spoilt(Path("data/talk/recording.000000.tar")), set={"samples": 16_000})
    return world


def heard(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwsdata.clips.pieces import pieces_of_cuts
    from kwsdata.measures import recogniser

    write_sound("talk", 0)
    patch.setattr(recogniser, "hear", lambda wave: f"{np.abs(wave).sum():.6f}")

    def ask() -> str:
        return recogniser.heard_at(next(pieces_of_cuts(cuts_of("talk"), 16_000)), world.set["middle"])

    edits = {"sound": lambda: write_sound("talk", 1), "place": lambda: world.set.update(middle=30_000)}
    world = World(ask, edits, **spoilt(Path("data/talk/recording.000000.tar")), set={"middle": 4000})
    return world


class Hum:
    """An engine that hums as loudly as `level` says."""

    name, licence, batch = "hum", "none", 4
    level = 0.1

    def __init__(self, voices: tuple[str, ...] = ()) -> None:
        self.version = str(self.level)

    def speak(self, request: Any) -> np.ndarray:
        if request.text == "stumble":
            raise ValueError("stumbled")
        return self.level * white_noise(len(request.text), 0.2, 1.0)


def _hums(patch: pytest.MonkeyPatch) -> dict[str, Any]:
    from kwsdata.stages.synthesize import engines, render

    patch.setattr(render, "load_engine", lambda name, voices: Hum())
    patch.setattr(Hum, "level", 0.1)
    request = engines.Request("hum", "v", "computer", "en-us")
    return {"requests": [request, engines.Request("hum", "v", "other", "en-us")]}


def _hum_edits(world: World) -> dict[str, Callable[[], object]]:
    from dataclasses import replace

    def say(**values: Any) -> Callable[[], None]:
        return lambda: world.set["requests"].append(replace(world.set["requests"][0], **values))

    edits = {name: say(**{name: value}) for name, value in (("text", "hey"), ("voice", "w"), ("accent", "de"))}
    edits |= {name: say(**{name: value}) for name, value in (("speed", 1.1), ("pitch", 0.2), ("seed", 3))}
    return edits | {"engine": lambda: setattr(Hum, "level", 0.2)}


def synthesize(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwsdata.stages.synthesize.render import batches_of, read_speech, speak_missing

    def ask() -> list[Any]:
        batches = batches_of("hum", (), world.set["requests"])
        speak_missing(batches, serial(params).executor)
        return [wave.tolist() for batch in batches for wave in read_speech(batch)]

    world = World(ask, {}, set=_hums(patch))
    world.edits = _hum_edits(world)
    before = list(world.set["requests"])
    stumble = type(before[0])("hum", "v", "stumble", "en-us")
    world.spoil = lambda: world.set.update(requests=[stumble])
    world.mend = lambda: world.set.update(requests=list(before))
    return world


def transcripts(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwsdata.stages.synthesize import transcripts as module
    from kwsdata.stages.synthesize.render import batches_of

    class Whisper:
        def transcribe(self, wave: np.ndarray, **settings: Any) -> tuple[list[Any], None]:
            return [type("Part", (), {"text": f"{np.abs(wave).sum():.6f}"})], None

    patch.setattr(module, "_recogniser", Whisper)
    patch.setattr(module, "check_installed", lambda: None)
    world = World(lambda: module.transcripts(batches_of("hum", (), world.set["requests"]), serial(params).executor), {})
    world.set = _hums(patch)
    world.edits = _hum_edits(world)
    return world


def espeak_voices(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwsdata.stages.synthesize.engines.espeak import Espeak

    for name in ("one", "two"):
        Path(name).write_text(f"gender male {name}")
    engine = Espeak.__new__(Espeak)
    engine._variants = {name: Path(name) for name in ("one", "two")}
    engine.speak = lambda request: burst(len(engine._variants[request.voice].read_text()))  # type: ignore[method-assign]
    edits = {
        "a variant": lambda: Path("two").write_text("gender female"),
        "a variant more": lambda: engine._variants.update(three=Path("one")),
    }
    return World(lambda: engine._bases(), edits)


def teach(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwsdata.clips.pieces import digest_of_places
    from kwstrain.stages.teach.ask import Shard, ask

    write_sound("talk", 0)
    teacher = Path("teacher")

    def write_teacher(output: str = "log_odds", **more: Any) -> None:
        loudness_teacher(teacher / "own.onnx", output)
        write_json(teacher / "teacher.json", {"teacher": "own", "path": "own.onnx"} | more)

    write_teacher()

    def answers() -> np.ndarray:
        cuts = tuple(cuts_of("talk"))
        shard = Shard(teacher, None, digest_of_places(cuts), world.set["keep"], Path("none"), 0, len(cuts), cuts)
        with np.load(ask(shard)) as arrays:
            return arrays["log_odds"]

    edits = {
        "sound": lambda: write_sound("talk", 1),
        "network and contract": lambda: write_teacher("probability"),
        "what is said of it": lambda: write_teacher("probability", params={"window": 3}),
        "what is kept": lambda: world.set.update(keep=True),
    }
    world = World(answers, edits, **spoilt(Path("data/talk/recording.000000.tar")), set={"keep": False})
    return world


def augment(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwsdata.stages.augment.plan import make_plan
    from kwsdata.stages.augment.shard import ShardTask, make_shard

    toy_project()
    world = World(lambda: None, {}, set={"params": eventful(params, clips_per_shard=40)})

    def ask() -> list[bytes]:
        block = world.set["params"].augment
        plan = make_plan(TRAIN, block, Path(mkdtemp(dir=".")))
        task = ShardTask(plan.rows, plan.groups[-1], plan.sounds[-1], plan.pools, RIRS, Path.cwd(), block)
        return [path.read_bytes() for path in sorted(make_shard(task)[0].iterdir())]

    def quieter(name: str) -> Callable[[], None]:
        return lambda: _quieten(Path("data/corpora") / name / "shar/recording.000000.tar")

    less_noise = with_effects(world.set["params"].augment, noise={"snr_db": Range(low=20.0, high=30.0)})
    world.ask = ask
    world.edits = {
        "rooms": lambda: write_rirs(RIRS, 4),
        "the sound of rooms": lambda: _quieten(RIRS / "recording.000000.tar"),
        "the sound of parents": quieter("words"),
        "the sound of noises": quieter("street"),
        "levels": changed(world, "augment", effects=less_noise.effects),
        "seed": changed(world, "augment", seed=2),
        "an early target": changed(world, "augment", early_target_ms=20.0),
        "whose early target": changed(world, "augment", early_target_of=["keyword", "speech"]),
        "what is known of a clip": lambda: _say("licence", "CC-BY-4.0"),
        "the hash that is declared of noises": lambda: _say("audio_sha256", "0" * 64, "street"),
    }
    world.spoil, world.mend = spoilt(Path("data/corpora/words/shar/recording.000000.tar")).values()
    return world


def _quieten(tar: Path) -> None:
    """Put quieter sound at the places of a tar, which no manifest tells from what was there."""
    data = bytearray(tar.read_bytes())
    with tarfile.open(tar) as archive:
        places = [(member.offset_data, member.size) for member in archive if member.name.endswith(".flac")]
    for offset, size in places:
        flac = encode_flac(decode_flac(bytes(data[offset : offset + size])) * np.float32(0.25))
        assert len(flac) <= size
        data[offset : offset + size] = flac + bytes(size - len(flac))
    tar.write_bytes(data)


def _say(name: str, value: str, corpus: str | None = None) -> None:
    """Set a field of every clip of the train manifest, or of those of one corpus."""
    cuts = list(read_cuts(TRAIN))
    asked = [corpus is None or cut.custom["corpus"] == corpus for cut in cuts]
    write_cuts(TRAIN, [with_fields(cut, **{name: value}) if a else cut for cut, a in zip(cuts, asked, strict=True)])


def fetched(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwsdata.execution.download import local_copy

    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pipe_file("/bucket/words/a.wav", b"A" * 100)
    _read_apart(memory, patch)

    def ask() -> dict[str, bytes]:
        copy = local_copy("memory://bucket/words", params.download)
        return {path.name: path.read_bytes() for path in sorted(copy.iterdir())}

    edits = {
        "bytes": lambda: memory.pipe_file("/bucket/words/a.wav", b"B" * 100),
        "a file more": lambda: memory.pipe_file("/bucket/words/b.wav", b"B"),
        "a file less": lambda: memory.rm_file("/bucket/words/a.wav"),
    }
    return World(ask, edits)


def _read_apart(memory: Any, patch: pytest.MonkeyPatch) -> None:
    """Give each reader of memory file systems a place of its own: two at once would share one.

    On the class, as fsspec makes an instance a thread.
    """
    kind = type(memory)
    opened = kind._open

    def open_apart(self: Any, path: str, mode: str = "rb", **settings: Any) -> Any:
        return io.BytesIO(self.cat_file(path)) if mode == "rb" else opened(self, path, mode, **settings)

    patch.setattr(kind, "_open", open_apart)
    patch.setattr(kind, "cat_file", lambda self, path, **_: self.store[self._strip_protocol(path)].getvalue())


def _pool(params: Params) -> World:
    """A pool of the clips of `data/talk`; its step is asked through `named_pool`'s parts."""
    from kwsdata.clips.pieces import pieces_of_cuts
    from kwsdata.vectors.kept import kept_vectors

    write_sound("talk", 0)
    write_network()

    def ask() -> list[Any]:
        block = world.set["params"]
        pieces = list(pieces_of_cuts(cuts_of("talk"), round(block.embed.piece_s * 16_000)))
        store, index = kept_vectors(pieces, block.embed, block.executor)
        return [store.shard(0).tolist(), index.info["count"]]

    world = World(ask, {}, **spoilt(Path("data/talk/recording.000000.tar")), set={"params": serial(params)})
    world.edits = {
        "sound": lambda: write_sound("talk", 1),
        "network": lambda: write_network(900.0),
        "length of pieces": changed(world, "embed", piece_s=0.2),
    }
    return world


def decoded(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwsdata.clips.stretches import read_stretch

    path = Path("talk.flac")

    def write(seed: int) -> None:
        path.write_bytes(streamed_flac(white_noise(seed, 0.5)[:, None]))

    write(0)
    return World(lambda: read_stretch(path, 100, 7000), {"the file": lambda: write(1)}, **spoilt(path))


def pool_stores(params: Params, patch: pytest.MonkeyPatch) -> World:
    world = _pool(params)
    world.edits["length of shards"] = changed(world, "embed", shard_s=0.5)
    return world


def pool_indexes(params: Params, patch: pytest.MonkeyPatch) -> World:
    world = _pool(params)
    index = params.embed.index.model_copy(update={"probes": 3})
    world.edits["index"] = changed(world, "embed", index=index)
    return world


def pools_passed(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwsdata.clips.pieces import pieces_of_cuts
    from kwsdata.stages.mine_negatives.held_out import refuse_held_out

    write_sound("talk", 0)
    write_network()
    Path("split").mkdir()

    def hold(seed: int, speaker: str = "a", words: int = 2, person: str | None = None) -> None:
        write_sound("held", seed, words)
        cuts = [with_fields(cut, speaker=speaker, person=person) for cut in cuts_of("held")]
        for partition in ("dev", "test"):
            write_cuts(Path(f"split/{partition}.jsonl.gz"), cuts if partition == "test" else cuts[:0])

    def ask() -> str:
        block = world.set["params"]
        pieces = list(pieces_of_cuts(cuts_of("talk"), 16_000))
        refuse_held_out("talk", pieces, block, Path("split"))
        return "passed"

    hold(50)
    world = World(ask, {}, set={"params": serial(params)})
    world.edits = {
        "sound of the pool": lambda: write_sound("talk", 1),
        "sound of the test set": lambda: hold(60),
        "its speakers": lambda: hold(60, "b"),
        "who they are": lambda: hold(60, "b", person="libri:1"),
        "its clips": lambda: hold(60, "b", 3, person="libri:1"),
        "how alike": changed(world, "check", copies=params.check.copies.model_copy(update={"min_patch": 0.8})),
        "how long": changed(world, "check", copies=params.check.copies.model_copy(update={"min_common_s": 0.6})),
        "length of pieces": changed(world, "embed", piece_s=0.2),
    }
    world.spoil, world.mend = lambda: hold(50, "talk:0"), lambda: hold(50)  # a speaker of the pool
    return world


def _training(step: str) -> Callable[[Params, pytest.MonkeyPatch], World]:
    def make(params: Params, patch: pytest.MonkeyPatch) -> World:
        from kwstrain.stages.quantize.stage import TUNED
        from kwstrain.stages.train_teacher.stage import TEACHER
        from kwstrain.training.checkpoint import TRAIN as STUDENT
        from kwstrain.training.checkpoint import work_directory

        inputs = ("features/train/store.json", "features/train/features.npy", "features/dev/store.json", "taught/a")
        for name in (*inputs, "trunk/trunk.npz"):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text("{}")
        steps = {"train": STUDENT, "train_teacher": TEACHER, "quantize": TUNED}

        def ask() -> str:
            key = world.set["key"]
            features, taught, trunk = Path("features"), Path("taught"), Path("trunk")
            return str(work_directory(world.set["params"], features, taught, *key, step=steps[step], trunk=trunk))

        world = World(ask, {}, set={"params": serial(params), "key": ["a"]})
        world.edits = {
            "frames": lambda: Path("features/train/features.npy").write_text("[]"),
            "dev": lambda: Path("features/dev/store.json").write_text("[]"),
            "answers": lambda: Path("taught/a").write_text("[]"),
            "trunk": lambda: Path("trunk/trunk.npz").write_text("[]"),
            "key": lambda: world.set.update(key=["b"]),
            "model": changed(world, "model", name="mobilenetv3"),
            "loss": changed(world, "loss", gamma=2.0),
            "distill": changed(world, "distill", alpha=0.1),
            "train": changed(world, "train", learning_rate=0.1),
            "mining": changed(world, "mining", weight=2.0),
            "streaming": changed(world, "streaming", n=1),
            "evaluate": changed(world, "evaluate", max_fah=2.0),
        }
        return world

    return make


def pretrain(params: Params, patch: pytest.MonkeyPatch) -> World:
    from kwstrain.stages.pretrain.stage import work_of

    for name in ("features/store.json", "features/features.npy", "embedded/store.json"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("{}")

    def ask() -> str:
        return str(work_of(world.set["params"], Path("features"), Path("embedded")))

    world = World(ask, {}, set={"params": serial(params)})
    world.edits = {
        "frames": lambda: Path("features/features.npy").write_text("[]"),
        "embeddings": lambda: Path("embedded/store.json").write_text("[]"),
        "model": changed(world, "model", name="mobilenetv3"),
        "settings": changed(world, "pretrain", learning_rate=0.1),
    }
    return world


CASES: dict[str, Callable[[Params, pytest.MonkeyPatch], World]] = {
    case.__name__: case
    for case in (
        files, embed, embed_augmented, check, scores, heard, synthesize, transcripts, espeak_voices, teach, augment,
        fetched, decoded, voices, pool_stores, pool_indexes, pools_passed, pretrain,
    )
} | {step: _training(step) for step in ("train", "train_teacher", "quantize")}  # fmt: skip
