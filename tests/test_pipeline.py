"""`dvc.yaml` is honest: what a stage's code reads and runs is what the stage declares."""

import re
from pathlib import Path

import pytest
import yaml
from imports import NOT_INPUTS, ROOT, closure, package_of
from imports import STAGES as STAGE_PACKAGES
from params_files import whole_values

from kwsdata.execution.cache.code import source_files
from kwsdata.params.files import FILES, PARAMS_FILE

STAGES = {
    name: stage
    for path in ("dvc.yaml", "ablation/dvc.yaml")
    for name, stage in yaml.safe_load((ROOT / path).read_text())["stages"].items()
}
PARAMS = whole_values()
BLOCKS_IN = {file: set(yaml.safe_load((ROOT / file).read_text())) for file in FILES}

PACKAGES_OF_STAGES = {Path(*parts) for parts in STAGE_PACKAGES}  # whose own files are those of a command beside them

# Where a stage runs and how many examples a page shows do not change what the stage makes.
FREE_BLOCKS = {"executor", "cache", "download"}


@pytest.mark.parametrize("stage", STAGES)
def test_stage_command_package_and_params_block_share_one_name(stage):
    program, command, *_ = STAGES[stage]["cmd"].replace(" experiments ", " ").split()
    assert command.replace("-", "_") == stage
    assert package_of(stage).parts[0] == program
    assert str(package_of(stage)) in STAGES[stage]["deps"]


@pytest.mark.parametrize("stage", STAGES)
def test_every_file_a_stage_loads_is_its_dep(stage):
    deps = [Path(dep) for dep in STAGES[stage]["deps"]]
    loaded = closure(package_of(stage) / "stage.py")
    missing = {
        str(path)
        for path in loaded
        if not any(path.match(pattern) for pattern in NOT_INPUTS)
        and not any(path == dep or dep in path.parents for dep in deps)
    }
    assert not missing, f"{stage} loads {sorted(missing)}: run scripts/stage_deps.py"


@pytest.mark.parametrize("stage", STAGES)
def test_every_code_dep_is_loaded(stage):
    loaded = closure(package_of(stage) / "stage.py")
    for dep in map(Path, STAGES[stage]["deps"]):
        if dep.parts[0] in ("kwsdata", "kwstrain"):
            assert any(path == dep or dep in path.parents for path in loaded), f"{stage} does not use {dep}"


def package_with(path: Path) -> Path:
    """Return the package that a file lies in, itself or below folders that are none."""
    return next(folder for folder in path.parents if (ROOT / folder / "__init__.py").exists())


@pytest.mark.parametrize("stage", STAGES)
def test_every_data_file_beside_the_code_that_a_stage_loads_is_its_dep(stage):
    deps = [Path(dep) for dep in STAGES[stage]["deps"]]
    module = ".".join((package_of(stage) / "stage").parts)
    beside = [path for path in source_files(module) if path.suffix != ".py"]  # templates, style sheets, tables, weights
    beside = [path for path in beside if package_with(path) not in PACKAGES_OF_STAGES]
    missing = [path for path in beside if not any(path == dep or dep in path.parents for dep in deps)]
    assert not missing, f"{stage} reads {missing}: run scripts/stage_deps.py"


def test_code_reads_files_of_its_own_package_alone():
    """What lies beside other code is no dep that anyone would find: it belongs to a package that is imported."""
    finders = {"kwsdata/execution/cache/code.py", "kwsdata/tools/project/shipped.py"}  # of the packages themselves
    reaching = [
        place
        for package in ("kwsdata", "kwstrain")
        for path in (ROOT / package).rglob("*.py")
        if (place := str(path.relative_to(ROOT))) not in finders
        and re.search(r"__file__\)(\.resolve\(\))?\.parent(s\[|\.parent)", path.read_text())
    ]
    assert not reaching


@pytest.mark.parametrize("stage", STAGES)
def test_every_params_block_a_stage_reads_is_its_param_in_every_file(stage):
    declared = STAGES[stage].get("params", [])
    tracked = {PARAMS_FILE: {block for block in declared if isinstance(block, str)}}
    for files in (files for files in declared if not isinstance(files, str)):
        tracked |= {file: set(blocks) for file, blocks in files.items() if file in FILES}
    blocks = set().union(*tracked.values())
    read = set()
    for path in (ROOT / package_of(stage)).rglob("*.py"):
        read |= set(re.findall(r"\bparams\.([a-z_]+)\b", path.read_text()))
    read = {name.rstrip("_") for name in read} & set(PARAMS)  # `params.import_` is the block `import`
    assert read - FREE_BLOCKS <= blocks, f"{stage} reads {sorted(read - FREE_BLOCKS - blocks)} undeclared"
    for file in FILES:  # of each block, every file that has keys of it
        assert tracked.get(file, set()) == blocks & BLOCKS_IN[file], f"{stage}, {file}: run scripts/stage_deps.py"


def test_what_python_leaves_beside_the_code_is_no_dep():
    assert "__pycache__/" in (ROOT / ".dvcignore").read_text().splitlines()


def test_every_file_is_short():
    long = {
        str(path.relative_to(ROOT)): count
        for package in ("kwsdata", "kwstrain")
        for path in (ROOT / package).rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert not long
