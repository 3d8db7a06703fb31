"""Rooms of the noise+reverb test set: the reverberation times of its grid exactly, all in the test partition."""

from dataclasses import replace

from kwsdata.params import NoiseReverbParams, SimulateRirsParams
from kwsdata.rooms.room import RoomDraw, draw_room

_PREFIX = "room:grid"
_FIRST = 1_000_000  # their draws are those of rooms no bank reaches


def grid_rooms(block: SimulateRirsParams, grid: NoiseReverbParams) -> list[RoomDraw]:
    """Return `rooms_per_t60` rooms for each T60 of the grid: drawn as other rooms are, but for their T60."""
    if not grid.clips_per_cell:
        return []
    return [
        replace(draw_room(block, _FIRST + 1000 * row + number), room=f"{_PREFIX}-{t60_s:g}s-{number}", t60_s=t60_s)
        for row, t60_s in enumerate(grid.t60_s)
        for number in range(grid.rooms_per_t60)
    ]


def is_grid(room: str) -> bool:
    """Tell whether `room` belongs to the grid, and so to the test partition."""
    return room.startswith(_PREFIX)
