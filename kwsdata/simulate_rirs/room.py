"""One shoebox room: everything random is drawn first, then pyroomacoustics computes the responses.

Low reverberation in a small room needs few image sources, and they alone make the response (Allen & Berkley, JASA 65,
1979). Their number grows with the cube of the order, so that a lively room takes image sources up to the order
`_EARLY_ORDER` and ray tracing beyond (Schimmel, Muller & Dillier, ICASSP 2009), which is some 30 times faster at
T60 = 0.9 s and has no sweeping echoes.

No wall absorption gives exactly the T60 asked for (Eyring's formula supposes a diffuse field), so the response is
multiplied by exp(-a t) from its direct path on, with `a` such that the Schroeder decay has the target: a uniform
absorption by the medium, a few dB over the whole decay.
"""

from dataclasses import asdict, dataclass
from math import ceil, exp, log
from typing import Any

import numpy as np
import pyroomacoustics as pra

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.draws import rng_for
from kwsdata.params import SimulateRirsParams
from kwsdata.rirs import align, find_direct, measure_t60

_SPEED_OF_SOUND = 343.0  # m/s
_ISM_ORDER = 30  # up to here image sources alone are the cheaper way
_EARLY_ORDER = 6
_RAYS = 4000
_WALL_M = 0.3  # sources and microphones stay this far from walls
_MARGIN_S = 1.25  # a response is kept for this many T60 (75 dB), or `max_rir_s`
_DECAY_60_DB = 6.907755  # ln(10 ** 3)


@dataclass(frozen=True)
class RoomDraw:
    """What one room is: metres, seconds; positions are [x, y, z] from one corner."""

    room: str
    dimensions: list[float]
    t60_s: float
    microphone: list[float]
    sources: list[list[float]]
    seed: int  # of the ray tracer


def draw_room(params: SimulateRirsParams, number: int) -> RoomDraw:
    """Draw room `number`; rooms do not depend on how many there are."""
    rng = rng_for(params.seed, "simulate_rirs", number)
    sizes = [params.length_m.draw(rng), params.width_m.draw(rng), params.height_m.draw(rng)]
    t60_s = params.t60_s.draw(rng)
    low = np.full(3, _WALL_M)
    high = np.maximum(np.array(sizes) - _WALL_M, low + 0.01)
    microphone = rng.uniform(low, high)
    sources = [_near(rng, microphone, params, low, high).tolist() for _ in range(params.sources_per_room)]
    return RoomDraw(f"room:{number:04d}", sizes, t60_s, microphone.tolist(), sources, int(rng.integers(2**62)))


def _near(
    rng: np.random.Generator, microphone: np.ndarray, params: SimulateRirsParams, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Return a point inside the room at a drawn distance; the direction is redrawn until it fits, then shortened."""
    distance = params.distance_m.draw(rng)
    for _ in range(64):
        direction = rng.standard_normal(3)
        direction /= np.linalg.norm(direction)
        place = microphone + distance * direction
        if np.all(place >= low) and np.all(place <= high):
            return place
    # A far source in a small room: towards the farthest corner, as far as there is room.
    corner = np.where(microphone - low > high - microphone, low, high)
    away = corner - microphone
    return microphone + away * min(1.0, distance / float(np.linalg.norm(away)))


def simulate_room(draw: RoomDraw, max_rir_s: float) -> list[tuple[dict[str, Any], Waveform]]:
    """Return one (description, response float32 [samples]) a source of the room.

    The description has t60_s, t60_measured_s, distance_m, dimensions, method and the recipe.
    """
    volume = float(np.prod(draw.dimensions))
    length, width, height = draw.dimensions
    surface = 2 * (length * width + length * height + width * height)
    absorption = 1.0 - exp(-24 * log(10) / _SPEED_OF_SOUND * volume / (surface * draw.t60_s))  # Eyring, 1930
    shortest = min(length * width, length * height, width * height) / np.linalg.norm(draw.dimensions)
    order = ceil(_SPEED_OF_SOUND * draw.t60_s / shortest)
    traced = order > _ISM_ORDER
    pra.seed(draw.seed, draw.seed)
    pra.constants.set("num_threads", 1)  # the tracer's draws depend on how rays are shared among threads
    room = pra.ShoeBox(
        draw.dimensions,
        fs=SAMPLE_RATE,
        materials=pra.Material(float(np.clip(absorption, 0.01, 0.99))),
        max_order=_EARLY_ORDER if traced else order,
        ray_tracing=traced,
        air_absorption=False,
    )
    if traced:
        room.set_ray_tracing(n_rays=_RAYS, receiver_radius=0.5)
    for source in draw.sources:
        room.add_source(source)
    room.add_microphone(draw.microphone)
    room.compute_rir()
    results = []
    keep = ceil(min(max_rir_s, _MARGIN_S * draw.t60_s) * SAMPLE_RATE)
    for source, response in zip(draw.sources, (sources[0] for sources in zip(*room.rir, strict=True)), strict=True):
        distance = float(np.linalg.norm(np.array(source) - draw.microphone))
        direct = round(distance / _SPEED_OF_SOUND * SAMPLE_RATE) + pra.constants.get("frac_delay_length") // 2
        wave = align(_with_t60(np.asarray(response, dtype=np.float64), draw.t60_s), direct)[:keep]
        results.append(
            (
                {
                    "t60_s": round(draw.t60_s, 4),
                    "t60_measured_s": round(measure_t60(wave), 4),
                    "distance_m": round(distance, 3),
                    "dimensions": [round(side, 3) for side in draw.dimensions],
                    "method": "image sources + rays" if traced else "image sources",
                    "recipe": {key: value for key, value in asdict(draw).items() if key != "sources"}
                    | {"source": source},
                },
                wave,
            )
        )
    return results


def _with_t60(response: np.ndarray, target_s: float) -> np.ndarray:
    """Return `response` [samples] with an exponential envelope that brings its Schroeder T60 to `target_s`."""
    direct = find_direct(response)
    time_s = np.maximum(np.arange(response.size) - direct, 0) / SAMPLE_RATE
    rate = 0.0
    for _ in range(6):
        shaped = response * np.exp(-rate * time_s)
        measured = measure_t60(shaped)
        if measured <= 0 or abs(measured / target_s - 1) < 0.01:
            break
        rate += _DECAY_60_DB * (1 / target_s - 1 / measured)
    return response * np.exp(-rate * time_s)
