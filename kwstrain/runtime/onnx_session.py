"""An onnxruntime session for small models on few threads."""

from pathlib import Path

import onnxruntime

from kwsdata.errors import StageInputError
from kwstrain.runtime.model_file import read_model_file


def open_session(path: Path, threads: int, sha256: str | None = None) -> onnxruntime.InferenceSession:
    """Return a CPU session of one file (none beside it is read) that does not spin while it waits for sound.

    Raises:
        StageInputError: `path` is missing, has another SHA-256 than `sha256`, is not ONNX, or of a kind that this
            onnxruntime does not know.
    """
    model = read_model_file(path, sha256)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # On x86 without VNNI, products of uint8 and int8 would saturate; where there is VNNI this changes nothing.
    options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        raise StageInputError(f"{path} cannot be loaded: {error}") from None
