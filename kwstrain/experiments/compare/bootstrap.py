"""FNR of several arms on the same keywords with the same seeds: means, intervals, paired differences.

Each resample draws seeds and keywords with replacement, the same ones for every arm, so that differences are paired
(B. Efron, 1979, for the bootstrap). An interval is the 2.5th to 97.5th percentile over resamples. With three seeds it
says little about seeds that were not run; `from` and `to` show those that were.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low95: float
    high95: float


@dataclass(frozen=True)
class Contrast:
    """One arm on one test set: its FNR, and what it changes from the baseline's (points of FNR, and a share of it)."""

    fnr: Estimate
    lowest_seed: float
    highest_seed: float
    difference: Estimate | None
    relative: Estimate | None


def contrasts(missed: dict[str, np.ndarray], baseline: str, resamples: int, rng: np.random.Generator) -> list[Contrast]:
    """Return a contrast an arm, in the order of `missed`.

    Args:
        missed: {arm: float [seeds, keywords]}, the share of a keyword's events that was missed; all of one shape, seeds
            and keywords in the same order.
        baseline: one of the arms.
        resamples: how many.
        rng: draws the resamples.

    Raises:
        ValueError: shapes differ.
    """
    shapes = {arm: values.shape for arm, values in missed.items()}
    if len(set(shapes.values())) != 1:
        raise ValueError(f"arms have other seeds or keywords than each other: {shapes}.")
    seeds, keywords = next(iter(shapes.values()))
    by_seed = rng.integers(seeds, size=(resamples, seeds))
    by_keyword = rng.integers(keywords, size=(resamples, keywords))
    # Counts make each resample two products instead of a copy of everything.
    seed_share = np.stack([np.bincount(picks, minlength=seeds) for picks in by_seed]) / seeds
    keyword_share = np.stack([np.bincount(picks, minlength=keywords) for picks in by_keyword]) / keywords
    drawn = {arm: np.einsum("bs,sk,bk->b", seed_share, v, keyword_share, optimize=True) for arm, v in missed.items()}
    base_value, base_drawn = float(missed[baseline].mean()), drawn[baseline]
    found = []
    for arm, values in missed.items():
        value, per_seed = float(values.mean()), values.mean(axis=1)
        difference = relative = None
        if arm != baseline:
            difference = _estimate(value - base_value, drawn[arm] - base_drawn)
            if base_value > 0 and (base_drawn > 0).all():
                relative = _estimate(value / base_value - 1, drawn[arm] / base_drawn - 1)
        found.append(
            Contrast(_estimate(value, drawn[arm]), float(per_seed.min()), float(per_seed.max()), difference, relative)
        )
    return found


def _estimate(value: float, drawn: np.ndarray) -> Estimate:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(value, float(low), float(high))
