"""The version of a stage's code changes with the code that the stage runs, and with nothing else."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from imports import PACKAGES, ROOT

from kwsdata.errors import KwsError
from kwsdata.execution.cache import code as digests
from kwsdata.tools.project.code import (
    CodeVersions,
    OtherCodeError,
    check_code,
    installed_versions,
    read_versions,
    stage_version,
    text_digest,
)
from kwsdata.tools.project.pipeline import CODE_FILE, module_of, shipped_stages

STAGES = shipped_stages()

# What only moves bytes decides no result: `kwsdata.execution.cache.code` says so of them.
MOVERS = {f"{name.replace('.', '/')}{end}" for name in digests.CARRIERS for end in ("", ".py")}


@pytest.fixture(scope="module")
def _copy(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """A copy of the packages, and the versions in it."""
    root = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digests, "ROOT", root)
        return root, versions()


@pytest.fixture
def changed(_copy, monkeypatch):
    """Return a function: which stages have another version if `edit(bytes)` is what files of a pattern hold."""
    root, before = _copy
    monkeypatch.setattr(digests, "ROOT", root)

    def ask(pattern: str, edit: Callable[[bytes], bytes]) -> set[str]:
        kept = {path: path.read_bytes() for path in root.glob(pattern)}
        assert kept
        try:
            for path, data in kept.items():
                path.write_bytes(edit(data))
            return {name for name, version in versions().items() if version != before[name]}
        finally:
            for path, data in kept.items():
                path.write_bytes(data)

    yield ask
    digests._closure.cache_clear()


def versions() -> dict[str, str]:
    digests._closure.cache_clear()
    return {name: stage_version(module_of(stage)) for name, stage in STAGES.items()}


RUN_BY = {
    "kwsdata/effects/microphone.py": {"augment"},
    "kwsdata/stages/split/stage.py": {"split"},
    "kwsdata/stages/synthesize/voices/kokoro_voices.npz": {"synthesize"},
    "kwstrain/pages/style.css": {"quantization_report", "report", "bundle"},
    "kwstrain/stages/bundle/card.md.j2": {"bundle"},
    "kwstrain/models/trunks/micro/trunk.npz": {name for name in STAGES if "kwstrain/models" in STAGES[name]["deps"]},
    "kwsdata/text.py": set(STAGES),  # what keyword.text means
}


@pytest.mark.parametrize("file", RUN_BY)
def test_an_edit_changes_the_stages_that_run_the_file(changed, file):
    assert changed(file, lambda data: data + b"\n") == RUN_BY[file]


@pytest.mark.parametrize("name", STAGES)
def test_a_version_is_of_all_code_that_the_stage_depends_on_in_this_repository(name):
    files = {path.as_posix() for path in digests.source_files(module_of(STAGES[name]))}
    for dep in STAGES[name]["deps"]:
        if dep.split("/")[0] in PACKAGES and dep not in MOVERS:
            assert any(file == dep or file.startswith(f"{dep}/") for file in files), dep


@pytest.mark.parametrize("file", ["kwsdata/execution/executor.py", "kwsdata/errors.py", "kwsdata/cli.py"])
def test_an_edit_of_what_decides_no_result_changes_no_stage(changed, file):
    assert changed(file, lambda data: data + b"# seen\n") == set()


def test_line_ends_make_no_other_version(changed):
    assert changed("**/*.py", lambda data: data.replace(b"\n", b"\r\n")) == set()
    assert changed("**/*.j2", lambda data: data.replace(b"\n", b"\r\n")) == set()


def test_places_make_no_other_version(_copy):
    assert versions() == _copy[1]


def test_what_is_written_is_read(tmp_path):
    made = installed_versions("stages: {}\n")
    (tmp_path / CODE_FILE).write_text(made.text())
    assert read_versions(tmp_path) == made
    assert made.pipeline == text_digest("stages: {}\r\n")


def test_digits_that_look_like_a_number_stay_a_text(tmp_path):
    made = CodeVersions("0.2", "0000000000000012", {"split": "12345678901234e5"})
    (tmp_path / CODE_FILE).write_text(made.text())
    assert read_versions(tmp_path) == made


@pytest.mark.parametrize("text", ["", "stages: [", "kwsdata: 1\n", "kwsdata: 1\npipeline: 2\nstages: 3\n"])
def test_a_damaged_file_says_how_to_go_on(tmp_path, text):
    (tmp_path / CODE_FILE).write_text(text)
    with pytest.raises(KwsError, match="git checkout code.yaml"):
        read_versions(tmp_path)


def test_where_no_project_is_one_is_told_how_to_make_one(tmp_path):
    with pytest.raises(KwsError, match="kwsdata init"):
        read_versions(tmp_path)


def test_a_stage_runs_with_the_code_of_the_project_alone(tmp_path):
    made = installed_versions("")
    (tmp_path / CODE_FILE).write_text(made.text())
    for stage in STAGES.values():
        check_code(*stage["cmd"].split()[:2], tmp_path)
    other = CodeVersions("0.1.0", made.pipeline, {**made.stages, "mine_negatives": "0" * 16})
    (tmp_path / CODE_FILE).write_text(other.text())
    check_code("kwsdata", "split", tmp_path)
    check_code("kwsdata", "stats", tmp_path)  # no stage
    with pytest.raises(OtherCodeError, match=r"kwsdata upgrade` .* or install kwsdata 0\.1\.0 again"):
        check_code("kwsdata", "mine-negatives", tmp_path)
    (tmp_path / CODE_FILE).write_text(other.text().replace("0.1.0", made.package))  # a checkout whose code was edited
    with pytest.raises(OtherCodeError, match="go on with the code here\\.$"):
        check_code("kwsdata", "mine-negatives", tmp_path)
