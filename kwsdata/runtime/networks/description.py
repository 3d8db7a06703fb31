"""Read model.json: what a program must know of each model file to run it.

    format      1
    keyword     what is listened for
    features    the block `features` of params.yaml that the model was trained with, where it hears features
    hears       features (where it is not said), or embedded: Google's speech embedding, one frame each 80 ms
    stride      frames a decision
    warm_up_s   after a stream's start: no score counts before (`kwsdata.runtime.decoder`)
    receptive_field_frames      frames that a decision depends on
    files       by name: runtime (onnx, tflite), form (stream, clip), sha256, states; see docs/quantization.md

A model.json without `files` describes model.onnx, with its `states` and `sha256`.
"""

import hashlib
from pathlib import Path
from typing import Any

from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_json, sha256_of
from kwsdata.runtime.networks.shapes import ModelShape, fault_in

FORMAT = 1
DEFAULT = "model.onnx"
LARGEST = 1 << 30  # bytes of a model file; a student has some hundred thousand, a teacher some millions


def read_model_json(model_dir: Path, file: str = DEFAULT) -> dict[str, Any]:
    """Return what `model_dir`/model.json says of `file`, after checking that it is the file beside it.

    The fields of `files` stand beside those that all files share; `file` and `backend` are added.

    Raises:
        StageInputError: a file or field is missing, the format is unknown, or the hash of the file is another.
    """
    model_dir = Path(model_dir)
    info = description_of(read_json(model_dir / "model.json"), file, f"{model_dir}/model.json")
    check_file(model_dir, info)
    return info


def description_of(info: Any, file: str, where: str) -> dict[str, Any]:
    """Return the description of one file of `info`, the contents of the model.json called `where`.

    Raises:
        StageInputError: a field is missing or cannot be meant, the format is unknown, or there is no such file.
    """
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        found = info.get("format") if isinstance(info, dict) else type(info).__name__
        raise StageInputError(f"{where} has format {str(found)[:20]}; this version reads {FORMAT}.")
    files = info.get("files", {})
    if not isinstance(files, dict) or not all(isinstance(about, dict) for about in files.values()):
        raise StageInputError(f"{where} describes no files in `files`: type `dvc repro export`.")
    if file not in files and not (file == DEFAULT and "sha256" in info):
        known = sorted({*files, *([DEFAULT] if "sha256" in info else [])})
        raise StageInputError(f"{where} describes no {file}; it has {', '.join(known) or 'none'}.")
    shared = {key: value for key, value in info.items() if key != "files"}
    found = {"runtime": "onnx", "form": "stream"} | shared | files.get(file, {}) | {"file": file}
    found["backend"] = f"{found['runtime']}_{found['form']}"
    missing = [key for key in _needed(found) if key not in found]
    if missing:
        raise StageInputError(f"{where} lacks {', '.join(missing)} for {file}: type `dvc repro export`.")
    if fault := fault_in(ModelShape, found):
        raise StageInputError(f"{where} cannot be used for {file} ({fault}): type `dvc repro export` or `dvc pull`.")
    return found


def check_file(directory: Path, info: dict[str, Any]) -> None:
    """Refuse a model file that is not what `info` describes.

    Raises:
        StageInputError: it is missing, or not the one that was exported.
    """
    path = directory / info["file"]
    if not path.is_file():
        raise StageInputError(f"{path} is missing: type `dvc repro export` or `dvc pull`.")
    found = sha256_of(path)
    if found != info["sha256"]:
        raise StageInputError(
            f"{path} is not the file that was exported: its SHA-256 is {found[:12]}..., model.json says "
            f"{str(info['sha256'])[:12]}.... Fetch both again with `dvc pull`, or remake them with `dvc repro export`."
        )


def _needed(info: dict[str, Any]) -> list[str]:
    needed = ["keyword", "stride", "warm_up_s", "sha256"]
    if info.get("hears", "features") == "features":
        needed.append("features")
    if info["form"] == "clip":
        needed.append("receptive_field_frames")
    elif info["runtime"] == "onnx":
        needed.append("states")
    return needed


def read_model_file(path: Path, sha256: str | None = None) -> bytes:
    """Return the bytes of `path`, whose SHA-256 is to be `sha256` where one is given.

    Raises:
        StageInputError: the file is missing, is larger than `LARGEST`, or has another hash.
    """
    path = Path(path)
    if not path.is_file():
        raise StageInputError(f"{path} is missing: type `dvc repro export` or `dvc pull`.")
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise StageInputError(f"{path} has more than {LARGEST >> 20} MiB: it is no model of a wake word.")
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256:
        raise StageInputError(
            f"{path} is not the file that was exported: its SHA-256 is {found[:12]}..., its description says "
            f"{sha256[:12]}.... Fetch both again with `dvc pull`, or remake them with `dvc repro export`."
        )
    return data
