"""Another word in a project: a folder with its own numbers and outputs, which shares imports, rooms and finished work.

PROJECT/                   a project of a word, as `kwsdata init` makes it
PROJECT/words/NAME/        another word: params.yaml, params/, dvc.yaml, code.yaml, review/ and data/ of its own,
                           in which data/corpora, pools, teachers, rirs and .cache are links to the project's (`SHARED`)
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kwsdata.errors import KwsError
from kwsdata.files.atomic import to_disk
from kwsdata.files.scratch import scratch_beside
from kwsdata.files.text_files import rewrite
from kwsdata.params import load_params
from kwsdata.params.files import FILES, PARAMS_FILE
from kwsdata.text import file_stem
from kwsdata.tools.project.code import installed_versions, read_versions
from kwsdata.tools.project.create import (
    AS_SHIPPED,
    DEVICES,
    TEMPLATES,
    check_free,
    check_tools,
    commit,
    create,
    git,
    ignored_by_folder,
    params_with,
    take_name,
)
from kwsdata.tools.project.params_file import write_params
from kwsdata.tools.project.pipeline import CODE_FILE, PIPELINE_FILE, SHARED, project_pipeline
from kwsdata.tools.project.shipped import shipped_folder
from kwsdata.tools.project.yaml_text import dump, load

WORDS = "words"  # the folder of a project that holds its other words


def project_above(folder: Path) -> Path | None:
    """Return the project that `folder` lies in, at any depth; None where there is none, or no word can be there."""
    for place in Path(folder).absolute().parents:
        if (place / CODE_FILE).is_file():
            return None if read_versions(place).shares else place
    return None


def create_words(
    folder: Path, keywords: Sequence[str], language: str | None = None, device: str | None = None
) -> list[dict[str, Any]]:
    """Make a project of the first keyword in `folder`, and the others as words of it; see `create` and `add_word`."""
    made = [create(folder, keywords[0], language, device)]
    project = Path(folder).absolute()
    for keyword in keywords[1:]:
        made.append(add_word(project, project / WORDS / file_stem(keyword), keyword, device=device))
    if len(made) > 1 and made[0]["committed"]:
        git(project, "add", "--all", ".")
        commit(project, f"Add {', '.join(each['keyword'] for each in made[1:])}")
    return made


def params_of_words(folder: Path) -> list[Path]:
    """Return the params files of all words of the project that `folder` belongs to, the project's own first."""
    folder = Path(folder).absolute()
    shares = read_versions(folder).shares if (folder / CODE_FILE).is_file() else None
    project = Path(os.path.normpath(folder / shares)) if shares else folder
    return [project / PARAMS_FILE, *(word / PARAMS_FILE for word in _words(project))]


def add_word(
    project: Path, folder: Path, keyword: str, language: str | None = None, device: str | None = None
) -> dict[str, Any]:
    """Make another word of `project` in `folder`, which lies in it; nothing is committed.

    Its numbers are the project's, but for the keyword. The words are named to each other (`index.other_words`), so that
    recordings of one are speech to the others.

    Args:
        project: as `project_above` found it.
        folder: new or empty.
        keyword, language, device: as of `kwsdata.tools.project.create.create`; the project's language by default.

    Returns:
        project (the new folder), keyword, language, files (how many git sees), committed (False), shares.

    Raises:
        ProjectExistsError, ParamsError, MissingExtraError, MissingProgramError, OSError: as `create`.
        KwsError: the word is one of the project's already.
    """
    check_tools()
    place = Path(folder).absolute()
    check_free(place)
    shares = os.path.relpath(project, place)
    spoken_here = _keywords(project)
    settings: dict[str, Any] = {"keyword.text": keyword} | ({"keyword.language": language} if language else {})
    settings |= {"index.other_words": list(spoken_here), "mine_negatives.model": None}  # a round is of one word
    place.parent.mkdir(parents=True, exist_ok=True)
    with scratch_beside(place) as scratch:
        made = scratch / place.name
        made.mkdir()
        write_params(made, params_with(_texts(project), settings | dict(DEVICES[device] if device else {})))
        spoken = load_params(made / PARAMS_FILE).keyword
        if spoken.text in spoken_here:
            raise KwsError(f"{spoken.text!r} is a word of {project} already: {spoken_here[spoken.text]} is of it.")
        _write_files(made, shares, place.name, spoken.text)
        to_disk(made)
        take_name(made, place)
    for path in params_of_words(project):
        if path.parent != place:
            rewrite(path, lambda text: _with_other_word(text, spoken.text))
    return {
        "project": str(place),
        "keyword": spoken.text,
        "language": spoken.language,
        "files": len(git(place, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()),
        "committed": False,
        "shares": shares,
    }


def _words(project: Path) -> Iterator[Path]:
    """Yield the folders of the other words of `project`, by name."""
    for path in sorted(project.glob(f"*/*/{CODE_FILE}")) + sorted(project.glob(f"*/{CODE_FILE}")):
        shares = read_versions(path.parent).shares
        if shares and Path(os.path.normpath(path.parent / shares)) == project:
            yield path.parent


def _keywords(project: Path) -> dict[str, Path]:
    """Return {keyword: its params file} of the words of `project`."""
    return {load_params(path).keyword.text: path for path in params_of_words(project)}


def _texts(project: Path) -> dict[str, str]:
    """Return {file: its text} of the params of `project`."""
    if missing := [file for file in FILES if not (project / file).is_file()]:
        raise KwsError(f"{project / missing[0]} is missing: type `kwsdata upgrade` in {project} first.")
    return {file: (project / file).read_text(encoding="utf-8") for file in FILES}


def _with_other_word(text: bytes, keyword: str) -> bytes:
    document = load(text.decode())
    others = document["index"]["other_words"]
    if keyword not in others:
        others.append(keyword)
    return dump(document).encode()


def _write_files(made: Path, shares: str, name: str, keyword: str) -> None:
    pipeline = project_pipeline(shares)
    (made / PIPELINE_FILE).write_text(pipeline, encoding="utf-8")
    (made / CODE_FILE).write_text(installed_versions(pipeline, shares).text(), encoding="utf-8")
    for shared in SHARED:
        link = made / shared
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path(shares, *[".."] * len(Path(shared).parent.parts), shared))
    shipped = shipped_folder()
    for pattern in AS_SHIPPED:
        for source in sorted(shipped.glob(pattern)):
            target = made / source.relative_to(shipped)
            if not any(Path(shared) in target.relative_to(made).parents for shared in SHARED):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
    with (made / ".dvcignore").open("a", encoding="utf-8") as file:
        file.write("\n# Links: DVC knows these folders by their own names\n")
        file.write("".join(f"/{shared}\n" for shared in SHARED))
    (made / "review" / "decisions.jsonl").touch()
    shutil.copyfile(TEMPLATES / "gitignore.txt", made / ".gitignore")
    for folder, lines in ignored_by_folder(load(pipeline)["stages"]).items():
        (made / folder).mkdir(parents=True, exist_ok=True)
        (made / folder / ".gitignore").write_text("".join(f"/{line}\n" for line in lines))
    readme = (TEMPLATES / "word.md").read_text(encoding="utf-8")
    text = readme.replace("{name}", name).replace("{keyword}", keyword).replace("{shares}", shares)
    (made / "README.md").write_text(text, encoding="utf-8")
