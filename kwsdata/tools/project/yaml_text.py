"""YAML that people edit, read and written with its comments, order and spelling kept."""

from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter

_WIDTH = 120


class _Representer(RoundTripRepresenter):
    """Writes None as `null`, as people do, not as nothing."""


_Representer.add_representer(type(None), lambda self, _: self.represent_scalar("tag:yaml.org,2002:null", "null"))


def load(text: str) -> Any:
    """Return the document of `text`, which `dump` writes as it was; its values read as plain ones.

    Raises:
        ruamel.yaml.error.YAMLError: it is not YAML, or holds a key twice.
    """
    return _yaml().load(text)


def dump(document: Any, width: int = 10_000) -> str:
    """Return the text of a document; long lines in brackets are broken at `width`."""
    yaml = _yaml()
    yaml.width = width
    text = StringIO()
    yaml.dump(document, text)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())  # ruamel leaves spaces


def plain(text: str) -> Any:
    """Return the values of `text` by YAML 1.2, as DVC reads them."""
    return YAML(typ="safe", pure=True).load(text)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.Representer = _Representer
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
