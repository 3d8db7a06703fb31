"""Shift a voice's formants, as a longer or shorter vocal tract would; pitch and tempo stay.

Children's tracts are a fifth shorter than women's, and women's a sixth shorter than men's (G. Fant, A note on vocal
tract size factors and non-uniform F-pattern scalings, STL-QPSR 7(4), 1966). `pitch` moves both together.
"""

from dataclasses import dataclass

import numpy as np

from kwsdata.effects.base import Effect, Take
from kwsdata.params.effects import ThroatParams
from kwsdata.pools.materials import Materials
from kwsdata.transforms.formants import shift_formants


@dataclass(frozen=True)
class ThroatDraw:
    """`factor` 1.1: formants 10 % higher, the tract 9 % shorter."""

    factor: float


class Throat(Effect[ThroatParams, ThroatDraw]):
    """Say the same words out of a longer or a shorter vocal tract."""

    name = "throat"
    params = ThroatParams
    draw_type = ThroatDraw
    for_noise = False

    def draw(self, rng: np.random.Generator, params: ThroatParams, materials: Materials) -> ThroatDraw:
        """Draw a factor, uniform in log frequency."""
        return ThroatDraw(float(np.exp(rng.uniform(np.log(params.factor.low), np.log(params.factor.high)))))

    def apply(self, take: Take, draw: ThroatDraw, materials: Materials) -> Take:
        """Return the take [n], its formants times the factor: [n]."""
        return take.with_wave(shift_formants(take.wave, draw.factor))

    def describe(self, draw: ThroatDraw) -> str:
        """Return the factor in words."""
        return f"Formants times {draw.factor:.3f} at the same pitch."
