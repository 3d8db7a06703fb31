"""What a device does: sound in, events out, with the model and the operating point that were evaluated together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.errors import StageInputError
from kwsdata.files import read_json
from kwstrain.decoder import Decoder, Event
from kwstrain.detect.trace import Trace
from kwstrain.runtime import StreamingModel

TAIL_S = 0.5  # of silence after a file: longer than any vote takes


@dataclass(frozen=True)
class Setting:
    """The decoder's numbers, as `evaluate` chose them."""

    threshold: float
    n: int
    m: int
    smooth: int
    lockout_s: float
    model_sha256: str


def read_setting(path: Path) -> Setting:
    """Return what operating_point.json says.

    Raises:
        StageInputError: the file is missing, not JSON, or lacks a field.
    """
    values = read_json(path)
    missing = [name for name in Setting.__dataclass_fields__ if name not in values]
    if missing:
        raise StageInputError(f"{path} lacks {', '.join(missing)}: type `dvc repro evaluate`.")
    return Setting(**{name: values[name] for name in Setting.__dataclass_fields__})


class Detector:
    """A model and its decoder: `events` of one stream after another."""

    def __init__(self, model_dir: Path, operating_point: Path, threshold: float | None = None) -> None:
        """Load both; `threshold` replaces the evaluated one.

        Raises:
            StageInputError: a file is missing or damaged, or the operating point was measured with another model.
            ParamsError: the threshold is not above 0.
        """
        self._model = StreamingModel(model_dir)
        setting = read_setting(operating_point)
        if setting.model_sha256 != self._model.info["sha256"]:
            raise StageInputError(
                f"{operating_point} was measured with another model than {model_dir}: type `dvc repro evaluate`."
            )
        chosen = setting.threshold if threshold is None else threshold
        self._decoder = Decoder(chosen, setting.n, setting.m, setting.lockout_s, setting.smooth)

    @property
    def keyword(self) -> str:
        """The keyword listened for."""
        return self._model.keyword

    def events(self, blocks: Iterable[Waveform], trace: Trace | None = None) -> Iterator[Event]:
        """Yield the detections in one new stream, given as blocks at 16 kHz, each as soon as its block is heard.

        When the blocks end, `TAIL_S` of silence is heard, so that a keyword at the very end of a file is decided as a
        device would decide it; the trace has the frames of the blocks alone.
        """
        self._model.reset()
        self._decoder.reset()
        for block in blocks:
            time_s, score = self._model.process(block)
            if trace is not None:
                trace.add(time_s, score)
            yield from self._decoder.push(time_s, score)
        yield from self._decoder.push(*self._model.process(np.zeros(round(TAIL_S * SAMPLE_RATE), np.float32)))
