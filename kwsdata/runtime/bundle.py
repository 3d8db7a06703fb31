"""Open a bundle: `bundle.json` names every file of the directory with its hash.

    format, version     1; of this program
    id                  SHA-256 of all else in bundle.json: quote it to say which bundle a device runs
    keyword, language   what is listened for
    default             the model that `kwstrain detect` takes when none is named
    models              by file name: how to run it (see `networks.description`) and how to decide: threshold, n, m,
                        smooth, lockout_s, warm_up_s, and what that gave on dev (and test)
    esphome             how ESPHome decides with the file and manifest in esphome/; null where it cannot run the model
    front_end           what turns sound into frames: sample rate, hop and window in samples, the block `features`
    dataset, dvc        hash of the dataset (dataset.lock.json has its parts); hashes of the pipeline's outputs
    corpora             name, licence, citation and source of each, and which licences of its clips were overridden
    sources             name, licences, clips and hours of all that is heard in what the models learned from
    networks            file, licence and origin of each network of others that ships
    files               by path: sha256 and bytes of every other file

The id guards against accidents and mixed-up files. It is no signature: who can write the directory can write a new one.
So nothing that bundle.json says is used before `kwsdata.runtime.networks.shapes` has looked at it, and what is no plain
file (a link, a pipe, a device) is never opened.
"""

import hashlib
import json
import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kwsdata.errors import KwsError
from kwsdata.files.atomic import load_json, sha256_of
from kwsdata.files.system_files import is_system_file
from kwsdata.runtime.networks.shapes import fault_of
from kwsdata.soundfiles.reader import kind_of_file

LOG = logging.getLogger(__name__)
FORMAT = 1
NAME = "bundle.json"
LARGEST = 16 << 20  # bytes of bundle.json, which takes some kilobytes


class BundleError(KwsError):
    """A directory is no bundle, or is not the bundle that it says it is."""


@dataclass(frozen=True)
class Bundle:
    """An opened bundle: every file is what bundle.json says, and there is no other."""

    directory: Path
    info: dict[str, Any]

    def model(self, file: str | None = None) -> dict[str, Any]:
        """Return what bundle.json says of one model: the default one where `file` is None.

        Raises:
            BundleError: the bundle has no such model.
        """
        name = file or self.info["default"]
        if name not in self.info["models"]:
            raise BundleError(f"{self.directory} has no model {name}; it has {', '.join(self.info['models'])}.")
        model: dict[str, Any] = self.info["models"][name]
        return model


def is_bundle(directory: Path) -> bool:
    """Return whether `directory` says that it is a bundle."""
    return (Path(directory) / NAME).is_file()


def bundle_at(path: Path, model: str | None = None) -> tuple[Path, str | None]:
    """Return the directory of the bundle that `path` is, or is a file of, and the model asked for.

    Raises:
        BundleError: there is no bundle; or `path` is one model file, and `model` another.
    """
    path = Path(path)
    if is_bundle(path):
        return path, model
    if path.is_file() and is_bundle(path.parent):
        if path.name == NAME:
            return path.parent, model
        if model not in (None, path.name):
            raise BundleError(f"--bundle names the model {path.name}, and --model {model}: give one of them.")
        return path.parent, path.name
    what = "is a file outside of a bundle" if path.is_file() else f"holds no {NAME}" if path.exists() else "is missing"
    raise BundleError(f"{path} {what}: give the directory that `kwstrain bundle` wrote, with its {NAME}.")


