"""Spread the numbers of a params file that holds all of them over the files that they stand in now."""

from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from kwsdata.params.files import FILES, home
from kwsdata.tools.project.yaml_text import dump, load, plain

SPREAD = (
    f"it holds what one changes in a week now, {' and '.join(FILES[1:])} hold the other numbers, with the values that "
    "they had here; comments of your own are in the committed file"
)

_ABSENT = object()


def spread(document: Any, shipped: Mapping[str, str]) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    """Return {file: its document}, and (name, value) of what is new.

    Args:
        document: of a file that holds every number; names of before have become those of now.
        shipped: {file: the package's own text}, whose order and comments the new ones have.
    """
    values = plain(dump(document))
    comments = _comments(document)
    documents = {file: load(text) for file, text in shipped.items()}
    new: dict[str, Any] = {}
    for target in documents.values():
        new |= dict(_fill(target, values, comments, ""))
    for name, value in _others(values, documents, ""):
        *blocks, key = name.split(".")
        block = documents[home(name)]
        for part in blocks:
            block = block.setdefault(part, CommentedMap())
        block[key] = in_one_line(value)
    return documents, list(new.items())


def _fill(
    target: Any, values: Mapping[str, Any], comments: Mapping[str, Any], before: str
) -> Iterator[tuple[str, Any]]:
    """Put `values` into a document, whatever it has; yield (name, value) of what it has and they do not."""
    for key in list(target):
        name = f"{before}{key}"
        if key not in values:
            yield name, target[key]
        elif isinstance(target[key], Mapping) and target[key] and isinstance(values[key], Mapping):
            yield from _fill(target[key], values[key], comments, f"{name}.")
        elif plain(dump({"value": target[key]})) != {"value": values[key]}:
            target[key] = in_one_line(values[key])
            if name in comments:
                target.ca.items[key] = comments[name]


def _others(values: Mapping[str, Any], documents: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    """Yield (name, value) of what no document has."""
    for key, value in values.items():
        name = f"{before}{key}"
        there = [found for document in documents.values() if (found := _at(document, name)) is not _ABSENT]
        if not there:
            yield name, value
        elif isinstance(value, Mapping) and any(isinstance(found, Mapping) and found for found in there):
            yield from _others(value, documents, f"{name}.")


def _at(values: Any, name: str) -> Any:
    for part in name.split("."):
        if not isinstance(values, Mapping) or part not in values:
            return _ABSENT
        values = values[part]
    return values


def _comments(document: Any, before: str = "") -> dict[str, Any]:
    """Return {name: the comment at the end of its line}."""
    found: dict[str, Any] = {}
    for key, value in document.items():
        name = f"{before}{key}"
        tokens = document.ca.items.get(key)
        if tokens and tokens[2] is not None and tokens[2].value.startswith("#"):
            found[name] = tokens
        if isinstance(value, CommentedMap):
            found |= _comments(value, f"{name}.")
    return found


def in_one_line(value: Any) -> Any:
    """Return a value, a list or mapping as one that is written in brackets."""
    if not isinstance(value, (Mapping, list)):
        return value
    inside = (
        CommentedMap({key: in_one_line(each) for key, each in value.items()})
        if isinstance(value, Mapping)
        else CommentedSeq([in_one_line(each) for each in value])
    )
    inside.fa.set_flow_style()
    return inside
