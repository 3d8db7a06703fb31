"""Take a project to the installed version: which stages' code is another, what runs again, and files that say so."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from kwsdata.errors import KwsError
from kwsdata.files.text_files import rewrite
from kwsdata.params.files import BESIDE, PARAMS_FILE
from kwsdata.tools.project.code import CodeVersions, installed_versions, read_versions, text_digest
from kwsdata.tools.project.params_file import ParamsChange, updated_params
from kwsdata.tools.project.params_file import renames as schema_renames
from kwsdata.tools.project.pipeline import (
    CODE_FILE,
    PIPELINE_FILE,
    followers,
    project_pipeline,
    shipped_stages,
)
from kwsdata.tools.project.shipped import shipped_params
from kwsdata.tools.project.yaml_text import load


class EditedPipelineError(KwsError):
    """dvc.yaml was edited by hand, and the installed version has another one."""


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade changes; stages are in the order of the pipeline."""

    before: str  # the version that the project was made with
    after: str
    changed: list[str]  # stages whose code is another
    added: list[str]  # stages
    removed: list[str]
    redefined: list[str]  # stages whose command, data, params or outputs are others in dvc.yaml
    renumbered: list[str]  # stages of a block of params that has other names or new numbers
    following: list[str]  # stages that run again because one of those does, if it makes something else
    params: list[str]  # a line each
    files: dict[str, str] = field(default_factory=dict)  # {name: new text}, of those that change

    @property
    def rerun(self) -> list[str]:
        """Return the stages that run again for their own sake."""
        own = {*self.changed, *self.added, *self.redefined, *self.renumbered}
        return [name for name in shipped_stages() if name in own]

    def as_json(self) -> dict[str, Any]:
        """Return all but the texts of the files, whose names are given."""
        return asdict(self) | {"files": list(self.files)}

    def lines(self) -> list[str]:
        """Return it in plain words."""
        if not self.files:
            return [f"Nothing to do: the project has kwsdata {self.after}."]
        lines = [f"kwsdata {self.before} -> {self.after}"]
        total = len(shipped_stages())
        for names, said in (
            (self.changed, f"The code of {len(self.changed)} of {total} stages changed"),
            (self.added, "New stages"),
            (self.removed, "Stages that are no more (their outputs stay on the disk until you delete them)"),
            (self.redefined, "Stages that read, write or are called otherwise"),
            (self.renumbered, "Stages that read a block of params with other names or new numbers"),
        ):
            if names:
                lines.append(f"{said}: {', '.join(names)}.")
        lines += [f"{PARAMS_FILE}: {note}" for note in self.params]
        if not self.rerun:
            return [*lines, "No stage's code changed."]
        lines.append(f"`dvc repro` runs again: {', '.join(self.rerun)}.")
        if self.following:
            lines.append(f"And then, where what they read has changed: {', '.join(self.following)}.")
        return lines


def plan_upgrade(
    folder: Path = Path(), force: bool = False, renames: Sequence[tuple[str, str]] | None = None
) -> Upgrade:
    """Compare the project in `folder` with the installed package; nothing is written.

    Args:
        folder: the project.
        force: replace a dvc.yaml that was edited by hand.
        renames: (old, new) names of params; by default those that the schema tells.

    Raises:
        EditedPipelineError: dvc.yaml was edited, the installed version has another one, and `force` is not given.
        ParamsError: the params cannot be brought up to date.
        KwsError: it is no project, or a file of it is damaged.
    """
    folder = Path(folder)
    made_with = read_versions(folder)
    there = _text(folder / PIPELINE_FILE)
    wanted = project_pipeline(made_with.shares)
    edited = text_digest(there) != text_digest(wanted) and text_digest(there) != made_with.pipeline
    if edited and not force:
        raise EditedPipelineError(
            f"{folder / PIPELINE_FILE} was edited, and kwsdata {installed_versions(wanted).package} has another one: "
            "move stages of your own to a dvc.yaml of another folder and `git checkout dvc.yaml`, or give --force to "
            "replace it. Nothing was written."
        )
    moved = schema_renames() if renames is None else renames
    params = updated_params(folder, shipped_params(), moved)
    return _compared(made_with, installed_versions(wanted, made_with.shares), there, wanted, folder, params)


def write_upgrade(upgrade: Upgrade, folder: Path = Path()) -> None:
    """Write the files of an upgrade, each whole or not at all; code.yaml last: killed before, it is planned again.

    params.yaml comes after the files that numbers of it move to.

    Raises:
        OSError: the disk is full or read-only.
    """
    for name in (*BESIDE, PARAMS_FILE, PIPELINE_FILE, CODE_FILE):
        if name in upgrade.files:
            text = upgrade.files[name].encode()
            rewrite(Path(folder) / name, lambda _, text=text: text)  # type: ignore[misc]  # mypy: no default of a lambda


def _compared(
    old: CodeVersions, new: CodeVersions, there: str, wanted: str, folder: Path, params: ParamsChange
) -> Upgrade:
    before, after = _stages(folder, there), load(wanted)["stages"]
    changed = [name for name in after if name in before and old.stages.get(name) != new.stages[name]]
    added = [name for name in after if name not in before]
    redefined = [name for name in after if name in before and _shape(before[name]) != _shape(after[name])]
    renumbered = [name for name in after if name in before and not params.blocks.isdisjoint(_blocks(after[name]))]
    own = {*changed, *added, *redefined, *renumbered}
    later = {other for name, others in followers(after).items() if name in own for other in others}
    found = {**params.texts, PIPELINE_FILE: wanted, CODE_FILE: new.text()}
    unchanged = {
        name
        for name in found
        if (folder / name).exists() and text_digest(_text(folder / name)) == text_digest(found[name])
    }
    return Upgrade(
        before=old.package,
        after=new.package,
        changed=changed,
        added=added,
        removed=[name for name in old.stages if name not in after],
        redefined=redefined,
        renumbered=renumbered,
        following=[name for name in after if name in later - own],
        params=list(params.notes),
        files={name: text for name, text in found.items() if name not in unchanged},
    )


def _stages(folder: Path, text: str) -> dict[str, Any]:
    try:
        return dict(load(text)["stages"])
    except (YAMLError, KeyError, TypeError):
        raise KwsError(
            f"{folder / PIPELINE_FILE} is damaged: take the committed one, `git checkout {PIPELINE_FILE}`."
        ) from None


def _blocks(stage: Any) -> set[str]:
    """Return the blocks of params that a stage depends on."""
    names = [name for name in stage.get("params", ()) if isinstance(name, str)]
    for files in (names for names in stage.get("params", ()) if not isinstance(names, str)):
        names += [name for file in BESIDE for name in files.get(file) or ()]
    return {name.partition(".")[0] for name in names}


def _shape(stage: Any) -> dict[str, Any]:
    """Return what of a stage DVC compares: all but words for people."""
    return {key: value for key, value in stage.items() if key not in ("desc", "meta")}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KwsError(f"{path} is missing: take the committed one, `git checkout {path.name}`.") from None
    except UnicodeDecodeError:
        raise KwsError(f"{path} is not UTF-8: take the committed one, `git checkout {path.name}`.") from None
