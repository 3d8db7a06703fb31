"""Fill the templates of pages and cards: an unknown name is an error, and text is escaped unless marked as safe."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

PAGES = Path(__file__).parent  # what every page includes lies here: style.css


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
