"""The command `kwstrain detect`: print the events in sound files or of the microphone, one a line."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kwsdata.audio import Waveform
from kwsdata.errors import AudioError, ParamsError
from kwsdata.files.named_paths import printable
from kwsdata.runtime.bundle import bundle_at
from kwsdata.runtime.decoder import Event
from kwsdata.runtime.detect.detector import Detector, open_detector
from kwsdata.runtime.detect.esphome import EspHomeDetector
from kwsdata.runtime.detect.gain import amplified, check_gain
from kwsdata.runtime.detect.meter import Meter
from kwsdata.runtime.detect.microphone import microphone_blocks
from kwsdata.runtime.detect.sound import Listening, sound_blocks
from kwsdata.runtime.detect.trace import Trace, trace_to

MICROPHONE = "microphone"


def _print(line: str) -> None:
    print(line, flush=True)


def _warn(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def detect(
    files: Sequence[Path | str],
    model_dir: Path = Path("data/models/export"),
    operating_point: Path = Path("data/evaluate/operating_point.json"),
    *,
    bundle: Path | None = None,
    model: str | None = None,
    threshold: float | None = None,
    trace: Path | None = None,
    as_json: bool = False,
    raw_rate: int | None = None,
    channel: int | None = None,
    mic: bool = False,
    device: str | None = None,
    esphome: Path | None = None,
    gain_db: float = 0.0,
    write: Callable[[str], None] = _print,
    warn: Callable[[str], None] = _warn,
) -> int:
    """Write a line for each event in `files`, each file one stream from 0 s; or of the microphone until Ctrl-C.

    Lines are `path<TAB>time_s<TAB>score`, or JSON objects with `file`, `time_s`, `score`, `keyword`. The time is that
    of the decision, in s from the file's start; half a second of silence is heard after a file's end, so that a keyword
    that ends with it is decided.

    A file that cannot be read, or breaks off, is told through `warn`, and the others are heard.

    Args:
        files: sound of any format, length, rate and channel count; `-` is standard input; named pipes.
        model_dir, operating_point: what `export` and `evaluate` wrote; or a bundle, which needs no operating point.
        bundle: in place of both: a bundle's directory, its bundle.json, or one of its model files.
        model: which of its files to run; else the one that was evaluated, or the bundle's default.
        threshold: in place of the evaluated one, above 0 and at most 1.
        trace: an .npz file for `time_s` and `score` [frames] before the vote; for one file, or the microphone.
        as_json: JSON lines.
        raw_rate: the files are raw samples at this rate in Hz: 16 bits, little-endian, one channel.
        channel: the one channel (from 1) to hear; else their mean.
        mic: listen to the microphone; takes no files.
        device: the number or name of the microphone, as `microphones` lists them; else the default one.
        esphome: in place of our own runtime, the file for ESPHome in this folder, with its manifest's rule.
        gain_db: how much louder the sound is made before it is heard.
        write, warn: what to do with a line of the result, and with one of what went wrong.

    Returns:
        The number of events.

    Raises:
        ParamsError: options that do not go together, a threshold that no score can have, or too great a gain.
        AudioError: a file cannot be read; all others have been heard. Events before the damage have been written; no
            trace has.
        StageInputError: the model or operating point is missing, or they do not belong together.
        BundleError: a file of the bundle is missing, changed or unknown.
        MissingExtraError: `mic` without the extra `mic`, or what runs the model file is not installed.
    """
    _check(files, trace, raw_rate, channel, mic, device)
    check_gain(gain_db)
    detector: Detector | EspHomeDetector
    if esphome is not None:
        if bundle or model or threshold is not None or trace:
            raise ParamsError("--esphome decides by its manifest: no --bundle, --model, --threshold, --trace with it.")
        detector = EspHomeDetector(esphome)
    else:
        if bundle is not None:
            model_dir, model = bundle_at(bundle, model)
        detector = open_detector(model_dir, operating_point, model, threshold)
    if mic:
        return _of_microphone(detector, device, gain_db, trace, as_json, write, warn)
    how = Listening(raw_rate, channel)
    count, failed = 0, []
    for name in map(str, files):
        try:
            with _traced(trace) as writer:
                for event in detector.events(amplified(sound_blocks(name, how, warn), gain_db), writer):
                    write(_line(name, event, detector.keyword, as_json))
                    count += 1
        except AudioError as error:
            if len(files) == 1:
                raise
            warn(f"error: {error}")
            failed.append(printable(name))
    if failed:
        raise AudioError(f"{len(failed)} of {len(files)} files could not be heard to their end: {', '.join(failed)}.")
    return count


def _check(
    files: Sequence[Path | str],
    trace: Path | None,
    raw_rate: int | None,
    channel: int | None,
    mic: bool,
    device: str | None,
) -> None:
    if mic == bool(files):
        raise ParamsError("kwstrain detect takes sound files or --mic, and not both.")
    if trace is not None and len(files) > 1:
        raise ParamsError(f"--trace writes the scores of one file, got {len(files)}: run the command once a file.")
    if device is not None and not mic:
        raise ParamsError(f"--device {device} chooses a microphone: give --mic as well, or no --device.")
    if mic and (raw_rate is not None or channel is not None):
        raise ParamsError("--raw and --channel are for sound files and pipes, not for --mic.")
    if channel is not None and channel < 1:
        raise ParamsError(f"--channel {channel}: channels are counted from 1.")


def _of_microphone(
    detector: Detector | EspHomeDetector,
    device: str | None,
    gain_db: float,
    trace: Path | None,
    as_json: bool,
    write: Callable[[str], None],
    warn: Callable[[str], None],
) -> int:
    meter = Meter(sys.stderr, warn)
    count = 0
    with _traced(trace) as writer, suppress(KeyboardInterrupt):
        blocks: Iterable[Waveform] = meter.through(amplified(microphone_blocks(device, warn), gain_db))
        for event in detector.events(blocks, writer):
            meter.clear()
            write(_line(MICROPHONE, event, detector.keyword, as_json))
            count += 1
    meter.clear()
    return count


def _line(name: str, event: Event, keyword: str, as_json: bool) -> str:
    if not as_json:
        return f"{printable(name)}\t{event.time_s:.3f}\t{event.score:.4f}"
    file = name if _is_utf8(name) else printable(name)
    row = {"file": file, "time_s": round(event.time_s, 6), "score": round(event.score, 6), "keyword": keyword}
    return json.dumps(row, ensure_ascii=False)


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def _traced(path: Path | None) -> Iterator[Trace | None]:
    if path is None:
        yield None
        return
    with trace_to(path) as trace:
        yield trace
