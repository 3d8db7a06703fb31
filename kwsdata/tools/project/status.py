"""What of a pipeline is not up to date, and why, in plain words: `dvc status`, with the numbers that changed."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from kwsdata.errors import KwsError
from kwsdata.params import Params
from kwsdata.params.files import FILES, PARAMS_FILE, check_homes, read_files
from kwsdata.tools.project.code import installed_versions, read_versions
from kwsdata.tools.project.pipeline import CODE_FILE, PIPELINE_FILE, followers
from kwsdata.tools.project.yaml_text import plain

_LOCK = "dvc.lock"
_SHOWN = 5  # reasons of one kind
_CODE = ("kwsdata/", "kwstrain/")
_ABSENT = object()


@dataclass(frozen=True)
class Status:
    """What is stale and why; stages are in the order of the pipeline."""

    stale: dict[str, list[str]]  # {stage: reasons}
    following: list[str]  # stages that run after those, if what they read comes out otherwise
    current: list[str]
    data: dict[str, list[str]]  # {what `dvc add` tracks: what is to be done}
    upgrade: str | None  # what to do about installed code that the project was not made with
    elsewhere: dict[str, list[str]] = field(default_factory=dict)  # {folder of another word: stages that are stale}

    def as_json(self) -> dict[str, Any]:
        """Return it in plain values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return it in plain words."""
        lines = [self.upgrade] if self.upgrade else []
        for path, whys in self.data.items():
            lines += [f"{path}: {why}" for why in whys]
        lines += [
            f"In {folder}, which shares its data: {_listed(stages)} not up to date."
            for folder, stages in self.elsewhere.items()
        ]
        if not self.stale:
            return [*lines, f"All {len(self.current)} stages are up to date."]
        lines.append(f"{_count(self.stale)} not up to date:")
        grouped: dict[str, list[str]] = {}
        for stage, whys in self.stale.items():
            grouped.setdefault("; ".join(whys), []).append(stage)
        lines += [f"  {', '.join(stages)}: {why}" for why, stages in grouped.items()]
        if self.following:
            lines.append(f"Then, where what they read has changed: {', '.join(self.following)}.")
        if self.current:
            lines.append(f"Up to date: {', '.join(self.current)}.")
        return [*lines, "Type `dvc repro` to run them."]


def status(folder: Path = Path()) -> Status:
    """Ask DVC what of the pipeline in `folder` is not up to date.

    Raises:
        ParamsError: a number stands in another file than its own, where no stage looks for it.
        KwsError: there is no pipeline, `dvc status` failed (the message is its own), or a file of DVC's is damaged.
    """
    folder = Path(folder)
    if all((folder / file).exists() for file in FILES):
        check_homes(folder / PARAMS_FILE, read_files(folder / PARAMS_FILE, Params))
    stages = _yaml(folder / PIPELINE_FILE).get("stages", {})
    locked = _yaml(folder / _LOCK).get("stages", {}) if (folder / _LOCK).exists() else {}
    found = _ask_dvc(folder)
    stale = {
        name: list(_reasons(name, found[name], locked.get(name), folder)) for name in stages if name in found
    }  # of `found` the rest are files that `dvc add` tracks, and pipelines in other folders
    later = {other for name, others in followers(stages).items() if name in stale for other in others}
    return Status(
        stale=stale,
        following=[name for name in stages if name in later and name not in stale],
        current=[name for name in stages if name not in later and name not in stale],
        data={name: list(_data_reasons(found[name])) for name in found if name.endswith(".dvc")},
        upgrade=_upgrade(folder),
        elsewhere=_elsewhere(found, folder),
    )


def _elsewhere(found: Mapping[str, Any], folder: Path) -> dict[str, list[str]]:
    """Return {folder: stages of its pipeline that DVC found stale}, of other words of the project."""
    others: dict[str, list[str]] = {}
    for name in found:
        place, _, stage = name.rpartition(f"/{PIPELINE_FILE}:")
        if place and (folder / place / CODE_FILE).is_file():
            others.setdefault(place, []).append(stage)
    return others


def _reasons(name: str, changes: list[Any], locked: Mapping[str, Any] | None, folder: Path) -> Iterator[str]:
    if locked is None:
        yield "not run yet"
        return
    code: list[str] = []
    for change in changes:
        if change == "changed command":
            yield "its command is another"
        elif change == "always changed":
            yield "it runs each time (it has no dependencies)"
        elif isinstance(change, Mapping):
            for path, how in change.get("changed deps", {}).items():
                if isinstance(how, Mapping):
                    yield from _params_reasons(path, how, locked, folder)
                elif path.startswith(_CODE):
                    code.append(path)
                else:
                    yield _dep_reason(path, how)
            for path, how in change.get("changed outs", {}).items():
                yield _out_reason(path, how)
    if code:
        yield f"its code changed ({_listed(code)})"


def _params_reasons(path: str, names: Mapping[str, str], locked: Mapping[str, Any], folder: Path) -> Iterator[str]:
    if path == CODE_FILE:
        yield "its code is of another version"
        return
    was, now = locked.get("params", {}).get(path, {}), _yaml(folder / path)
    changes: list[str] = []
    for name in names:
        old, new = was.get(name, _ABSENT), _at(now, name)
        changes += list(_differences(name, old, new)) or [f"{name} is written otherwise"]
    yield f"{_listed(changes)} ({path})"


def _differences(name: str, old: Any, new: Any) -> Iterator[str]:
    """Yield "name is NEW, was OLD" for each value below `name` that differs."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _differences(f"{name}.{key}", old.get(key, _ABSENT), new.get(key, _ABSENT))
    elif new is _ABSENT:
        yield f"{name} is gone"
    elif old is _ABSENT:
        yield f"{name} is new"
    elif old != new:
        yield f"{name} is {_short(new)}, was {_short(old)}"


