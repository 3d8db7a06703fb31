"""Count false alarms and misses in scored recordings, as the detector ships and at a threshold chosen on them.

A false alarm is a detection in a recording without the keyword, a miss a recording of the keyword without a detection.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kwsdata.errors import StageInputError
from kwsdata.params import EvaluateParams
from kwsdata.runtime.decoder import DecoderConfig
from kwstrain.evaluation.det import OperatingPoint, det_curve, measure
from kwstrain.evaluation.events import near_alarms, outcomes
from kwstrain.evaluation.intervals import hours_needed, poisson_upper, wilson
from kwstrain.evaluation.threshold import STRETCH_S, Chosen, choose_threshold, lowest_threshold
from kwstrain.field_test.listen import Heard

NEAR = 50  # peaks that are listed of those nearest to a false alarm


class Alarm(NamedTuple):
    """A false alarm, or a peak that came near to one: the file, when, and the highest vote there."""

    file: str
    time_s: float
    vote: float
    false_alarm: bool


class Keyword(NamedTuple):
    """A recording of the keyword: its highest vote, and whether that was a detection."""

    file: str
    vote: float
    hit: bool


@dataclass(frozen=True)
class Numbers:
    """What a field test found: the detector `as_shipped`, and `chosen` on these recordings for `max_fah`."""

    as_shipped: OperatingPoint
    chosen: Chosen
    max_fah: float

    def rows(self) -> dict[str, dict[str, float | int | None]]:
        """Return both as numbers with their intervals (95 %), for a file."""
        return {
            "as_shipped": point_row(self.as_shipped),
            "chosen": point_row(self.chosen.point)
            | {"fah_expected": self.chosen.fah_expected, "fah_bound": self.chosen.fah_bound},
        }

    def warnings(self) -> list[str]:
        """Return what a reader must know before believing the numbers."""
        hours, needed = self.as_shipped.hours_negative, hours_needed(self.max_fah)
        if hours >= needed:
            return []
        return [
            f"{hours:.2f} h cannot show a rate of {self.max_fah:g} an hour at 95 %, even without a false alarm: that "
            f"takes {needed:.1f} h without the keyword."
        ]


def measure_recordings(heard: Sequence[Heard], decoder: DecoderConfig, evaluate: EvaluateParams) -> Numbers:
    """Return the numbers of recordings that were heard.

    Args:
        heard: every recording has scores; at least one is without the keyword.
        decoder: what they were voted on with; its threshold is that of the detector as it ships.
        evaluate: `max_fah` and `fah_confidence` say which threshold is looked for.

    Raises:
        StageInputError: there is no sound without the keyword.
    """
    streams = [one.scores for one in heard if one.scores is not None]
    lockout_s, tolerance_s = decoder.rule.lockout_s, evaluate.tolerance_s
    curve = det_curve(streams, lockout_s, tolerance_s)
    if not curve.hours_negative > 0:
        raise StageInputError("no recording without the keyword could be heard: false alarms are counted on such.")
    choice = choose_threshold if curve.n_positive else lowest_threshold
    return Numbers(
        measure(streams, decoder.threshold, lockout_s, tolerance_s),
        choice(streams, curve, lockout_s, evaluate),
        evaluate.max_fah,
    )


def alarms_in(heard: Sequence[Heard], threshold: float, decoder: DecoderConfig) -> list[Alarm]:
    """Return the false alarms at `threshold`, then the NEAR peaks closest below it; the highest votes first."""
    fired: list[Alarm] = []
    near: list[Alarm] = []
    for one in heard:
        if one.scores is not None and not one.recording.keyword:
            name = str(one.recording.path)
            _, alarms = outcomes(one.scores, threshold, decoder.rule.lockout_s, 0.0)
            fired += [Alarm(name, round(alarm.time_s, 3), round(alarm.peak, 6), True) for alarm in alarms]
            peaks = near_alarms(one.scores, threshold, 0.0, STRETCH_S, NEAR)
            near += [Alarm(name, round(peak.time_s, 3), round(peak.peak, 6), False) for peak in peaks]
    return sorted(fired, key=_loudest) + sorted(near, key=_loudest)[:NEAR]


def keywords_in(heard: Sequence[Heard], threshold: float, decoder: DecoderConfig) -> list[Keyword]:
    """Return every recording of the keyword, the lowest vote first."""
    found: list[Keyword] = []
    for one in heard:
        if one.scores is not None and one.recording.keyword:
            (event,), _ = outcomes(one.scores, threshold, decoder.rule.lockout_s, 0.0)
            found.append(Keyword(str(one.recording.path), round(event.peak, 6), event.hit))
    return sorted(found, key=lambda said: said.vote)


def _loudest(alarm: Alarm) -> tuple[float, str, float]:
    return -alarm.vote, alarm.file, alarm.time_s


def point_row(point: OperatingPoint) -> dict[str, float | int | None]:
    """Return an operating point with its intervals (95 %); None for a rate of what there was none of."""
    low, high = wilson(point.misses, point.n_positive)
    return {
        "threshold": point.threshold,
        "false_alarms": point.false_alarms,
        "hours_negative": round(point.hours_negative, 6),
        "fah": round(point.fah, 6),
        "fah_upper95": round(poisson_upper(point.false_alarms, point.hours_negative), 6),
        "misses": point.misses,
        "n_positive": point.n_positive,
        "fnr": round(point.fnr, 6) if point.n_positive else None,
        "fnr_low95": round(low, 6) if point.n_positive else None,
        "fnr_high95": round(high, 6) if point.n_positive else None,
    }
