"""The command `kwstrain field-test`: false alarms an hour and misses of a detector on recordings of one's own.

With `out`, it writes there:
    field_test.json         what was heard, the numbers as shipped and at the chosen threshold, what was rejected
    operating_point.json    the chosen threshold, as `kwstrain detect --operating-point` reads it; not of a bundle
    false_alarms.csv        file, time_s, vote of each false alarm at the chosen threshold and of the nearest peaks
    keywords.csv            file, vote and hit of each recording of the keyword; the worst heard first
"""

import csv
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kwsdata.api.params import default_params
from kwsdata.errors import ParamsError, StageInputError
from kwsdata.files.atomic import atomic_path, write_json
from kwsdata.files.named_paths import printable
from kwsdata.runtime.bundle import bundle_at, is_bundle
from kwsdata.runtime.detect.detector import Detector, open_detector
from kwsdata.runtime.detect.gain import check_gain
from kwsdata.runtime.detect.sound import Listening
from kwstrain.evaluation.det import OperatingPoint
from kwstrain.evaluation.intervals import poisson_upper, wilson
from kwstrain.field_test.listen import Heard, Recording, Source, listen, recordings_of
from kwstrain.field_test.numbers import Alarm, Keyword, Numbers, alarms_in, keywords_in, measure_recordings

MAX_REJECT_FRACTION = 0.05  # of the files; beyond, what is left may not be what was meant


