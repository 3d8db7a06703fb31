"""Apply a recipe: the one order in which effects follow each other, and where the word ends up.

    speed -> context (lead, tail) -> room -> noise -> level

as sound meets a microphone: the voice itself, what is said before and after, the room, what else sounds in it, the
gain. The supervision follows: speed moves and scales it, the lead shifts it, the room leaves it in place.
"""

from dataclasses import dataclass

from kwsdata.audio import Waveform
from kwsdata.augment.recipe import Materials, Recipe
from kwsdata.transforms.context import apply_context, lead_samples
from kwsdata.transforms.levels import below_full_scale
from kwsdata.transforms.loudness import apply_loudness
from kwsdata.transforms.noise import apply_noise, stretch_of
from kwsdata.transforms.reverb import apply_reverb
from kwsdata.transforms.speed import apply_speed


@dataclass(frozen=True)
class Rendered:
    """`wave` float32 [samples] in [-1, 1]; `span`: [start, end) of the supervision in samples."""

    wave: Waveform
    span: tuple[int, int]


def render(wave: Waveform, span: tuple[int, int], recipe: Recipe, materials: Materials) -> Rendered:
    """Return `wave` [samples] after `recipe`.

    Args:
        wave: the parent's sound.
        span: [start, end) of its supervision in samples.
        recipe: every draw.
        materials: holds the responses and recordings that the recipe names.
    """
    start, end = span
    if recipe.speed:
        before = wave.size
        wave = apply_speed(wave, recipe.speed)
        scale = wave.size / before if before else 1.0
        start, end = round(start * scale), round(end * scale)
    if recipe.context:
        speech = recipe.context.speech
        other = materials.speech.wave(speech) if speech is not None and materials.speech else None
        wave = apply_context(wave, recipe.context, other)
        shift = lead_samples(recipe.context)
        start, end = start + shift, end + shift
    if recipe.reverb and materials.rirs:
        wave = apply_reverb(wave, materials.rirs.wave(recipe.reverb.rir))
    if recipe.noise and materials.noises:
        noise = stretch_of(materials.noises.wave(recipe.noise.noise), wave.size, recipe.noise.position)
        wave = apply_noise(wave, noise, recipe.noise.snr_db)
    wave = apply_loudness(wave, recipe.loudness) if recipe.loudness else below_full_scale(wave)
    return Rendered(wave, (start, end))
