"""Send a corpus without known speakers whole into one partition, in `split.whole` of `params.yaml`."""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from kwsdata.clips.partitions import PARTITIONS
from kwsdata.errors import KwsError, ParamsError, PartitionError
from kwsdata.files.text_files import rewrite

_BOM = "\ufeff"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}  # of some YAML, no texts


class _CannotSetError(Exception):
    """Why a file is left as it is."""


def record_partition(params_path: Path, corpus: str, partition: str) -> None:
    """Set `split.whole.CORPUS` to `partition` in a params file; every other character of it stays as it is.

    Imports at once wait for each other, so that none overwrites what another one wrote.

    Raises:
        PartitionError: `partition` is none of train, dev, test.
        ParamsError: the file is missing, is not YAML, or `split.whole` is written in a way that cannot be added to
            without changing something else; the message has the line to add by hand.
    """
    if partition not in PARTITIONS:
        raise PartitionError(f"--partition {partition}: it must be one of {', '.join(PARTITIONS)}.")

    if not params_path.is_file():
        raise ParamsError(f"{params_path} is missing: split.whole.{corpus} cannot be set there.")

    def change(before: bytes) -> bytes:
        text = before.decode()
        mark = _BOM if text.startswith(_BOM) else ""
        return (mark + with_whole(text.removeprefix(_BOM), corpus, partition)).encode()

    try:
        rewrite(params_path, change)
    except (_CannotSetError, KwsError, OSError, ValueError, RecursionError, yaml.YAMLError, YAMLError) as error:
        why = f"{error.strerror}" if isinstance(error, OSError) else " ".join(str(error).split())
        raise ParamsError(
            f"{params_path}: split.whole.{corpus} cannot be set ({why}), and the file is as it was. Say by hand in its "
            f"block `split`: `whole: {{{_key(corpus)}: {partition}}}`, beside what `whole` holds."
        ) from None


def with_whole(text: str, corpus: str, partition: str) -> str:
    """Return the text of a params file in which `split.whole.CORPUS` is `partition`.

    Raises:
        yaml.YAMLError, YAMLError: it is not YAML.
        _CannotSetError: there is no `split.whole`, or adding to it would change something else.
    """
    node = _whole_node(yaml.compose(text, Loader=yaml.SafeLoader))
    before = _values(text)
    whole = before["split"]["whole"] or {}
    if whole.get(corpus) == partition:
        return text
    wanted = before | {"split": before["split"] | {"whole": whole | {corpus: partition}}}
    changed = _edited(text, node, corpus, partition)
    if _values(changed) != wanted:
        raise _CannotSetError("it shares its values with other places, by anchors or repeated keys")
    return changed


def _values(text: str) -> Any:
    """Return what `text` holds by YAML 1.2, as DVC and `load_params` read it; PyYAML only says where it stands."""
    return YAML(typ="safe", pure=True).load(text)


def _edited(text: str, node: yaml.Node, corpus: str, partition: str) -> str:
    entry = f"{_key(corpus)}: {partition}"
    start, end = node.start_mark.index, node.end_mark.index
    if not isinstance(node, yaml.MappingNode):  # `whole:` or `whole: null`
        return f"{text[:start]}{'' if text[start - 1].isspace() else ' '}{{{entry}}}{text[end:]}"
    for key, value in node.value:
        if key.value == corpus:
            return text[: value.start_mark.index] + partition + text[value.end_mark.index :]
    if not node.value:  # `whole: {}`
        inside = text.index("{", start)
        return f"{text[: inside + 1]}{entry}{text[text.index('}', inside) :]}"
    last = node.value[-1][1].end_mark.index
    if node.flow_style:
        return f"{text[:last]}, {entry}{text[last:]}"
    first = node.value[0][0].start_mark
    line_end = text.find("\n", last)
    newline = "\r\n" if "\r\n" in text else "\n"
    line = f"{text[first.index - first.column : first.index]}{entry}"
    if line_end < 0:
        return f"{text}{newline}{line}"
    return f"{text[: line_end + 1]}{line}{newline}{text[line_end + 1 :]}"


def _whole_node(root: yaml.Node | None) -> yaml.Node:
    node = root
    for name in ("split", "whole"):
        values = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for key, value in values if key.value == name), None)
    if node is None:
        raise _CannotSetError("it has no block `split` with a line `whole`")
    if not isinstance(node, yaml.MappingNode) and node.tag != "tag:yaml.org,2002:null":
        raise _CannotSetError(f"split.whole is {node.value!r}, not a mapping")
    return node


def _key(corpus: str) -> str:
    """Return the name of a corpus as YAML: in quotes where it could be taken for something else than a text."""
    plain = _PLAIN.fullmatch(corpus) and corpus.lower() not in _WORDS
    return corpus if plain else json.dumps(corpus)


def partition_advice(summary: dict[str, Any], whole: dict[str, Any]) -> str | None:
    """Return what to do about a corpus (its `corpus.json`) that no partition can take yet, None if nothing."""
    name = summary["name"]
    if summary["speakers"] == "known" or name in whole:
        return None
    return (
        f"corpus {name}: its speakers are unknown, so it must go whole into one partition. Import it again with "
        f"`--partition train` (or dev, or test), or set split.whole.{name} in params.yaml."
    )
