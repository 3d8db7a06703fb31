"""Confidence intervals of miss rates and false alarms an hour, at 95 % unless asked otherwise.

miss rate        Wilson score interval (E. B. Wilson, 1927, JASA 22:209): two-sided, never empty, never outside
                 [0, 1], close to its nominal coverage even at 0 misses.
false alarm rate exact one-sided Poisson upper bound (F. Garwood, 1936, Biometrika 28:437):
                 chi2.ppf(confidence, 2 k + 2) / 2 / hours. With no false alarm it is about 3.0 / hours.
"""

import math

from scipy import special

CONFIDENCE = 0.95


def wilson(count: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the (low, high) two-sided interval of a proportion `count` / `total`; (0, 1) when `total` is 0.

    Raises:
        ValueError: `count` is not in 0..total.
    """
    if not 0 <= count <= total:
        raise ValueError(f"{count} of {total}: the count must be 0 to {total}.")
    if total == 0:
        return 0.0, 1.0
    z = float(special.ndtri(0.5 + confidence / 2))
    share = count / total
    scale = 1 + z * z / total
    centre = (share + z * z / (2 * total)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    # At 0 and at `total` the limit is exactly 0 or 1; rounding would leave 1e-18.
    return (0.0 if count == 0 else max(0.0, centre - half)), (1.0 if count == total else min(1.0, centre + half))


def poisson_upper(count: int, exposure: float, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided upper bound of a Poisson rate after `count` events in `exposure` (say, hours).

    Infinite when `exposure` is 0: nothing was listened to, so nothing is known.

    Raises:
        ValueError: a negative count or exposure.
    """
    if count < 0 or exposure < 0:
        raise ValueError(f"{count} events in {exposure:g}: both must be 0 or more.")
    if exposure == 0:
        return math.inf
    # gammaincinv(k + 1, p) = chi2.ppf(p, 2 k + 2) / 2
    return float(special.gammaincinv(count + 1, confidence)) / exposure


def hours_needed(max_rate: float, confidence: float = CONFIDENCE) -> float:
    """Return the least exposure after which zero events prove a rate of at most `max_rate`."""
    return poisson_upper(0, 1.0, confidence) / max_rate
