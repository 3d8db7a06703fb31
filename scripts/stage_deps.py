"""Bring the code deps of every stage up to what the stage loads: `python scripts/stage_deps.py`.

It rewrites dvc.yaml and ablation/dvc.yaml.

Data deps and the blocks of params stay as written; each block is named for every file that has keys of it. Packages
(clips, transforms, training...) are named whole; of those that hold packages (execution, runtime...) each module and
package that is loaded.
"""

import sys
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from imports import NOT_INPUTS, PACKAGES, ROOT, closure, package_of

from kwsdata.params.files import BESIDE, PARAMS_FILE


def named(path: Path) -> str:
    """Return how dvc.yaml names the code file `path`: a package is named whole unless it holds packages."""
    holds_packages = any((ROOT / Path(*path.parts[:2])).glob("*/__init__.py"))
    return str(Path(*path.parts[: 3 if holds_packages else 2]))


def code_deps(stage: str) -> list[str]:
    """Return the code deps of `stage`: its own package first."""
    own = package_of(stage)
    others = {
        named(path)
        for path in closure(own / "stage.py")
        if own not in path.parents and not any(path.match(pattern) for pattern in NOT_INPUTS)
    }
    return [str(own), *sorted(others)]


def params_deps(params: list[Any]) -> list[Any]:
    """Return the params of a stage: of each block that `params` names, the files that have keys of it."""
    blocks = [name for name in params if isinstance(name, str)]
    others = [files for files in params if not isinstance(files, str)]
    named = [name for files in others for file in BESIDE for name in files.get(file, ())]
    blocks += [name for name in named if name not in blocks]
    found: list[Any] = [name for name in blocks if name in blocks_in(PARAMS_FILE)]
    for file in BESIDE:
        if names := [name for name in blocks if name in blocks_in(file)]:
            found.append(CommentedMap({file: flow(names)}))
    found += [files for files in others if not set(files) & set(BESIDE)]
    return flow(found) if all(isinstance(name, str) for name in found) else CommentedSeq(found)


@cache
def blocks_in(file: str) -> list[str]:
    """Return the blocks that a params file has keys of."""
    return list(YAML(typ="safe").load((ROOT / file).read_text()))


def flow(values: list[Any]) -> CommentedSeq:
    """Return a list that is written in brackets."""
    line = CommentedSeq(values)
    line.fa.set_flow_style()
    return line


def main() -> None:
    """Rewrite the pipelines' files in place."""
    for path in (ROOT / "dvc.yaml", ROOT / "ablation" / "dvc.yaml"):
        rewrite(path)


def rewrite(path: Path) -> None:
    """Rewrite the code deps of the stages in `path`."""
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(path.read_text())
    for stage, fields in document["stages"].items():
        data = [dep for dep in fields["deps"] if Path(dep).parts[0] not in PACKAGES]
        fields["deps"] = flow([*data, *code_deps(stage)])
        fields["params"] = params_deps(fields["params"])
    text = StringIO()
    yaml.dump(document, text)
    path.write_text("".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines()))  # ruamel leaves spaces


if __name__ == "__main__":
    main()
