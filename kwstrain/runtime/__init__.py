"""Run exported models: numpy, a front end, and onnxruntime or ai-edge-litert; no torch, TensorFlow or Lhotse.

`StreamingModel` is what all else uses. Below it is one backend a kind of file, each in its own module, with one
interface (`kwstrain.runtime.backend`).
"""

from kwstrain.runtime.description import DEFAULT, FORMAT, read_model_json
from kwstrain.runtime.model import StreamingModel

__all__ = ["DEFAULT", "FORMAT", "StreamingModel", "read_model_json"]
