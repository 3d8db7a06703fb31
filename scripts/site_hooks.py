"""What the site has beside the files of docs, for mkdocs.yml: the effects' sounds and pictures, pages from the root.

Links of a page to files outside docs become the file's name, as the site does not hold it.
"""

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import make_effects
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
FROM_ROOT = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}  # file: page of the site
_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+([^)#\s]+)(#[^)\s]*)?\)")
_TO_DOCS = re.compile(r"\]\(docs/")
_LIST = re.compile(r"(?m)^(?!\s*[-*|>]|\d+\. |$)(.+)\n(?=- )")  # a list that follows a line of text
_INDENT = re.compile(r"(?m)^ +(?=\S)")


def on_config(config: Any) -> Any:
    """Put the effects' pages into the navigation, in the order of the chain."""
    for section in config.nav:
        if "Effects" in section:
            section["Effects"] += [f"effects/{effect.name}.md" for effect in make_effects.EFFECTS]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages from the root, and the effects' sounds and pictures."""
    for name, page in FROM_ROOT.items():
        text = _TO_DOCS.sub("](", (ROOT / name).read_text(encoding="utf-8"))
        files.append(File.generated(config, page, content=text))
    for name, data in make_effects.media():
        files.append(File.generated(config, f"effects/media/{name}", content=data))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Return a page's text as the site needs it."""
    place = Path(page.file.src_uri)
    if place.parent.name == "effects" and make_effects.SOUND in markdown:
        markdown = markdown.replace(make_effects.SOUND, make_effects.players(place.stem))
    parts = re.split(r"(?m)(^ *```.*?^ *```$)", markdown, flags=re.S)
    parts[::2] = [_prose(part, files, place) for part in parts[::2]]
    return "".join(_four_spaces(part) if place.name == "contributing.md" else part for part in parts)


def _prose(text: str, files: Files, place: Path) -> str:
    def outside(match: re.Match[str]) -> str:
        said, target, heading = match.groups()
        if target in FROM_ROOT:
            return f"[{said}]({FROM_ROOT[target]}{heading or ''})"
        if files.get_file_from_path(target) is not None:  # a page of docs, seen from a folder in it
            return match[0]
        return said if said.strip("`").endswith(Path(target).name) else f"{said} (`{target}`)"

    return _LIST.sub(r"\1\n\n", _OUTSIDE.sub(outside, text))


def _four_spaces(text: str) -> str:
    """Return the text of a numbered list, indented by three for GitHub, as Python-Markdown reads it: by four."""
    return _INDENT.sub(lambda match: match[0].replace("   ", "    ", 1), text)
