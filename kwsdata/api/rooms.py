"""Simulate the impulse response of a shoebox room of given sides and reverberation time."""

from dataclasses import dataclass
from typing import Any

from kwsdata.api.params import default_params
from kwsdata.audio import Waveform
from kwsdata.params.base import Range
from kwsdata.rooms.room import draw_room
from kwsdata.rooms.simulate import simulate_room as simulated


@dataclass(frozen=True)
class Room:
    """`response` float32 [samples] at 16 kHz: the direct path at sample 40 with energy 1 (see `kwsdata.rooms.bank`).

    `t60_s`: as measured in it, by T30 of ISO 3382-1. `distance_m`: of source and microphone. `description`: the draw.
    """

    response: Waveform
    t60_s: float
    distance_m: float
    description: dict[str, Any]


def simulate_room(
    length_m: float,
    width_m: float,
    height_m: float,
    t60_s: float,
    *,
    distance_m: float = 1.0,
    treble_t60_ratio: float = 0.8,
    seed: int = 0,
    max_rir_s: float = 2.0,
) -> Room:
    """Return the impulse response from a source to a microphone, both at random places of a shoebox room.

    >>> from kwsdata import simulate_room
    >>> room = simulate_room(5.0, 4.0, 2.6, t60_s=0.4, distance_m=1.5, seed=3)
    >>> 0.36 < room.t60_s < 0.44, round(room.distance_m, 2)
    (True, 1.5)

    Args:
        length_m, width_m, height_m: of the room, at least 1 m each.
        t60_s: reverberation time below 2 kHz: 60 dB of decay.
        distance_m: of source and microphone; less in a room that is too small for it.
        treble_t60_ratio: T60 above 2 kHz to that below, in (0, 1].
        seed: decides places and late reflections.
        max_rir_s: the response is cut there.

    Raises:
        ValueError: a number is out of its range.
    """
    if min(length_m, width_m, height_m) < 1:
        raise ValueError(f"sides of {length_m:g}, {width_m:g}, {height_m:g} m: each must be at least 1 m")
    if not (t60_s > 0 and 0 < treble_t60_ratio <= 1 and distance_m > 0):
        raise ValueError(f"{t60_s=}, {distance_m=}, {treble_t60_ratio=}: all above 0, the ratio at most 1")
    fixed = {
        "length_m": length_m,
        "width_m": width_m,
        "height_m": height_m,
        "t60_s": t60_s,
        "distance_m": distance_m,
        "treble_t60_ratio": treble_t60_ratio,
    }
    ranges = {name: Range(low=value, high=value) for name, value in fixed.items()}
    params = default_params().simulate_rirs.model_copy(
        update={**ranges, "seed": seed, "sources_per_room": 1, "absorption": None}
    )
    ((description, response),) = simulated(draw_room(params, 0), max_rir_s)
    return Room(response, description["t60_measured_s"], description["distance_m"], dict(description))
