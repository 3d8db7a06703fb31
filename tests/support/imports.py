"""Which of the project's files a module loads, found without running it: for checking that `dvc.yaml` is honest."""

import ast
import re
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("kwsdata", "kwstrain")
TOPS = [Path(name, "__init__.py") for name in PACKAGES]
STAGES = (("kwsdata", "stages"), ("kwstrain", "stages"), ("kwstrain", "experiments"))  # packages of packages

# Schemas hold no number (the values are params of their stages), errors no behaviour, a package's first file no code.
NOT_INPUTS = (
    "kwsdata/__init__.py", "kwstrain/__init__.py", "kwsdata/stages/__init__.py", "kwstrain/stages/__init__.py",
    "kwsdata/execution/__init__.py", "kwsdata/runtime/__init__.py", "kwsdata/similarity/__init__.py",
    "kwsdata/tools/__init__.py",
    "kwsdata/execution/progress.py",  # what people read while it runs
    "kwsdata/lazy.py", "kwsdata/errors.py", "kwsdata/params/*.py",
)  # fmt: skip

_NAMED = re.compile(r"kws(data|train)(\.\w+)+(:\w+)?")  # of what is loaded when it is asked for


def package_of(stage: str) -> Path:
    """Return the package of `stage`, relative to the root; stages of ablation/dvc.yaml are in kwstrain/experiments."""
    places = (Path(*place) / stage for place in STAGES)
    return next(path for path in places if (ROOT / path).is_dir())


def module_file(name: str) -> Path | None:
    """Return the file of module `name`, relative to the root; None where it is no module of ours."""
    path = ROOT.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate.relative_to(ROOT)
    return None


@lru_cache
def imports_of(path: Path) -> frozenset[Path]:
    """Return the project's files that `path` imports itself, anywhere in it (inside functions, or named in a text)."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAMED.fullmatch(node.value):
            names = [node.value.partition(":")[0]]
        for name in names:
            parts = name.split(".")
            if parts[0] in PACKAGES:
                # importing a.b.c runs a/__init__.py and a/b/__init__.py as well
                for depth in range(1, len(parts) + 1):
                    if file := module_file(".".join(parts[:depth])):
                        found.add(file)
    return frozenset(found)


def closure(path: Path) -> set[Path]:
    """Return `path` and every project file that loading it loads."""
    seen: set[Path] = set()
    todo = [path]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            if current not in TOPS:  # what they name is imported when a program asks for it
                todo.extend(imports_of(current))
    return seen
