"""The pipeline of a project, made from this repository's: code deps become versions in code.yaml, all else stays.

Which stages there are, what they read and in which order they follow is read from dvc.yaml and nowhere else.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from kwsdata.execution.cache.code import PACKAGES
from kwsdata.tools.project.shipped import shipped_text
from kwsdata.tools.project.yaml_text import dump, load

CODE_FILE = "code.yaml"
PIPELINE_FILE = "dvc.yaml"
# What the words of a project have in common: imports, pools, teachers and rooms; and finished work. The cache keys that
# by what it was made from, so that general sentences and the embeddings of imports are made once for all words.
SHARED = ("data/corpora", "data/pools", "data/teachers", "data/rirs", "data/.cache")
_HEAD = """Made by `kwsdata init`; `kwsdata upgrade` rewrites it: put stages of your own in another folder's dvc.yaml.
Each stage is a command and a block of params of the same name. In place of the package's source files it depends
on the version of its code, in code.yaml.
"""


def shipped_stages() -> dict[str, dict[str, Any]]:
    """Return the stages of the installed package's pipeline, as in dvc.yaml.

    Raises:
        KwsError: the installation is incomplete.
    """
    return load(shipped_text(PIPELINE_FILE))["stages"]


def project_pipeline(shares: str | None = None) -> str:
    """Return the text of dvc.yaml for a project.

    Args:
        shares: of another word in a project: the way to the project, such as "../..". What is `SHARED` is read there,
            and the stages that make it are the project's alone.

    Raises:
        KwsError: the installation is incomplete.
    """
    document = load(shipped_text(PIPELINE_FILE))
    for name in [name for name, stage in document["stages"].items() if shares and _is_shared(stage)]:
        del document["stages"][name]
    for name, stage in document["stages"].items():
        data = [dep for dep in stage.get("deps", ()) if PurePosixPath(dep).parts[0] not in PACKAGES]
        if shares:
            data = [f"{shares}/{dep}" if _in_shared(dep) else dep for dep in data]
        if data:
            stage["deps"] = _in_one_line(data)
        else:
            stage.pop("deps", None)
        stage["params"] = _in_one_line([*stage.get("params", ()), {CODE_FILE: [f"stages.{name}"]}])
        for key in [key for key in ("outs", "metrics", "plots") if key in stage]:
            stage.move_to_end(key)
    document.yaml_set_start_comment(_HEAD)
    return dump(document, width=120)


def module_of(stage: Mapping[str, Any]) -> str:
    """Return the module that a stage's command runs: kwsdata.stages.split.stage of `kwsdata split`."""
    program, command = stage["cmd"].split()[:2]
    return f"{program}.stages.{command.replace('-', '_')}.stage"


def outs_of(stage: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Return (path, whether DVC caches it) of what a stage writes."""
    found = []
    for kind in ("outs", "metrics", "plots"):
        for out in stage.get(kind, ()):
            path, options = next(iter(out.items())) if isinstance(out, Mapping) else (out, {})
            found.append((str(path), bool((options or {}).get("cache", True))))
    return found


def followers(stages: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return {stage: the stages that run after it, directly or not, in the order of `stages`}."""
    direct = {
        name: {
            other
            for other, reads in stages.items()
            if any(_touch(dep, out) for dep in reads.get("deps", ()) for out, _ in outs_of(stage))
        }
        for name, stage in stages.items()
    }
    found = {}
    for name in stages:
        reached: set[str] = set()
        todo = [name]
        while todo:
            new = direct[todo.pop()] - reached
            reached |= new
            todo += new
        found[name] = [other for other in stages if other in reached]
    return found


def _is_shared(stage: Mapping[str, Any]) -> bool:
    return all(_in_shared(out) for out, _ in outs_of(stage))


def _in_shared(path: str) -> bool:
    return any(PurePosixPath(path).is_relative_to(shared) for shared in SHARED)


def _touch(one: str, other: str) -> bool:
    """Tell whether two paths are the same or one lies in the other."""
    first, second = PurePosixPath(one), PurePosixPath(other)
    return first.is_relative_to(second) or second.is_relative_to(first)


def _in_one_line(values: list[Any]) -> CommentedSeq:
    line = CommentedSeq([_flow(CommentedMap(value)) if isinstance(value, dict) else value for value in values])
    return _flow(line)


def _flow(value: Any) -> Any:
    value.fa.set_flow_style()
    return value
