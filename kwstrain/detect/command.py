"""Print the events in sound files, or of the microphone, one a line."""

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

from kwsdata.errors import ParamsError
from kwstrain.decoder import Event
from kwstrain.detect.detector import open_detector
from kwstrain.detect.microphone import microphone_blocks
from kwstrain.detect.sound import file_blocks
from kwstrain.detect.trace import trace_to

MICROPHONE = "microphone"


def _print(line: str) -> None:
    print(line, flush=True)


def detect(
    files: Sequence[Path],
    model_dir: Path = Path("data/models/export"),
    operating_point: Path = Path("data/evaluate/operating_point.json"),
    *,
    model: str | None = None,
    threshold: float | None = None,
    trace: Path | None = None,
    as_json: bool = False,
    mic: bool = False,
    write: Callable[[str], None] = _print,
) -> int:
    """Write a line for each event in `files`, each file one stream from 0 s; or of the microphone until Ctrl-C.

    Lines are `path<TAB>time_s<TAB>score`, or JSON objects with `file`, `time_s`, `score`, `keyword`. The time is that
    of the decision, in s from the file's start; half a second of silence is heard after a file's end, so that a keyword
    that ends with it is decided.

    Args:
        files: WAV, FLAC, OGG, MP3, ... of any length, rate and channel count.
        model_dir, operating_point: what `export` and `evaluate` wrote; or a bundle, which needs no operating point.
        model: which of its files to run; else the one that was evaluated, or the bundle's default.
        threshold: in place of the evaluated one.
        trace: an .npz file for `time_s` and `score` [frames] before the vote; for one file, or the microphone.
        as_json: JSON lines.
        mic: listen to the microphone; takes no files.
        write: what to do with a line.

    Returns:
        The number of events.

    Raises:
        ParamsError: files and microphone together or neither, or a trace for more than one file.
        AudioError: a file cannot be read. Events before the damage have been written; no trace has.
        StageInputError: the model or operating point is missing, or they do not belong together.
        BundleError: a file of the bundle is missing, changed or unknown.
        MissingExtraError: `mic` without the extra `mic`, or what runs the model file is not installed.
    """
    if mic == bool(files):
        raise ParamsError("kwstrain detect takes sound files or --mic, and not both.")
    if trace is not None and len(files) > 1:
        raise ParamsError(f"--trace writes the scores of one file, got {len(files)}: run the command once a file.")
    detector = open_detector(model_dir, operating_point, model, threshold)
    count = 0
    for name in [MICROPHONE] if mic else [str(path) for path in files]:
        with trace_to(trace) if trace is not None else nullcontext() as writer:
            blocks = microphone_blocks() if mic else file_blocks(Path(name))
            with suppress(KeyboardInterrupt) if mic else nullcontext():
                for event in detector.events(blocks, writer):
                    write(_json_line(name, event, detector.keyword) if as_json else _plain_line(name, event))
                    count += 1
    return count


def _plain_line(name: str, event: Event) -> str:
    return f"{name}\t{event.time_s:.3f}\t{event.score:.4f}"


def _json_line(name: str, event: Event, keyword: str) -> str:
    row = {"file": name, "time_s": round(event.time_s, 6), "score": round(event.score, 6), "keyword": keyword}
    return json.dumps(row, ensure_ascii=False)
