"""Gather all that ships in one directory: models, decoders, provenance, metrics and a model card.

Writes to `out`:
    bundle.json         what is here, each file with its hash (see `contents`)
    README.md           the model card
    model.*             the exported files that stream
    esphome/            with `features.frontend: micro`: the streaming TFLite file and its manifest for ESPHome
    teacher.tflite      the teacher's head, with the two networks below it (see `openwakeword` in params.yaml)
    metrics.json        the numbers of every test set, as `evaluate` wrote them
    dataset.lock.json   the hash of each part of the dataset
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from kwsdata import __version__
from kwsdata.audio import SAMPLE_RATE
from kwsdata.files.atomic import atomic_path, read_json, write_json
from kwsdata.params import Params
from kwsdata.runtime.bundle import NAME, seal
from kwsdata.runtime.embedders.google_speech import network_files
from kwsdata.runtime.front_ends import make_frontend
from kwsdata.runtime.networks.description import DEFAULT
from kwsdata.text import file_stem
from kwsdata.tools.dataset.lock import lock_of
from kwsdata.tools.dataset.members import members_of
from kwsdata.tools.dataset.trees import LOCK, open_tree
from kwstrain.models.trunk import DESCRIPTION
from kwstrain.stages.bundle.card import write_card
from kwstrain.stages.bundle.esphome import write_manifest
from kwstrain.stages.bundle.models import evaluated_model, scored_model, scores_of, streaming_files, teacher_model
from kwstrain.stages.bundle.origins import NETWORKS_LICENCE, NETWORKS_ORIGIN, corpora_of, sources_of

ESPHOME = "esphome"
INPUTS = ("data/models/export", "data/models/teacher", "data/evaluate", "data/augmented", "data/testsets")


def run(
    params: Params,
    model_dir: Path = Path("data/models/export"),
    teacher_dir: Path = Path("data/models/teacher"),
    evaluation: Path = Path("data/evaluate"),
    testsets: Path = Path("data/testsets"),
    index: Path = Path("data/index/index.json"),
    trunk: Path = Path("data/models/trunk"),
    out: Path = Path("data/bundle"),
) -> dict[str, Any]:
    """Write the bundle `out`; return its bundle.json.

    Raises:
        StageInputError: an output of an earlier stage is missing, or of another model.
        LockError: a clip of the dataset has no hash.
        LicenceError: a clip that the models learned from holds sound that no manifest has.
        MissingExtraError: a package that an exported file needs is not installed.
    """
    tree = open_tree()
    lock = lock_of(members_of(tree), params.keyword.text)
    sources = sources_of(tree)
    with atomic_path(out) as scratch:
        scratch.mkdir()
        models, esphome = models_in(params, model_dir, evaluation, testsets, scratch)
        networks: list[dict[str, str]] = []
        if params.bundle.openwakeword and (teacher_dir / "teacher.tflite").is_file():
            models |= _open_wake_word(teacher_dir, scratch)
            terms = {"licence": NETWORKS_LICENCE, "origin": NETWORKS_ORIGIN}
            networks = [{"file": path.name} | terms for path in network_files()]
        write_json(scratch / "dataset.lock.json", lock)
        shutil.copyfile(evaluation / "metrics.json", scratch / "metrics.json")
        info = {
            "version": __version__,
            "keyword": params.keyword.text,
            "language": params.keyword.language,
            "author": params.bundle.author,
            "website": params.bundle.website,
            "licence": params.bundle.licence,
            "default": DEFAULT,
            "models": models,
            "esphome": esphome,
            "front_end": _front_end(params),
            "dataset": lock["dataset"],
            "dvc": pipeline_hashes(Path(LOCK), INPUTS),
            "corpora": corpora_of(index),
            "sources": sources,
            "trunk": read_json(trunk / DESCRIPTION),
            "networks": networks,
        }
        write_card(scratch / "README.md", info, lock, read_json(evaluation / "metrics.json"))
        sealed = seal(scratch, info)
        write_json(scratch / NAME, sealed)
    return sealed


def models_in(
    params: Params, model_dir: Path, evaluation: Path, testsets: Path, out: Path
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Copy the exported files that stream; return their entries, and ESPHome's where it can run one of them."""
    entries: dict[str, Any] = {}
    esphome = None
    for file in streaming_files(model_dir):
        if file == DEFAULT:
            entries[file] = evaluated_model(model_dir, evaluation)
        else:
            scored = scores_of(model_dir, file, testsets, params)
            entries[file] = scored_model(model_dir, file, scored, params)
            if params.features.frontend == "micro" and entries[file]["backend"] == "tflite_stream":
                stem = file_stem(params.keyword.text)
                (out / ESPHOME).mkdir()
                shutil.copyfile(model_dir / file, out / ESPHOME / f"{stem}.tflite")
                esphome = write_manifest(out / ESPHOME, stem, entries[file]["stride"], scored, params)
        shutil.copyfile(model_dir / file, out / file)
    return entries, esphome


def _open_wake_word(teacher_dir: Path, out: Path) -> dict[str, Any]:
    """Copy the teacher's head and the networks that it hears through; return its entry."""
    for path in (teacher_dir / "teacher.tflite", *network_files()):
        shutil.copyfile(path, out / path.name)
    return {"teacher.tflite": teacher_model(teacher_dir, "teacher.tflite")}


def _front_end(params: Params) -> dict[str, Any]:
    frontend = make_frontend(params.features)
    samples = {"hop_samples": frontend.hop, "window_samples": frontend.window, "n_mels": frontend.n_mels}
    return {"sample_rate": SAMPLE_RATE, **samples, "features": params.features.model_dump()}


def pipeline_hashes(lock: Path, inputs: Iterable[str]) -> dict[str, str]:
    """Return DVC's hash of every recorded output that `inputs` are, are in, or were made from; {} outside DVC.

    Outputs that nothing here was made from (the report) are left out: they may be there or not.
    """
    if not lock.is_file():
        return {}
    stages = list((yaml.safe_load(lock.read_text(encoding="utf-8")) or {}).get("stages", {}).values())
    hashes: dict[str, str] = {}
    todo = [Path(path) for path in inputs]
    while todo:
        wanted = todo.pop()
        for stage in stages:
            made = {out["path"]: out["md5"] for out in stage.get("outs", [])}
            new = {path for path in made if Path(path) == wanted or Path(path) in wanted.parents} - hashes.keys()
            if new:
                hashes |= {path: made[path] for path in new}
                todo += [Path(dep["path"]) for dep in stage.get("deps", [])]
    return dict(sorted(hashes.items()))
