"""Draw shoebox rooms: sides, walls, places of source and microphones. `kwsdata.rooms.simulate` makes their responses.

Rooms of the noise+reverb test set have the reverberation times of its grid exactly; all are in the test partition.
"""

from dataclasses import dataclass, replace

import numpy as np

from kwsdata.draws import rng_for
from kwsdata.params import NoiseReverbParams, SimulateRirsParams

_WALL_M = 0.3  # sources and microphones stay this far from walls
_DIRECTIONS_TRIED = 64
_GRID = "room:grid"
_FIRST_GRID = 1_000_000  # their draws are those of rooms no bank reaches


@dataclass(frozen=True)
class RoomDraw:
    """What one room is: metres, seconds; positions are [x, y, z] from one corner.

    Either `t60_s` is the target, or `absorption` is what the walls take of the energy, and T60 is what follows.
    """

    room: str
    dimensions: list[float]
    t60_s: float | None
    absorption: float | None
    treble_t60_ratio: float  # T60 above 2 kHz relative to below
    microphone: list[float]
    sources: list[list[float]]
    seed: int  # of the ray tracer and of the signs of late reflections


def draw_room(params: SimulateRirsParams, number: int) -> RoomDraw:
    """Draw room `number`; a room does not depend on how many there are."""
    rng = rng_for(params.seed, "simulate_rirs", number)
    sizes = [params.length_m.draw(rng), params.width_m.draw(rng), params.height_m.draw(rng)]
    t60_s = params.t60_s.draw(rng)
    low = np.full(3, _WALL_M)
    high = np.maximum(np.array(sizes) - _WALL_M, low + 0.01)
    microphone = rng.uniform(low, high)
    sources = [_place(rng, microphone, params, low, high).tolist() for _ in range(params.sources_per_room)]
    absorption = params.absorption.draw(rng) if params.absorption else None
    return RoomDraw(
        room=f"room:{number:04d}",
        dimensions=sizes,
        t60_s=t60_s if absorption is None else None,
        absorption=absorption,
        treble_t60_ratio=params.treble_t60_ratio.draw(rng),
        microphone=microphone.tolist(),
        sources=sources,
        seed=int(rng.integers(2**62)),
    )


def _place(
    rng: np.random.Generator, microphone: np.ndarray, params: SimulateRirsParams, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Return a point inside the room at a drawn distance; the direction is redrawn until it fits."""
    distance = params.distance_m.draw(rng)
    for _ in range(_DIRECTIONS_TRIED):
        direction = rng.standard_normal(3)
        place = microphone + distance * direction / np.linalg.norm(direction)
        if np.all(place >= low) and np.all(place <= high):
            return place
    # A far source in a small room: towards the farthest corner, as far as there is room.
    corner = np.where(microphone - low > high - microphone, low, high)
    away = corner - microphone
    return microphone + away * min(1.0, distance / float(np.linalg.norm(away)))


def grid_rooms(block: SimulateRirsParams, grid: NoiseReverbParams) -> list[RoomDraw]:
    """Return `rooms_per_t60` rooms for each T60 of the grid: drawn as other rooms are, but for their T60."""
    if not grid.clips_per_cell:
        return []
    return [
        replace(draw_room(block, _FIRST_GRID + 1000 * row + number), room=f"{_GRID}-{t60_s:g}s-{number}", t60_s=t60_s)
        for row, t60_s in enumerate(grid.t60_s)
        for number in range(grid.rooms_per_t60)
    ]


def is_grid(room: str) -> bool:
    """Tell whether `room` belongs to the grid, and so to the test partition."""
    return room.startswith(_GRID)
