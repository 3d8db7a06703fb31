"""Embedders: sound in, one vector a window out; windows of sound that sound alike get vectors that lie near.

`load_embedder` gives the default (`google_speech`) or whatever an ONNX file with a declared contract computes: another
public network, or the layer before the last of a trained teacher.
"""

from functools import cache, lru_cache
from pathlib import Path

from kwsdata.errors import ParamsError
from kwsdata.files.atomic import stamp_of
from kwsdata.runtime.embedders.base import Embedder
from kwsdata.runtime.embedders.external import network_parts
from kwsdata.runtime.embedders.google_speech import GoogleSpeech
from kwsdata.runtime.embedders.onnx_file import OnnxEmbedder

__all__ = ["Embedder", "GoogleSpeech", "OnnxEmbedder", "load_embedder", "network_parts"]


def load_embedder(name: str | None) -> Embedder:
    """Return the embedder `name` (made once a process and file): `google_speech`, or the path of an .onnx file.

    Raises:
        ParamsError: there is no such embedder, or none is wanted.
        MissingExtraError: its package is not installed.
        StageInputError: the file does not do what its contract says.
    """
    if name is None:
        raise ParamsError("embed.embedder is null, so that nothing can be compared: give google_speech.")
    if name == GoogleSpeech.name:
        return _google_speech()
    if name.endswith(".onnx"):
        return _onnx_file(Path(name), stamp_of(Path(name).parent))  # weights may lie beside it
    raise ParamsError(f"embed.embedder = {name!r}: give google_speech, or the path of an .onnx file.")


@cache
def _google_speech() -> GoogleSpeech:
    return GoogleSpeech()


@lru_cache(maxsize=2)
def _onnx_file(path: Path, stamp: object) -> OnnxEmbedder:
    return OnnxEmbedder(path)