def _warn(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def field_test(
    sounds: Sequence[Path | str],
    keywords: Sequence[Path | str] = (),
    *,
    model_dir: Path = Path("data/models/export"),
    operating_point: Path = Path("data/evaluate/operating_point.json"),
    bundle: Path | None = None,
    model: str | None = None,
    max_fah: float = 1.0,
    confidence: float = 0.9,
    raw_rate: int | None = None,
    channel: int | None = None,
    gain_db: float = 0.0,
    max_reject_fraction: float = MAX_REJECT_FRACTION,
    workers: int = 0,
    out: Path | None = None,
    write: Callable[[str], None] = print,
    warn: Callable[[str], None] = _warn,
) -> dict[str, Any]:
    """Measure a detector on recordings, and choose a threshold on them; return what field_test.json holds.

    The threshold is the lowest that the tail of the highest votes allows (see `kwstrain.evaluation.threshold`); where
    there are recordings of the keyword, it is that with the fewest misses.

    Args:
        sounds: files and folders in which nobody says the keyword, best from where the device will stand.
        keywords: files and folders with recordings of the keyword, said once in each.
        model_dir, operating_point: what `export` and `evaluate` wrote.
        bundle: in place of both: a bundle's folder, its bundle.json, or one of its model files.
        model: which of its files to run.
        max_fah: the false alarms an hour that the threshold may leave.
        confidence: how sure it must be of that, above 0.5.
        raw_rate: files that are named are raw samples at this rate in Hz: 16 bits, little-endian, one channel.
        channel: the one channel (from 1) to hear; else their mean.
        gain_db: how much louder the sound is made before it is heard.
        max_reject_fraction: of the files, that may be unreadable; these are named and left out.
        workers: processes; 0: one a core.
        out: a folder for the files above, replaced whole.
        write, warn: what to do with a line of the result, and with one of what went wrong.

    Raises:
        ParamsError: an option is out of range, or a path is missing or holds no sound.
        StageInputError: too many files cannot be read, there is no sound without the keyword, or the model and the
            operating point do not belong together.
        BundleError, MissingExtraError: as `kwsdata.runtime.detect.detector.open_detector` raises them.
    """
    _check(max_fah, confidence, gain_db, max_reject_fraction, workers, out)
    recordings = _recordings([Path(one) for one in sounds], [Path(one) for one in keywords])
    if bundle is not None:
        model_dir, model = bundle_at(bundle, model)
    detector = open_detector(model_dir, operating_point, model)
    source = Source(model_dir, operating_point, model, Listening(raw_rate, channel), gain_db)
    heard, rejects = _hear_all(source, recordings, workers, max_reject_fraction, warn)

    shipped = default_params().evaluate
    evaluate = shipped.model_copy(update={"max_fah": max_fah, "fah_confidence": confidence, "tolerance_s": 0.0})
    numbers = measure_recordings(heard, detector.decoder, evaluate)
    result = _result(detector, heard, rejects, numbers)
    for line in _lines(result, numbers, bundle or (model_dir if is_bundle(model_dir) else None)):
        write(line)
    for line in result["warnings"]:
        warn(f"warning: {line}")
    if out is not None:
        _write(Path(out), result, numbers, detector, heard, bundled=is_bundle(model_dir))
    return result


def _check(
    max_fah: float, confidence: float, gain_db: float, max_reject_fraction: float, workers: int, out: Path | None
) -> None:
    check_gain(gain_db)
    if workers < 0:
        raise ParamsError(f"--workers {workers}: it must be 0 (one a core) or more.")
    if not (math.isfinite(max_fah) and max_fah > 0):
        raise ParamsError(f"--max-fah {max_fah:g}: false alarms an hour must be above 0, for example 0.5.")
    if not 0.5 < confidence < 1:
        raise ParamsError(f"--confidence {confidence:g}: it must be above 0.5 and below 1, for example 0.9.")
    if not 0 <= max_reject_fraction <= 1:
        raise ParamsError(f"--max-reject-fraction {max_reject_fraction:g}: it must be 0 to 1.")
    if out is not None and out.exists() and any(out.iterdir()) and not (out / "field_test.json").is_file():
        raise ParamsError(f"--out {out} holds other files, and would be replaced: name a new folder.")


def _recordings(sounds: Sequence[Path], keywords: Sequence[Path]) -> list[Recording]:
    """Return what is to be heard.

    Raises:
        ParamsError: a path is missing or holds no sound, there is no sound without the keyword, or a file is given as
            both.
    """
    without, said = recordings_of(sounds, keyword=False), recordings_of(keywords, keyword=True)
    if not without:
        raise ParamsError("field-test takes sound without the keyword: false alarms an hour are counted on such.")
    both = {one.path.resolve() for one in without} & {one.path.resolve() for one in said}
    if both:
        raise ParamsError(
            f"{printable(str(min(both)))} is given as sound without the keyword and as a recording of it"
            f"{f', and {len(both) - 1} more are' if len(both) > 1 else ''}: keep them in folders apart."
        )
    return [*without, *said]


def _hear_all(
    source: Source,
    recordings: Sequence[Recording],
    workers: int,
    max_reject_fraction: float,
    warn: Callable[[str], None],
) -> tuple[list[Heard], list[dict[str, str]]]:
    """Return what was heard, and rows of the files that could not be.

    Raises:
        StageInputError: these are more than `max_reject_fraction` of all.
    """
    heard, rejects = [], []
    for one in listen(source, recordings, workers):
        for remark in one.remarks:
            warn(remark)
        if one.fault is None:
            heard.append(one)
        else:
            warn(f"left out: {one.fault}")
            rejects.append({"file": str(one.recording.path), "reason": one.fault})
    if len(rejects) > max_reject_fraction * len(recordings):
        raise StageInputError(
            f"{len(rejects)} of {len(recordings)} files could not be heard (see above), more than "
            f"--max-reject-fraction {max_reject_fraction:g} of them: mend or remove them, or raise it."
        )
    return heard, rejects


def _result(
    detector: Detector, heard: Sequence[Heard], rejects: list[dict[str, str]], numbers: Numbers
) -> dict[str, Any]:
    return {
        "format": 1,
        "keyword": detector.keyword,
        "model_sha256": detector.model_sha256,
        "max_fah": numbers.max_fah,
        "files": sum(not one.recording.keyword for one in heard),
        "keyword_files": sum(one.recording.keyword for one in heard),
        "rejected": rejects,
        **numbers.rows(),
        "warnings": numbers.warnings(),
    }


def _lines(result: dict[str, Any], numbers: Numbers, bundle: Path | None) -> list[str]:
    """Return the result in words: a head, a line for each threshold, and what to type next."""
    shipped, chosen = numbers.as_shipped, numbers.chosen.point
    words = f", {result['keyword_files']} recordings of {result['keyword']!r}" if result["keyword_files"] else ""
    lines = [
        f"{shipped.hours_negative:.2f} h without the keyword in {result['files']} files{words}",
        _line("as it ships", shipped),
        _line(f"for {numbers.max_fah:g} an hour", chosen),
    ]
    if numbers.chosen.fah_expected is not None:
        lines.append(
            f"At the second, expect {numbers.chosen.fah_expected:.2f} an hour of more such sound, by the tail of the "
            "highest votes."
        )
    where = "" if bundle is None else f" --bundle {printable(str(bundle))}"
    return [*lines, f"Next: kwstrain detect SOUND{where} --threshold {chosen.threshold:.9g}"]


def _line(name: str, point: OperatingPoint) -> str:
    upper = poisson_upper(point.false_alarms, point.hours_negative)
    line = f"{name:<16} threshold {point.threshold:.4f}: {point.fah:.2f} false alarms an hour (95 %: below {upper:.2f})"
    if not point.n_positive:
        return line
    low, high = wilson(point.misses, point.n_positive)
    return f"{line}, {point.fnr:.1%} missed ({low:.1%} to {high:.1%})"


def _write(
    out: Path, result: dict[str, Any], numbers: Numbers, detector: Detector, heard: Sequence[Heard], *, bundled: bool
) -> None:
    point = numbers.chosen.point
    with atomic_path(out) as scratch:
        scratch.mkdir()
        write_json(scratch / "field_test.json", result)
        if not bundled:
            row = {"format": 1, "keyword": detector.keyword, "model_sha256": detector.model_sha256}
            row |= detector.decoder.row() | {"threshold": point.threshold, "chosen_on": "field test"}
            write_json(scratch / "operating_point.json", row)
        _table(scratch / "false_alarms.csv", alarms_in(heard, point.threshold, detector.decoder))
        _table(scratch / "keywords.csv", keywords_in(heard, point.threshold, detector.decoder))


def _table(path: Path, rows: Sequence[Alarm] | Sequence[Keyword]) -> None:
    if rows:
        with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(rows[0]._fields)
            table.writerows(rows)
