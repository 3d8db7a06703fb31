"""The digest of a step's code: all that it loads, found without running it, and the same wherever it is installed."""

import ast
import shutil
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from imports import PACKAGES, ROOT, imports_of
from imports import closure as loaded

from kwsdata.execution.cache import code
from kwsdata.execution.cache.code import CARRIERS, LIBRARIES, closure, code_digest, imported_names, module_file

MODULES = sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
# Imported by code that makes entries, and of no influence on them: they carry, describe, or are tried to be there.
IGNORED = {
    "dvclive", "google", "huggingface_hub", "importlib", "lhotse", "piper", "pydantic", "ruamel", "scmrepo", "fsspec",
    "tqdm", "typer", "yaml",
}  # fmt: skip


@pytest.fixture
def copy(tmp_path, monkeypatch) -> Path:
    """A copy of the packages, which counts as the code that runs, and as old as it."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "ROOT", tmp_path)
    monkeypatch.setattr(code, "_BEGAN_NS", time.time_ns() + 10**12)
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    code._digest.cache_clear()
    code._closure.cache_clear()


def name_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_are_those_of_the_syntax_tree(package):
    for path in MODULES:
        if path.parts[0] == package and path != Path("kwsdata/execution/cache/code.py"):  # its text has examples
            source = (ROOT / path).read_text()
            assert {module_file(name) for name in imported_names(source)} - {None} == imports_of(path), path
            assert not any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(ast.parse(source)))


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import kwsdata.audio", {"kwsdata", "kwsdata.audio"}),
        ("import os, kwsdata.draws , kwsdata.a.b", {"kwsdata", "kwsdata.draws", "kwsdata.a", "kwsdata.a.b"}),
        ("from kwsdata.audio import resample", {"kwsdata", "kwsdata.audio", "kwsdata.audio.resample"}),
        ("from kwsdata import (\n    a,  # why (not)\n    b as c,\n)", {"kwsdata", "kwsdata.a", "kwsdata.b"}),
        ("def f():\n    from kwstrain.clips import x", {"kwstrain", "kwstrain.clips", "kwstrain.clips.x"}),
        ("ENGINES = {'k': 'kwsdata.a.b:Name'}", {"kwsdata", "kwsdata.a", "kwsdata.a.b"}),
        ('files("kwsdata.voices")', {"kwsdata", "kwsdata.voices"}),
        ("if TYPE_CHECKING:\n\timport kwstrain.x", {"kwstrain", "kwstrain.x"}),
        ("import numpy as np\nfrom pathlib import Path", set()),
        ("# import kwsdata.audio", set()),
        ("important = 1\nfrom_kwsdata = 2", set()),
    ],
)
def test_ways_to_import(source, names):
    assert imported_names(source) == names


def test_the_closure_is_what_loading_loads_but_for_carriers():
    for name in (
        "kwsdata.stages.augment.shard",
        "kwsdata.stages.check.facts",
        "kwstrain.training.loop",
        "kwsdata.stages.synthesize.render",
    ):
        missing = loaded(module_file(name)) - set(closure(name))
        through = {path for path in missing if not name_of(path).startswith(CARRIERS)}
        assert all(_only_through_carriers(path, name) for path in through), (name, through)


def _only_through_carriers(path: Path, name: str) -> bool:
    return not any(path in imports_of(user) for user in closure(name))


@pytest.mark.parametrize("carrier", CARRIERS)
def test_carriers_are_modules(carrier):
    assert module_file(carrier) is not None


def test_every_edit_of_every_file_in_the_closure_is_another_digest(copy):
    name = "kwsdata.stages.synthesize.render"
    seen = {code_digest(name)}
    files = [*closure(name), Path("kwsdata/stages/synthesize/voices/kokoro_voices.npz")]
    assert Path("kwsdata/stages/synthesize/engines/kokoro.py") in files
    for number, path in enumerate(files, 1):
        (copy / path).write_bytes((copy / path).read_bytes() + b"\n# edited\n")
        forget()
        seen.add(code_digest(name))
        assert len(seen) == 1 + number, path


@pytest.mark.parametrize(
    "edit",
    [
        lambda root: (root / "kwsdata/tools/review/server.py").write_text("raise SystemExit"),
        lambda root: (root / "kwsdata/cli.py").unlink(),
        lambda root: (root / "kwsdata/errors.py").write_text((root / "kwsdata/errors.py").read_text() + "\nX = 1\n"),
        lambda root: (root / "kwsdata/execution/executor.py").write_text("# elsewhere\n"),
        lambda root: (root / "kwsdata/stages/synthesize/notes.md").write_text("notes"),
        lambda root: (root / "kwsdata/stages/check/extra.txt").write_text("of another package"),
        lambda root: (root / "kwsdata/audio.py").write_bytes(
            (root / "kwsdata/audio.py").read_bytes().replace(b"\n", b"\r\n")
        ),
    ],
    ids=["another stage", "command line", "errors", "executor", "notes", "data of another package", "line ends"],
)
def test_an_edit_elsewhere_is_the_same_digest(copy, edit):
    before = code_digest("kwsdata.stages.synthesize.render")
    edit(copy)
    forget()
    assert code_digest("kwsdata.stages.synthesize.render") == before


@pytest.mark.parametrize("name", ["words.txt", "table.json", "table.npz"])
def test_data_beside_a_package_is_code(copy, name):
    before = code_digest("kwsdata.stages.synthesize.render")
    (copy / "kwsdata/stages/synthesize/voices" / name).write_bytes(b"1")
    forget()
    assert code_digest("kwsdata.stages.synthesize.render") != before


def test_an_import_that_joins_brings_its_own(copy):
    path = copy / "kwsdata/stages/check/facts.py"
    before = closure("kwsdata.stages.check.facts")
    path.write_text(path.read_text() + "\n\ndef later():\n    from kwsdata import consistent_hash\n")
    forget()
    assert set(closure("kwsdata.stages.check.facts")) - set(before) == {Path("kwsdata/consistent_hash.py")}


def test_a_copy_has_the_digest_of_the_checkout(copy, monkeypatch):
    names = ("kwsdata.stages.augment.shard", "kwsdata.stages.synthesize.render", "kwstrain.stages.teach.ask")
    there = [code_digest(name) for name in names]
    monkeypatch.setattr(code, "ROOT", ROOT)
    forget()
    assert [code_digest(name) for name in names] == there


def test_another_release_of_a_library_is_another_digest(monkeypatch):
    before = code_digest("kwsdata.stages.check.facts")
    forget()
    monkeypatch.setattr(code, "version", lambda name: "99.0")
    assert code_digest("kwsdata.stages.check.facts") != before
    forget()

    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(code, "version", absent)
    assert code_digest("kwsdata.stages.check.facts") != before
    forget()


def test_code_that_changed_after_the_process_began_is_not_taken_for_what_it_runs(copy, monkeypatch):
    before = code_digest("kwsdata.stages.check.facts")
    (copy / "kwsdata/measures/quality.py").write_text((copy / "kwsdata/measures/quality.py").read_text() + "\n# new\n")
    forget()
    new = code_digest("kwsdata.stages.check.facts")  # as a process says that begins after the edit
    monkeypatch.setattr(code, "_BEGAN_NS", 0)
    forget()
    late = code_digest("kwsdata.stages.check.facts")  # and one that had begun before
    assert len({before, new, late}) == 3


def test_no_such_module():
    with pytest.raises(ModuleNotFoundError, match=r"no module kwsdata\.nothing below"):
        code_digest("kwsdata.nothing")


def test_every_library_that_computes_is_known():
    """Whoever makes entries with a new library says here whether its release decides them."""
    from kwsdata.execution.cache import STEPS

    steps = {name: STEPS[name].code for name in STEPS if all(module_file(module) for module in STEPS[name].code)}
    used = {library for modules in steps.values() for path in closure(*modules) for library in _third_party(path)}
    assert used <= LIBRARIES.keys() | IGNORED


def _third_party(path: Path) -> set[str]:
    import sys

    names = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - set(PACKAGES)


def test_a_digest_costs_little():
    forget()
    began = time.process_time()
    code_digest("kwsdata.stages.augment.shard")
    assert time.process_time() - began < 0.2  # 25 ms where nothing else runs
