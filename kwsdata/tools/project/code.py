"""The version of each stage's code in a project: code.yaml, which dvc.yaml depends on.

kwsdata: 0.2.0            the package that wrote it
pipeline: 5b1f0c...       of dvc.yaml as it was written then: an edited one is never replaced unasked
stages: {augment: 1f..}   of each stage, the digest of all code that it runs
shares: ../..             of another word in a project: the way to the project, whose imports and rooms it has
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from kwsdata import __version__
from kwsdata.errors import KwsError
from kwsdata.execution.cache.code import module_file, source_digest
from kwsdata.tools.project.pipeline import CODE_FILE, module_of, shipped_stages
from kwsdata.tools.project.yaml_text import plain

_DIGITS = 16  # of the hexadecimal ones
_HEAD = """# The version of the code that each stage runs: `kwsdata upgrade` writes this file, dvc.yaml depends on it.
# Commit it, and leave it as it is.
"""


class OtherCodeError(KwsError):
    """The installed package's code of a stage is another than what the project was made with."""


@dataclass(frozen=True)
class CodeVersions:
    """What code.yaml holds."""

    package: str
    pipeline: str
    stages: Mapping[str, str]
    shares: str | None = None  # of another word in a project: the way to it

    def text(self) -> str:
        """Return the text of code.yaml."""
        rows = "".join(f'  {name}: "{version}"\n' for name, version in self.stages.items())
        shares = f'shares: "{self.shares}"\n' if self.shares else ""
        return f'{_HEAD}kwsdata: "{self.package}"\npipeline: "{self.pipeline}"\n{shares}stages:\n{rows}'


def installed_versions(pipeline: str, shares: str | None = None) -> CodeVersions:
    """Return the versions of the installed package, beside `pipeline`, the text of the project's dvc.yaml."""
    stages = {name: stage_version(module_of(stage)) for name, stage in shipped_stages().items()}
    return CodeVersions(__version__, text_digest(pipeline), stages, shares)


def stage_version(module: str) -> str:
    """Return the version of the code of the stage that `module` runs: of it and of all of ours that it imports."""
    return source_digest(module)[:_DIGITS]


def text_digest(text: str) -> str:
    """Return the digest of a text, whatever its line ends are."""
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()[:_DIGITS]


def read_versions(folder: Path = Path()) -> CodeVersions:
    """Read code.yaml of the project in `folder`.

    Raises:
        KwsError: it is missing or damaged.
    """
    path = Path(folder) / CODE_FILE
    if not path.is_file():
        raise KwsError(
            f"{path} is missing: {Path(folder).resolve()} is no project that `kwsdata init` made. Type "
            "`kwsdata init NAME --keyword WORD` to make one, or go to its folder."
        )
    try:
        found: Any = plain(path.read_text(encoding="utf-8"))
        stages = {str(name): str(version) for name, version in found["stages"].items()}
        shares = found.get("shares")
        return CodeVersions(str(found["kwsdata"]), str(found["pipeline"]), stages, str(shares) if shares else None)
    except (YAMLError, ValueError, TypeError, KeyError, AttributeError) as error:
        why = " ".join(str(error).split())
        raise KwsError(
            f"{path} is damaged ({why}): take the committed one, `git checkout {CODE_FILE}`, then `kwsdata upgrade`."
        ) from None


def check_code(program: str, command: str, folder: Path = Path()) -> None:
    """Raise unless the project in `folder` has the version of the installed code of a stage. Other commands pass.

    Args:
        program: "kwsdata" or "kwstrain".
        command: of the program.
        folder: the project.

    Raises:
        OtherCodeError: it has another version: what the stage makes now would pass for the other code's.
        KwsError: code.yaml is damaged.
    """
    made_with = read_versions(folder)
    name = command.replace("-", "_")
    module = f"{program}.stages.{name}.stage"
    if name in made_with.stages and module_file(module) and made_with.stages[name] != stage_version(module):
        back = "" if made_with.package == __version__ else f", or install kwsdata {made_with.package} again"
        raise OtherCodeError(
            f"the code of `{program} {command}` here (kwsdata {__version__}) is not what this project was made with "
            f"(kwsdata {made_with.package}): type `kwsdata upgrade` to go on with the code here{back}."
        )
