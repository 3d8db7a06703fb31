"""Any module can be imported first, and CONTRIBUTING.md says where each package's place is."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from imports import PACKAGES, ROOT, module_file


def at_import(path: Path) -> set[Path]:
    """Return the project's files that importing `path` imports before it is done: not those in functions."""
    found = set()
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [name for alias in node.names if module_file(name := f"{node.module}.{alias.name}")]
            names = modules or [node.module]
        else:
            continue
        found |= {file for name in names if (file := module_file(name))}
    return found - {path}


def test_no_module_waits_for_itself():
    paths = [path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    try:
        TopologicalSorter({path: at_import(path) for path in paths}).prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(map(str, reversed(error.args[1])))) from None


def test_the_map_names_every_package():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    section = page[page.index("## Where things are") : page.index("## Add an effect")]
    for package in PACKAGES:
        for path in (ROOT / package).glob("*/__init__.py"):
            assert f"`{path.parent.name}`" in section, path
