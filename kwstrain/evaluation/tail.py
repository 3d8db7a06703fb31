"""Fit the tail of the highest negative votes, to say how often negative sound reaches a threshold and how sure that is.

A threshold just above dev's fourth highest alarm is as uncertain as four alarms are. Fifty peaks say more: above a high
level, the excesses of independent peaks follow a generalised Pareto distribution (J. Pickands, 1975, Annals of
Statistics 3:119). It is fitted to the log-odds of votes by probability-weighted moments (J. Hosking and J. Wallis,
1987, Technometrics 29:339); the bound comes from fits to resampled peaks (B. Efron, 1979, Annals of Statistics 7:1),
whose number is a Poisson draw, as the number of peaks above the level is one too. Of thresholds that were to hold a
rate with 90 %, 75 to 81 % held it in simulations of four hours with bounded, exponential and heavy tails.
"""

from dataclasses import dataclass

import numpy as np

from kwsdata.draws import rng_for

EXCEEDANCES = 50  # peaks above the level, or more where the rate asked for needs more
FEWEST = 20  # with fewer there is no fit
DRAWS = 400  # of resampled peaks
_LEAST = 1e-7  # votes are as far from 0 and 1 at least
_SHAPES = (-0.5, 0.5)  # moments say nothing of shapes beyond


@dataclass(frozen=True)
class Tail:
    """Fits to the peaks above `level` (log-odds): [0] is that of the data, the rest those of resampled peaks.

    per_hour, shape, scale: float64 [1 + DRAWS]: peaks above the level an hour, and the distribution of their excesses.
    """

    level: float
    per_hour: np.ndarray
    shape: np.ndarray
    scale: np.ndarray

    def fah(self, threshold: float) -> float:
        """Return the false alarms an hour to expect at `threshold`, a vote in (0, 1) that is not below the level."""
        return float(self._rates(threshold)[0])

    def fah_bound(self, threshold: float, confidence: float) -> float:
        """Return what the false alarms an hour at `threshold` do not pass with `confidence`."""
        return float(np.quantile(self._rates(threshold)[1:], confidence))

    def threshold(self, max_fah: float, confidence: float) -> float:
        """Return the lowest vote at which `fah_bound` is at most `max_fah`; the level's own at least."""
        share = np.minimum(1.0, max_fah / self.per_hour)
        flat = np.abs(self.shape) < 1e-6
        shape = np.where(flat, 1.0, self.shape)
        excess = self.scale * np.where(flat, -np.log(share), (share**-shape - 1) / shape)
        return float(_vote(self.level + np.quantile(excess[1:], confidence)))

    def _rates(self, threshold: float) -> np.ndarray:
        excess = max(0.0, float(_log_odds(np.asarray(threshold))) - self.level)
        flat = np.abs(self.shape) < 1e-6
        shape = np.where(flat, 1.0, self.shape)
        inside = np.maximum(0.0, 1 + shape * excess / self.scale)
        with np.errstate(divide="ignore"):  # beyond the end of a bounded tail: 0 ** -1 / shape, shape below 0, is 0
            share = np.where(flat, np.exp(-excess / self.scale), inside ** (-1 / shape))
        return self.per_hour * share


def fit_tail(peaks: np.ndarray, hours: float, max_fah: float) -> Tail | None:
    """Return the tail of `peaks`, or None where they are too few or too much alike for one, or of too few hours.

    Hours that would hold less than one false alarm at the rate asked for are too few: so far beyond the peaks the fit
    is a guess, and int8 scores may not reach there.

    Args:
        peaks: float [peaks], the highest vote of each stretch of negative sound; independent of each other.
        hours: of that sound.
        max_fah: the rate that will be asked for: twice as many peaks are fitted at least.
    """
    odds = np.sort(_log_odds(peaks))[::-1]
    count = min(max(EXCEEDANCES, int(np.ceil(2 * max_fah * hours))), odds.size // 2)
    if count < FEWEST or not hours * max_fah >= 1:
        return None
    excess = odds[:count] - odds[count]
    if not excess.mean() > 0:
        return None
    rng = rng_for(1, "tail", count)
    drawn = [excess, *(rng.choice(excess, max(2, int(n))) for n in rng.poisson(count, DRAWS))]
    shape, scale = np.transpose([_moments(one) for one in drawn])
    return Tail(float(odds[count]), np.asarray([one.size for one in drawn]) / hours, shape, scale)


def _moments(excess: np.ndarray) -> tuple[float, float]:
    """Return (shape, scale) of the generalised Pareto distribution with the weighted moments of `excess`.

    A shape above 0 is a heavy tail, one below 0 a bounded one.
    """
    rising = np.sort(excess)
    beyond = 1 - (np.arange(rising.size) + 0.65) / rising.size
    mean, weighted = float(rising.mean()), float((beyond * rising).mean())
    apart = mean - 2 * weighted
    shape = float(np.clip(2 - mean / apart, *_SHAPES)) if apart > 0 else _SHAPES[0]
    return shape, max((1 - shape) * mean, 1e-6)


def _log_odds(votes: np.ndarray) -> np.ndarray:
    share = np.clip(np.asarray(votes, np.float64), _LEAST, 1 - _LEAST)
    return np.log(share / (1 - share))


def _vote(log_odds: np.ndarray | float) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.asarray(log_odds, np.float64))))
