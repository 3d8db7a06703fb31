"""An upgrade says what changed, writes only that, and can be killed and done again."""

import pytest
from params_files import copy_params, whole_values, write_whole

from kwsdata.errors import KwsError, ParamsError
from kwsdata.params import load_params
from kwsdata.params.files import BESIDE, FILES, PARAMS_FILE
from kwsdata.tools.project import upgrade as upgrading
from kwsdata.tools.project.code import CodeVersions, installed_versions, read_versions
from kwsdata.tools.project.pipeline import CODE_FILE, PIPELINE_FILE, followers, project_pipeline, shipped_stages
from kwsdata.tools.project.upgrade import EditedPipelineError, plan_upgrade, write_upgrade
from kwsdata.tools.project.yaml_text import dump, load, plain

STAGES = list(shipped_stages())


@pytest.fixture
def folder(tmp_path):
    """The files of a project that the installed version made."""
    write(tmp_path, project_pipeline(), {})
    copy_params(tmp_path)
    return tmp_path


def write(folder, pipeline: str, other: dict[str, str], package: str = "0.1.9") -> None:
    """Write dvc.yaml, and the code.yaml of a version whose code of the stages in `other` was another."""
    (folder / PIPELINE_FILE).write_text(pipeline)
    made = installed_versions(pipeline)
    (folder / CODE_FILE).write_text(CodeVersions(package, made.pipeline, {**made.stages, **other}).text())


def contents(folder) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_project_of_the_installed_version_has_nothing_to_do(folder):
    (folder / CODE_FILE).write_text(installed_versions(project_pipeline()).text())
    before = contents(folder)
    plan = plan_upgrade(folder)
    write_upgrade(plan, folder)
    assert (plan.files, plan.rerun, plan.following) == ({}, [], [])
    assert contents(folder) == before
    assert plan.lines()[0].startswith("Nothing to do")


def test_the_stages_whose_code_changed_are_named_with_those_that_follow(folder):
    write(folder, project_pipeline(), {"train": "f" * 16})
    before = contents(folder)
    plan = plan_upgrade(folder)
    assert contents(folder) == before  # planning writes nothing
    assert (plan.changed, plan.rerun) == (["train"], ["train"])
    assert plan.following == followers(shipped_stages())["train"]
    assert set(plan.files) == {CODE_FILE}
    text = "\n".join(plan.lines())
    assert f"The code of 1 of {len(STAGES)} stages changed: train." in text
    assert "0.1.9 -> " in text
    write_upgrade(plan, folder)
    assert {name for name, data in contents(folder).items() if data != before[name]} == {CODE_FILE}
    assert read_versions(folder) == installed_versions(project_pipeline())


def test_a_release_that_changes_no_code_runs_nothing(folder):
    plan = plan_upgrade(folder)
    assert set(plan.files) == {CODE_FILE}
    assert (plan.rerun, plan.following) == ([], [])
    assert plan.lines()[-1] == "No stage's code changed."


def test_a_pipeline_of_an_older_version_is_replaced(folder):
    document = load(project_pipeline())
    del document["stages"]["check"]
    document["stages"]["split"]["outs"] = ["data/parts"]
    document["stages"]["sift"] = {"cmd": "kwsdata sift", "outs": ["data/sifted"]}
    write(folder, dump(document), {"sift": "f" * 16})
    plan = plan_upgrade(folder)
    assert (plan.added, plan.removed, plan.redefined) == (["check"], ["sift"], ["split"])
    assert set(plan.rerun) == {"check", "split"}
    write_upgrade(plan, folder)
    assert (folder / PIPELINE_FILE).read_text() == project_pipeline()


def test_a_pipeline_that_was_edited_is_replaced_only_when_forced(folder):
    with (folder / PIPELINE_FILE).open("a") as file:
        file.write("# mine\n")
    before = contents(folder)
    with pytest.raises(EditedPipelineError, match="--force"):
        plan_upgrade(folder)
    assert contents(folder) == before
    write_upgrade(plan_upgrade(folder, force=True), folder)
    assert (folder / PIPELINE_FILE).read_text() == project_pipeline()


