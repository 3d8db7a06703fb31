"""How pages and cards are made of templates: an unknown name is an error, and what is not marked as safe is escaped."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def templates_in(*folders: Path, escape: bool = True) -> Environment:
    """Return the templates of `folders`, the first that has one of a name; `escape`: the result is HTML."""
    return Environment(
        loader=FileSystemLoader(folders),
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
