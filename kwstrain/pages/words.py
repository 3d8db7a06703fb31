"""Format numbers for people."""

from typing import Any


def percent(share: float | None) -> str:
    """Return a share in %, two significant digits ("4.2 %"), "-" for None."""
    if share is None:
        return "-"
    value = 100 * share
    if value == 0 or value >= 99.95:
        return f"{value:.0f} %"
    return f"{value:.1f} %" if value >= 1 else f"{value:.2g} %"


def rate(per_hour: float | None) -> str:
    """Return a rate an hour with two decimals, fewer above 10; "-" for None."""
    if per_hour is None:
        return "-"
    return f"{per_hour:.2f}" if per_hour < 10 else f"{per_hour:.0f}"


def whole(count: float | None) -> str:
    """Return a count with thin spaces between thousands; "-" for None."""
    return "-" if count is None else f"{count:,.0f}".replace(",", "\u202f")


def hours(value: float | None) -> str:
    """Return a length of time in hours or, below one, minutes; "-" for None."""
    if value is None:
        return "-"
    return f"{value:.2f} h" if value >= 1 else f"{60 * value:.1f} min"


def seconds(value: float | None) -> str:
    """Return s with two decimals and a true minus; "-" for None."""
    return "-" if value is None else f"{value:.2f} s".replace("-", "\u2212")


def explain_misses(numbers: dict[str, Any]) -> str:
    """Return what the miss rate of one set means."""
    was = "was" if numbers["misses"] == 1 else "were"
    return (
        f"Of {whole(numbers['n_positive'])} spoken keywords, {whole(numbers['misses'])} {was} missed. From that "
        f"many, the true share can be put between {percent(numbers['fnr_low95'])} and {percent(numbers['fnr_high95'])} "
        "(95 %, Wilson interval)."
    )


def explain_starts(numbers: dict[str, Any]) -> str:
    """Return what the detector did at the starts of clips that were heard alone."""
    below, early = percent(numbers["alarms_per_start_high95"]), numbers["early"]
    fired = whole(numbers["alarms"]) if numbers["alarms"] else "none"
    return (
        f"Of {whole(numbers['clips'])} clips without a keyword, {fired} set it off in their first "
        f"{numbers['start_s']:g} s; the true share can be put below {below} (95 %). Of {whole(numbers['n_positive'])} "
        f"keywords that were alone in their clip it missed {whole(numbers['misses'])}; it fired before the word was "
        f"half said in {whole(early) if early else 'none'} of {whole(numbers['keyword_clips'])}."
    )


def explain_false_alarms(numbers: dict[str, Any]) -> str:
    """Return what the false alarm rate of one set means."""
    count = numbers["false_alarms"]
    fired = "fired once" if count == 1 else "never fired" if count == 0 else f"fired {whole(count)} times"
    bound = numbers["fah_upper95"]
    proves = f"; the true rate can be put below {rate(bound)} an hour (95 %, exact Poisson bound)" if bound else ""
    return f"In {hours(numbers['hours_negative'])} of other sound it {fired}{proves}."
