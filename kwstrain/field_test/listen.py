"""Score recordings with a detector: one task a file, each file a stream of its own.

A recording of the keyword is followed by half a second of silence, so that a word at its very end is decided.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kwsdata.errors import AudioError, ParamsError
from kwsdata.execution.executor import run_tasks
from kwsdata.files.named_paths import printable
from kwsdata.params import ExecutorParams
from kwsdata.runtime.detect.detector import Detector, open_detector
from kwsdata.runtime.detect.gain import amplified
from kwsdata.runtime.detect.sound import Listening, sound_blocks
from kwsdata.runtime.networks.model import TAIL_S
from kwsdata.soundfiles.folders import sound_files
from kwsdata.soundfiles.formats import COMMON
from kwstrain.evaluation.det import StreamScores


@dataclass(frozen=True)
class Source:
    """Where a detector lies (see `open_detector`), and how it listens."""

    model_dir: Path
    operating_point: Path
    model: str | None
    how: Listening
    gain_db: float


@dataclass(frozen=True)
class Recording:
    """A sound file, and whether the keyword is said in it."""

    path: Path
    keyword: bool


@dataclass(frozen=True)
class Heard:
    """What came of a recording: its votes, or why it could not be heard; `remarks` are lines on its sound."""

    recording: Recording
    scores: StreamScores | None
    fault: str | None = None
    remarks: tuple[str, ...] = ()


def recordings_of(paths: Sequence[Path], keyword: bool) -> list[Recording]:
    """Return the sound files that `paths`, files and folders, name, in order, none twice.

    Raises:
        ParamsError: a path is missing, or a folder holds no sound.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise ParamsError(f"{printable(str(path))} is missing: give sound files or folders with such ({COMMON}).")
        within = [one.path for one in sound_files(path)] if path.is_dir() else [path]
        if not within:
            raise ParamsError(f"{printable(str(path))} holds no sound files ({COMMON}).")
        found |= dict.fromkeys(within)
    return [Recording(path, keyword) for path in found]


def listen(source: Source, recordings: Sequence[Recording], workers: int) -> Iterator[Heard]:
    """Yield what the detector of `source` makes of each recording, in order; `workers` 0: one a core."""
    executor = ExecutorParams(kind="processes", workers=workers, scheduler=None, store=None)
    tasks = [(source, recording) for recording in recordings]
    yield from run_tasks(_hear, tasks, executor, "field test")


def _hear(task: tuple[Source, Recording]) -> Heard:
    source, recording = task
    detector = _detector(source)
    remarks: list[str] = []
    blocks = sound_blocks(str(recording.path), source.how, remarks.append)
    try:
        time_s, vote, duration_s = detector.votes(amplified(blocks, source.gain_db))
    except AudioError as error:
        return Heard(recording, None, str(error), tuple(remarks))
    if recording.keyword:
        duration_s += TAIL_S
        scores = StreamScores(time_s, vote, [(0.0, duration_s)], duration_s)
    else:  # hours are those of the sound, and so are false alarms
        within = time_s <= duration_s
        scores = StreamScores(time_s[within], vote[within], [], duration_s)
    return Heard(recording, scores, None, tuple(remarks))


@lru_cache(maxsize=1)
def _detector(source: Source) -> Detector:
    return open_detector(source.model_dir, source.operating_point, source.model)
