"""A params file as DVC reads it (UTF-8, YAML 1.2), with texts as they were typed.

By YAML 1.2, which DVC reads and writes params.yaml with, on, off, yes, no and 12:30 are texts. Where a block wants a
text, a bare `true`, `7` or `null` is the word that stands there, too. What could stand there for several texts is
refused until it is in quotes: `dvc exp run -S keyword.text=1e3` writes 1000.0, and `0x1F` is 31 to DVC, which would not
see that the word has changed.
"""

import re
import types
import typing
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kwsdata.errors import ParamsError
from kwsdata.params.base import Block

_BOM = b"\xef\xbb\xbf"
_BOMS_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UNPRINTABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # YAML 1.2, 5.1


def text_of(path: Path) -> str:
    """Return the text of a params file, without the byte order mark that some editors write.

    Raises:
        ParamsError: the file is missing, is not UTF-8, or holds what YAML does not allow; the message has the line.
    """
    try:
        data = path.read_bytes().removeprefix(_BOM)
    except FileNotFoundError:
        raise ParamsError(f"{path} is missing: run the command from the project's root, or give --params.") from None
    except OSError as error:
        raise ParamsError(f"{path} cannot be read: {error.strerror}.") from None
    if data.startswith(_BOMS_UTF16):
        raise ParamsError(f"{path}, line 1: bytes 1 and 2 are a mark of UTF-16 or UTF-32: save the file as UTF-8.")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ParamsError(
            f"{path}, line {line}: byte {error.start + 1} of the file is {data[error.start]:#04x}, which is not UTF-8: "
            "save the file as UTF-8 (from Latin-1: `iconv -f latin1 -t utf-8`)."
        ) from None
    if found := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise ParamsError(
            f"{path}, line {line}: character {found.start() + 1} of the file is U+{ord(found[0]):04X}, which YAML does "
            "not allow: delete it, or save the file as UTF-8."
        )
    return text


def read_values(path: Path, root: type[Block]) -> dict[str, Any]:
    """Return what a params file holds, in plain values: a text wherever `root` wants one.

    Raises:
        ParamsError: the file is missing, not UTF-8, not YAML, or no mapping of blocks; a key stands there twice; or
            what text was typed cannot be known.
    """
    path = Path(path)
    text = text_of(path)
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
        reader = _Reader(path, yaml.constructor)
        reader.note_own_keys(node)
        values = None if node is None else reader.value(node, root, "")
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ParamsError(
            f"{path}{where} is not valid YAML: {error.problem or error.context}. Mend the line; a text with special "
            "characters goes in quotes."
        ) from None
    except RecursionError:
        raise ParamsError(f"{path} is not valid YAML: an alias (*name) stands inside of what it names.") from None
    except (YAMLError, ValueError) as error:
        raise ParamsError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(values, dict):
        raise ParamsError(f"{path} holds {type(values).__name__}, not a mapping of blocks.")
    return values


class _Reader:
    """Turns nodes of YAML into values, by the annotations of a schema."""

    def __init__(self, path: Path, constructor: Any) -> None:
        self._path, self._constructor = path, constructor
        self._own: dict[int, set[int]] = {}  # of each mapping, its keys that no `<<` brings

    def note_own_keys(self, node: Node) -> None:
        """Look through `node` before any `<<` is put in place: a key may say otherwise than what that brings."""
        if id(node) in self._own:
            return
        if isinstance(node, MappingNode):
            self._own[id(node)] = {id(key) for key, _ in node.value if not str(key.tag).endswith(":merge")}
            for _, value in node.value:
                self.note_own_keys(value)
        elif isinstance(node, SequenceNode):
            for part in node.value:
                self.note_own_keys(part)

    def value(self, node: Node, annotation: Any, where: str) -> Any:
        """Return the value of `node`, for which the schema has `annotation`; `where` is its name, as loss.gamma."""
        kinds = _alternatives(annotation)
        tag = str(node.tag)
        if isinstance(node, MappingNode) and tag.endswith(":map"):
            return self._mapping(node, kinds, where)
        if isinstance(node, SequenceNode) and tag.endswith(":seq"):
            inner = next((typing.get_args(kind)[0] for kind in kinds if typing.get_origin(kind) is list), Any)
            return [self.value(part, inner, f"{where}.{place}") for place, part in enumerate(node.value)]
        value = self._constructor.construct_object(node, deep=True)
        wants_text = str in kinds and type(value) not in kinds
        return self._as_typed(node, value, where) if wants_text and isinstance(node, ScalarNode) else value

    def _mapping(self, node: MappingNode, kinds: list[Any], where: str) -> dict[Any, Any]:
        self._constructor.flatten_mapping(node)
        block = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        fields = block.model_fields.items() if block else ()
        known = {key: field.annotation for name, field in fields for key in (name, field.alias)}
        other = next((typing.get_args(kind)[1] for kind in kinds if typing.get_origin(kind) is dict), Any)
        values: dict[Any, Any] = {}
        own: set[Any] = set()
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                raise ParamsError(f"{self._path}, line {line}: a key of {where or 'the file'} is no word.")
            key = self.value(key_node, str, f"a key of {where or 'the file'}")
            name = f"{where}.{key}" if where else key
            if key in own:
                raise ParamsError(f"{self._path}, line {line}: {name} stands there twice: delete one of them.")
            if id(key_node) in self._own[id(node)]:
                own.add(key)
            values[key] = self.value(value_node, known.get(key, other), name)
        return values

    def _as_typed(self, node: ScalarNode, value: Any, where: str) -> str:
        """Return the text that stands where YAML reads a `value` of another type.

        Raises:
            ParamsError: other texts are the same value.
        """
        typed: str = node.value
        one_way = isinstance(value, bool) or typed.lower() == "null" or (type(value) is int and typed == str(value))
        if one_way:
            return typed
        if value is None:
            raise ParamsError(
                f"{self._path}: {where} is empty: type a text; the word null is one in quotes, as in "
                f"`-S '{where}=\"null\"'`."
            )
        raise ParamsError(
            f"{self._path}, line {node.start_mark.line + 1}: {where} = {typed} is {value} to YAML, and so are other "
            f'texts: put it in quotes, "{typed}" (for `dvc exp run`: -S \'{where}="{typed}"\').'
        )


def _alternatives(annotation: Any) -> list[Any]:
    """Return the types that `annotation` allows: those of a union, and of the values of a Literal."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _alternatives(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return [kind for argument in arguments for kind in _alternatives(argument)]
    if origin is Literal:
        return [type(value) for value in arguments]
    return [annotation]
