"""Find the external data files of an ONNX network, which count as part of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kwsdata.errors import MissingExtraError, NamedPathError, StageInputError
from kwsdata.files.named_paths import NamedFiles


def network_parts(path: Path) -> list[Path]:
    """Return the ONNX file `path`, and the files that it keeps weights in, sorted.

    Raises:
        MissingExtraError: `onnx` is not installed.
        StageInputError: it is missing, is no ONNX file, or names a file outside its folder.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise MissingExtraError("onnx", "train", f"the network {path}") from None
    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except FileNotFoundError:
        raise StageInputError(f"{path} is missing: type `dvc pull`, or name another file.") from None
    except (DecodeError, OSError) as error:
        raise StageInputError(f"{path} is no ONNX file ({error}).") from None
    files = NamedFiles(path.parent)
    names = {entry.value for tensor in _tensors(graph) for entry in tensor.external_data if entry.key == "location"}
    try:
        return [path, *(files.path(name) for name in sorted(names))]
    except NamedPathError as error:
        raise StageInputError(f"{path} keeps weights in a file that is not in its folder: it {error}.") from None


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield every tensor of a graph and of the graphs inside its nodes."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for inner in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
            yield from _tensors(inner)
