"""Describe a recipe in sentences, one for each effect."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from kwsdata.effects import chain
from kwsdata.effects.mixing import NoiseDraw
from kwsdata.effects.room import ReverbDraw


def sentences(recipe: dict[str, Any], rooms: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what was done to a clip.

    Args:
        recipe: {effect: its draw} of an augmented clip, or the draw of one keyword of the noise+reverb grid.
        rooms: what the bank tells of the responses that are named ("t60_measured_s", "distance_m").
    """
    if "rir" in recipe:  # an event of the grid: one draw for a room and its noise
        parts = {"reverb": ReverbDraw, "noise": NoiseDraw}
        recipe = {effect: {part.name: recipe[part.name] for part in fields(kind)} for effect, kind in parts.items()}
    return [_sentence(name, values, rooms) for name, values in recipe.items() if isinstance(values, dict)]


def _sentence(name: str, values: dict[str, Any], rooms: Mapping[str, Mapping[str, Any]]) -> str:
    effect = next((effect for effect in chain.EFFECTS if effect.name == name), None)
    if effect is None:  # a clip that another version made
        told = ", ".join(f"{key} {value}" for key, value in values.items())
        return f"{name.replace('_', ' ').capitalize()}: {told}."
    draw = effect.draw_from(values)
    said = effect.describe(draw)
    for source in effect.sources(draw):
        if facts := _facts(rooms.get(source, {})):
            said = said.replace(source, f"{source} ({facts})")
    return said


def _facts(room: Mapping[str, Any]) -> str:
    told = [f"T60 {room['t60_measured_s']:.2f} s"] if "t60_measured_s" in room else []
    told += [f"{room['distance_m']:.1f} m away"] if "distance_m" in room else []
    return ", ".join(told)