def open_bundle(directory: Path) -> Bundle:
    """Return the bundle in `directory` after checking every file in it.

    What macOS, Windows or a NAS left beside its files, when it was copied, is ignored with a warning.

    Raises:
        BundleError: bundle.json is not as it was written or cannot be meant, a file is missing, changed or unknown, or
            something is no plain file; all are named.
        StageInputError: bundle.json is not JSON.
    """
    directory = Path(directory)
    info = _description(directory)
    if special := sorted(f"{name} is {what}" for name, what in _special(directory)):
        raise BundleError(
            f"{directory} may hold plain files alone, and {'; '.join(special)}. Copy what it is meant to be in its "
            "place (`cp -rL` follows links), or fetch the bundle again."
        )
    listed, found = info["files"], files_in(directory)
    left = sorted(found - listed.keys())
    ignored = [name for name in left if any(map(is_system_file, Path(name).parts))]
    if ignored:
        LOG.warning("%s: files that a system left there are ignored: %s.", directory, ", ".join(ignored))
    changed = [name for name in sorted(found & listed.keys()) if not _is(directory / name, listed[name])]
    wrong = [
        *(f"{name} is missing" for name in sorted(listed.keys() - found)),
        *(f"{name} is unknown" for name in left if name not in ignored),
        *(f"{name} was changed" for name in changed),
    ]
    if wrong:
        raise BundleError(
            f"{directory} is not the bundle {info['id'][:12]}...: {'; '.join(wrong)}. Fetch it again, or remake it "
            "with `dvc repro bundle`."
        )
    return Bundle(directory, info)


def _description(directory: Path) -> dict[str, Any]:
    """Return what bundle.json says, once it is what was written, of a shape that can be used."""
    path = directory / NAME
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}): give a directory with a bundle.") from None
    if not stat.S_ISREG(mode):
        raise BundleError(
            f"{path} is {_kind(mode)}, not a plain file: copy the bundle with `cp -rL`, or fetch it again."
        )
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise BundleError(f"{path} has more than {LARGEST >> 20} MiB: it is no description of a bundle.")
    info = load_json(data, path)
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        found = info.get("format") if isinstance(info, dict) else type(info).__name__
        raise BundleError(f"{path} has format {_short(found)}; this version reads {FORMAT}.")
    if info.get("id") != identity_of(info):
        raise BundleError(
            f"{path} was changed: its id is {_short(info.get('id'))}, and its contents hash to "
            f"{_short(identity_of(info))}. Fetch the bundle again, or remake it with `dvc repro bundle`."
        )
    if fault := fault_of(info):
        raise BundleError(f"{path} cannot be used: {fault}. Fetch the bundle again, or remake it: `dvc repro bundle`.")
    return info


def _short(value: Any) -> str:
    text = str(value)
    return f"{text[:12]}..." if len(text) > 12 else text


def _special(directory: Path) -> Iterator[tuple[str, str]]:
    """Yield (path, what it is) of everything below `directory` that is neither a file nor a directory."""
    for folder, folders, files in os.walk(directory):
        for name in (*folders, *files):
            mode = (Path(folder) / name).lstat().st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                yield (Path(folder) / name).relative_to(directory).as_posix(), _kind(mode)


def _kind(mode: int) -> str:
    return "a link" if stat.S_ISLNK(mode) else kind_of_file(mode)


def _is(path: Path, listed: dict[str, Any]) -> bool:
    """Return whether a file is the one that is listed. What has another size is not read."""
    return path.stat().st_size == listed["bytes"] and sha256_of(path) == str(listed["sha256"])


def seal(directory: Path, info: dict[str, Any]) -> dict[str, Any]:
    """Return `info` with the hashes of all files in `directory`, and its id."""
    files = {
        name: {"sha256": sha256_of(directory / name), "bytes": (directory / name).stat().st_size}
        for name in sorted(files_in(directory))
        if not any(map(is_system_file, Path(name).parts))
    }
    sealed = {"format": FORMAT} | info | {"files": files}
    return sealed | {"id": identity_of(sealed)}


def files_in(directory: Path) -> set[str]:
    """Return the paths of all files below `directory` but bundle.json, relative to it."""
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir()} - {NAME}


def identity_of(info: dict[str, Any]) -> str:
    """Return the SHA-256 of all of `info` but its id."""
    rest = {key: value for key, value in info.items() if key != "id"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
