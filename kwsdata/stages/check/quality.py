"""Rules about the sound of a clip: audible, not clipped, of the bandwidth that its rate promises."""

from collections.abc import Iterator

from kwsdata.params.negatives import CheckParams
from kwsdata.stages.check.facts import OTHER_SOUND, Facts
from kwsdata.stages.check.finding import Finding, exclusion


def faults(facts: Facts, params: CheckParams) -> Iterator[Finding]:
    """Yield what is wrong with one clip."""
    cut = facts.clip.id
    if facts.fault is not None:
        yield Finding(
            "wrong_samples" if facts.fault == OTHER_SOUND else "wrong_rate",
            f"{cut} {facts.fault}",
            [cut],
            "type `kwsdata verify` to see which files changed, then `dvc pull`, or import the corpus again",
        )
    elif facts.loudest_dbfs < params.silence_dbfs:
        message = (
            f"{cut} is silent: its loudest 10 ms lie at {facts.loudest_dbfs:.0f} dBFS, under {params.silence_dbfs:g}"
        )
        yield exclusion("silent", message, [cut], [cut])
    else:
        if facts.clipped > params.max_clipped_fraction:
            message = f"{cut}: a share of {facts.clipped:.3f} at full scale, over {params.max_clipped_fraction:g}"
            yield exclusion("clipped", message, [cut], [cut])
        if facts.bandwidth_hz < params.min_bandwidth_hz and facts.clip.label_if_any != "noise":
            message = (
                f"{cut} has nothing above {facts.bandwidth_hz:.0f} Hz (limit {params.min_bandwidth_hz:g}): it was "
                "recorded, or sent, at a lower rate"
            )
            yield exclusion("narrow_band", message, [cut], [cut])