def _dep_reason(path: str, how: str) -> str:
    words = {"deleted": f"{path}, which it reads, is missing", "new": f"it reads {path} now"}
    return words.get(how, f"{path} changed")


def _out_reason(path: str, how: str) -> str:
    words = {
        "deleted": f"its output {path} is missing",
        "not in cache": f"its output {path} is not in DVC's cache (`dvc pull` may have it)",
        "new": f"its output {path} was not recorded",
    }
    return words.get(how, f"its output {path} was changed by hand")


def _data_reasons(changes: list[Any]) -> Iterator[str]:
    for change in changes:
        for path, how in (change.get("changed outs", {}) if isinstance(change, Mapping) else {}).items():
            words = {
                "deleted": f"it is missing: `dvc pull {path}` or `dvc checkout` brings it back",
                "not in cache": f"it is not in DVC's cache: `dvc pull {path}` brings it",
            }
            other = f"it is not what its .dvc file records: `dvc add {path}` keeps it so, `dvc checkout` takes it back"
            yield words.get(how, other)
        for path, how in (change.get("changed deps", {}) if isinstance(change, Mapping) else {}).items():
            yield f"{path}, which it comes from, changed ({how}): `dvc update` takes it"


def _ask_dvc(folder: Path) -> dict[str, list[Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "status", "--json"],
        cwd=folder, capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    try:
        found = json.loads(done.stdout)
    except ValueError:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise KwsError(f"`dvc status` failed: {' '.join(said) or 'it said nothing'}") from None
    return found if isinstance(found, dict) else {}


def _upgrade(folder: Path) -> str | None:
    if not (folder / CODE_FILE).exists():
        return None
    made_with = read_versions(folder)
    here = installed_versions("")
    if made_with.stages == here.stages:
        return None
    return (
        f"The code here (kwsdata {here.package}) is not what the project was made with (kwsdata {made_with.package}): "
        "type `kwsdata upgrade`."
    )


def _yaml(path: Path) -> Any:
    try:
        found = plain(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KwsError(f"{path} is missing: run the command from the project's root.") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise KwsError(f"{path} is damaged ({' '.join(str(error).split())}): type `kwsdata repair`.") from None
    return found if isinstance(found, dict) else {}


def _at(values: Any, name: str) -> Any:
    for part in name.split("."):
        values = values.get(part, _ABSENT) if isinstance(values, Mapping) else _ABSENT
    return values


def _listed(items: list[str]) -> str:
    more = [f"and {len(items) - _SHOWN} more"] if len(items) > _SHOWN else []
    return ", ".join([*items[:_SHOWN], *more])


def _short(value: Any) -> str:
    text = "null" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _count(stages: Mapping[str, Any]) -> str:
    return f"{len(stages)} stage is" if len(stages) == 1 else f"{len(stages)} stages are"