def test_line_ends_of_another_system_are_no_edit(folder):
    text = (folder / PIPELINE_FILE).read_text()
    (folder / PIPELINE_FILE).write_bytes(text.replace("\n", "\r\n").encode())
    assert PIPELINE_FILE not in plan_upgrade(folder).files


def test_a_renamed_param_is_rewritten_and_its_stages_run(folder):
    params = (folder / PARAMS_FILE).read_text()
    (folder / PARAMS_FILE).write_text(params.replace("  gamma: 0.0\n", "  focus: 1.5\n"))
    plan = plan_upgrade(folder, renames=[("loss.focus", "loss.gamma")])
    assert plan.params == ["loss.focus is now loss.gamma"]
    assert plan.renumbered == ["scout", "train", "quantize"]
    assert "train" in plan.rerun
    write_upgrade(plan, folder)
    assert plain((folder / PARAMS_FILE).read_text())["loss"]["gamma"] == 1.5


def test_params_that_cannot_be_brought_up_to_date_leave_all_as_it_was(folder):
    write(folder, project_pipeline(), {"train": "f" * 16})
    params = (folder / PARAMS_FILE).read_text()
    (folder / PARAMS_FILE).write_text(params.replace("  gamma: 0.0\n", "  gamma: many\n"))
    before = contents(folder)
    with pytest.raises(ParamsError, match=r"loss\.gamma"):
        plan_upgrade(folder)
    assert contents(folder) == before


def upgrade_killed_at(folder, file, monkeypatch):
    """Upgrade `folder`, and be killed just before `file` is written."""
    rewrite = upgrading.rewrite

    def killed(path, change):
        if path == folder / file:
            raise KeyboardInterrupt
        rewrite(path, change)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(upgrading, "rewrite", killed)
        write_upgrade(plan_upgrade(folder), folder)


def test_a_killed_upgrade_is_planned_again(folder, monkeypatch):
    document = load(project_pipeline())
    del document["stages"]["check"]
    write(folder, dump(document), {"train": "f" * 16})
    upgrade_killed_at(folder, CODE_FILE, monkeypatch)
    plan = plan_upgrade(folder)
    assert plan.changed == ["train"]
    assert set(plan.files) == {CODE_FILE}


@pytest.mark.parametrize("name", [PIPELINE_FILE, *FILES, CODE_FILE])
def test_a_missing_file_is_told(folder, name):
    (folder / name).unlink()
    with pytest.raises(KwsError, match=name):
        plan_upgrade(folder)


@pytest.fixture
def of_before(folder):
    """A project of before the numbers were in several files, in which some are the user's."""
    for name in BESIDE:
        (folder / name).unlink()
    (folder / "params").rmdir()
    values = whole_values()
    values["train"] |= {"steps": 77, "patience": 9}
    values["check"]["min_speakers"] = 2
    write_whole(folder / PARAMS_FILE, values)
    return folder


def test_one_file_of_all_numbers_becomes_several_with_the_same_values(of_before):
    before = load_params(of_before / PARAMS_FILE)
    plan = plan_upgrade(of_before)
    assert {*FILES, CODE_FILE} <= plan.files.keys()
    assert "params/kwsdata.yaml and params/kwstrain.yaml hold the other numbers" in "\n".join(plan.lines())
    write_upgrade(plan, of_before)
    assert load_params(of_before / PARAMS_FILE) == before
    assert (before.train.steps, before.train.patience, before.check.min_speakers) == (77, 9, 2)
    assert len((of_before / PARAMS_FILE).read_text().splitlines()) <= 65
    assert plan_upgrade(of_before).files == {}


@pytest.mark.parametrize("at", FILES)
def test_a_spread_that_is_killed_between_two_files_loses_no_number(of_before, monkeypatch, at):
    before = load_params(of_before / PARAMS_FILE)
    upgrade_killed_at(of_before, at, monkeypatch)
    write_upgrade(plan_upgrade(of_before), of_before)
    assert load_params(of_before / PARAMS_FILE) == before
    assert plan_upgrade(of_before).files == {}
