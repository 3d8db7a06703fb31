"""Make a project: every file is written beside, and the folder gets its name once all of it is there."""

import errno
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kwsdata.errors import KwsError, MissingExtraError, MissingProgramError
from kwsdata.files.atomic import fsync, to_disk
from kwsdata.files.scratch import scratch_beside
from kwsdata.params import load_params
from kwsdata.params.files import PARAMS_FILE, home
from kwsdata.tools.project.code import installed_versions
from kwsdata.tools.project.params_file import write_params
from kwsdata.tools.project.pipeline import CODE_FILE, PIPELINE_FILE, outs_of, project_pipeline
from kwsdata.tools.project.shipped import shipped_folder, shipped_params
from kwsdata.tools.project.yaml_text import dump, load

DEVICES: Mapping[str, Mapping[str, Any]] = {
    # The front end that ESPHome computes on the device.
    "esphome": {"features.frontend": "micro", "features.window_ms": 30},
}
TEMPLATES = Path(__file__).parent / "templates"
AS_SHIPPED = (".dvcignore", "review/excluded.txt", "data/*/README.md")
_DVC_CONFIG = "[core]\n    analytics = false\n    autostage = false\n"


class ProjectExistsError(KwsError):
    """There is something where a project would be made."""


def create(folder: Path, keyword: str, language: str | None = None, device: str | None = None) -> dict[str, Any]:
    """Make a git and DVC project for a wake word in `folder`; if anything fails, nothing is there.

    In a folder of another git repository it becomes a part of that one, uncommitted.

    Args:
        folder: a new or empty folder; its parents are made.
        keyword: the wake word, as it is written.
        language: its name in eSpeak NG, such as "en-us" or "de"; by default that of the shipped params.yaml.
        device: a key of `DEVICES`: where the detector will run; by default anywhere.

    Returns:
        project, keyword, language, files (how many git sees), committed (whether they are committed).

    Raises:
        ProjectExistsError: `folder` is a file, or a folder that is not empty.
        ParamsError: no voice can say the keyword.
        MissingExtraError, MissingProgramError: DVC or git is missing.
        KwsError: `git` or `dvc` failed.
        OSError: the disk is full or read-only.
    """
    check_tools()
    place = Path(folder).absolute()
    check_free(place)
    settings = {"keyword.text": keyword} | ({"keyword.language": language} if language else {})
    place.parent.mkdir(parents=True, exist_ok=True)
    inside = git(place.parent, "rev-parse", "--is-inside-work-tree", check=False).strip() == "true"
    with scratch_beside(place) as scratch:
        made = scratch / place.name
        made.mkdir()
        write_params(made, params_with(shipped_params(), settings | dict(DEVICES[device] if device else {})))
        spoken = load_params(made / PARAMS_FILE).keyword  # refuses what no voice says, before anything is there
        if not inside:
            git(made, "init", "--quiet")
        _dvc_init(made, subdir=inside)
        _write_files(made, place.name, spoken.text, device)
        committed = False
        if not inside:
            git(made, "add", "--all")
            committed = commit(made, f"Make a project for {spoken.text}")
        files = len(git(made, "ls-files", "--cached", "--others", "--exclude-standard").splitlines())
        to_disk(made)
        take_name(made, place)
    return {
        "project": str(place),
        "keyword": spoken.text,
        "language": spoken.language,
        "files": files,
        "committed": committed,
    }


def check_tools() -> None:
    """Raise MissingExtraError or MissingProgramError unless DVC and git are there."""
    if find_spec("dvc") is None:
        raise MissingExtraError("dvc", "data", "`kwsdata init`")
    if shutil.which("git") is None:
        raise MissingProgramError("`kwsdata init` needs git, which is not installed: type `apt install git`.")


def check_free(place: Path) -> None:
    """Raise ProjectExistsError unless nothing is at `place`, or an empty folder that is not the current one."""
    if place == Path.cwd():
        raise ProjectExistsError(
            f"{place} is the current folder, which cannot get its files in one step: go one up (`cd ..`), and type "
            f"`kwsdata init {place.name}`."
        )
    if place.is_symlink() or (place.exists() and (not place.is_dir() or any(place.iterdir()))):
        raise ProjectExistsError(f"{place} is there already and not empty: nothing was written. Choose another name.")


def params_with(texts: Mapping[str, str], settings: Mapping[str, Any]) -> dict[str, str]:
    """Return {file: text} of params files with the values of `settings` ("block.key")."""
    documents = {file: load(text) for file, text in texts.items()}
    for name, value in settings.items():
        *blocks, key = name.split(".")
        block = documents[home(name)]
        for part in blocks:
            block = block[part]
        block[key] = value
    return {file: dump(document) for file, document in documents.items()}


def _write_files(made: Path, name: str, keyword: str, device: str | None) -> None:
    pipeline = project_pipeline()
    (made / PIPELINE_FILE).write_text(pipeline, encoding="utf-8")
    (made / CODE_FILE).write_text(installed_versions(pipeline).text(), encoding="utf-8")
    (made / ".dvc" / "config").write_text(_DVC_CONFIG, encoding="utf-8")
    shipped = shipped_folder()
    for pattern in AS_SHIPPED:
        for source in sorted(shipped.glob(pattern)):
            target = made / source.relative_to(shipped)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    (made / "review" / "decisions.jsonl").touch()
    shutil.copyfile(TEMPLATES / "gitignore.txt", made / ".gitignore")
    for folder, lines in ignored_by_folder(load(pipeline)["stages"]).items():
        (made / folder).mkdir(parents=True, exist_ok=True)
        (made / folder / ".gitignore").write_text("".join(f"/{line}\n" for line in lines))
    readme = (TEMPLATES / "README.md").read_text(encoding="utf-8")
    after = (TEMPLATES / f"{device}.md").read_text(encoding="utf-8") if device else ""
    text = readme.replace("{name}", name).replace("{keyword}", keyword).replace("{device}", after)
    (made / "README.md").write_text(text.rstrip() + "\n", encoding="utf-8")


def ignored_by_folder(stages: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return {folder: names in it that git ignores}, as DVC would write them when a stage has run."""
    found: dict[str, list[str]] = {}
    for stage in stages.values():
        for out, cached in outs_of(stage):
            if cached:
                found.setdefault(str(Path(out).parent), []).append(Path(out).name)
    return found


def take_name(made: Path, place: Path) -> None:
    """Give the finished folder its name, which the system refuses if anything has come there meanwhile."""
    try:
        made.rename(place)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise ProjectExistsError(f"{place} was made by another process meanwhile: nothing was written.") from None
        raise
    fsync(place.parent)


def commit(made: Path, subject: str) -> bool:
    """Commit what is staged; False where git does not know who the user is, or a hook of theirs refuses."""
    if not git(made, "config", "user.email", check=False).strip():
        return False
    git(made, "commit", "--quiet", "--message", subject, check=False)
    return bool(git(made, "rev-parse", "--quiet", "--verify", "HEAD", check=False).strip())


def git(folder: Path, *words: str, check: bool = True) -> str:
    """Return what a git command in `folder` prints; if `check`, raise KwsError where it fails."""
    return _run(["git", *words], folder, check)


def _dvc_init(folder: Path, subdir: bool) -> None:
    _run([sys.executable, "-m", "dvc", "init", "--quiet", *(["--subdir"] if subdir else [])], folder, check=True)


def _run(command: list[str], folder: Path, check: bool) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    if check and done.returncode != 0:
        raise KwsError(f"`{' '.join(command)}` failed: {' '.join((done.stderr or done.stdout).split())}")
    return done.stdout
