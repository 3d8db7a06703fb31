"""Simulate a room's impulse responses with pyroomacoustics: image sources, and ray tracing where that pays.

A dead room needs few image sources, and they alone make its response (J. Allen and D. Berkley, JASA 65, 1979). Their
number grows with the cube of the order; so a livelier room takes image sources up to order 6 and beyond that ray
tracing, which counts the energy that arrives in each 4 ms. Its energy becomes sound as a sequence of reflections at
random instants, as dense as in a room of that volume (D. Schroeder, Physically based real-time auralization, 2011,
5.3.4). At T60 = 0.9 s that is some thirty times as fast, and has no sweeping echoes.

Two things are then set by an envelope exp(-a t) from the direct path on:

- above 2 kHz decay is faster (`treble_t60_ratio`), as air and furniture make it;
- T60 is what was asked for. Walls are first chosen by Eyring's formula, which supposes a diffuse field, and once more
  after one look at the result; what is left is a few dB over the whole decay, taken from the medium.
"""

from dataclasses import asdict, replace
from math import ceil, exp, log
from threading import Lock

import numpy as np
import pyroomacoustics as pra
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.ndimage import uniform_filter1d

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.fields import ClipFields, given
from kwsdata.rooms.bank import align, find_direct, measure_t60
from kwsdata.rooms.room import RoomDraw

_SPEED_OF_SOUND = 343.0  # m/s
_IMAGES_ALONE = 36  # orders up to here are faster without rays
_EARLY_ORDER = 6
_RAYS = 1000
_LIVELIER = 1.15  # walls are chosen for a T60 this much longer: the envelope then takes away, and adds nothing
_KEPT = 1.25  # a response is kept for this many T60 (75 dB), or for `max_rir_s`
_LN_60_DB = 6.907755  # ln(10 ** 3): amplitude falls by exp(-_LN_60_DB) in one T60
_TREBLE_HZ = 2000.0
_DENSEST = 10_000.0  # reflections a second; more are heard as noise all the same
_LOCK = Lock()  # pyroomacoustics seeds its ray tracer for the whole process


def simulate_room(draw: RoomDraw, max_rir_s: float) -> list[tuple[ClipFields, Waveform]]:
    """Return one (fields, response float32 [samples]) a source of the room.

    The fields are t60_s (the target, if there is one), t60_measured_s, distance_m, dimensions, method, recipe.
    """
    absorption = draw.absorption if draw.absorption is not None else _eyring(draw, _LIVELIER * (draw.t60_s or 0.0))
    responses, method = _responses(draw, absorption)
    if draw.t60_s is not None:
        shortest = min(measure_t60(response) for response in responses)
        ratio = shortest / (_LIVELIER * draw.t60_s)
        if not 0.95 < ratio < 1.3 and shortest > 0:
            # -ln(1 - a) is in proportion to 1 / T60 in Eyring's formula: scale it by what came out.
            absorption = 1 - exp(log(1 - absorption) * ratio)
            responses, method = _responses(draw, absorption)
    results = []
    for source, response in zip(draw.sources, responses, strict=True):
        distance = float(np.linalg.norm(np.array(source) - draw.microphone))
        direct = round(distance / _SPEED_OF_SOUND * SAMPLE_RATE) + pra.constants.get("frac_delay_length") // 2
        if draw.t60_s is not None:
            response = _with_t60(response, direct, draw.t60_s)
        keep = ceil(min(max_rir_s, _KEPT * measure_t60(response) + 0.02) * SAMPLE_RATE)
        wave = align(response, direct, level=1 / distance)[:keep]  # as pyroomacoustics scales it
        fields = ClipFields(
            t60_s=round(draw.t60_s, 4) if draw.t60_s is not None else None,
            t60_measured_s=round(measure_t60(wave), 4),
            distance_m=round(distance, 3),
            dimensions=[round(side, 3) for side in draw.dimensions],
            method=method,
            recipe=asdict(replace(draw, sources=[source])),
        )
        results.append((given(fields), wave))
    return results


def _eyring(draw: RoomDraw, t60_s: float) -> float:
    """Return the walls' absorption (of energy, in (0, 1)) for a T60. C. Eyring, JASA 1 (1930)."""
    length, width, height = draw.dimensions
    surface = 2 * (length * width + length * height + width * height)
    return 1 - exp(-24 * log(10) / _SPEED_OF_SOUND * length * width * height / (surface * t60_s))


def _responses(draw: RoomDraw, absorption: float) -> tuple[list[np.ndarray], str]:
    """Return the responses (float64 [samples]) of all sources, and by which method."""
    # the tracer's draws, and the order in which reflections are added up, depend on how threads share them
    pra.constants.set("num_threads", 1)
    absorption = float(np.clip(absorption, 0.005, 0.99))
    length, width, height = draw.dimensions
    surface = 2 * (length * width + length * height + width * height)
    t60_s = -24 * log(10) / _SPEED_OF_SOUND * length * width * height / (surface * log(1 - absorption))
    nearest = min(a * b / np.hypot(a, b) for a, b in ((length, width), (length, height), (width, height)))
    order = ceil(_SPEED_OF_SOUND * t60_s / nearest)  # image sources of higher orders arrive after T60
    traced = order > _IMAGES_ALONE
    room = pra.ShoeBox(
        draw.dimensions,
        fs=SAMPLE_RATE,
        materials=pra.Material(absorption),
        max_order=_EARLY_ORDER if traced else order,
        ray_tracing=traced,
        air_absorption=False,
    )
    for source in draw.sources:
        room.add_source(source)
    room.add_microphone(draw.microphone)
    tails = [np.zeros(0)] * len(draw.sources)
    if traced:
        tails = _tails(room, draw)
        room.simulator_state["rt_needed"] = False  # done here: pyroomacoustics' own synthesis takes 50 ms a source
    room.compute_rir()
    early = [np.asarray(by_source, dtype=np.float64) for by_source in room.rir[0]]
    whole = []
    for images, tail in zip(early, tails, strict=True):
        response = np.zeros(max(images.size, tail.size))
        response[: images.size] += images
        response[: tail.size] += tail
        whole.append(_darkened(response, draw.treble_t60_ratio, t60_s))
    return whole, "image sources + rays" if traced else "image sources"


def _tails(room: pra.ShoeBox, draw: RoomDraw) -> list[np.ndarray]:
    """Return what arrives by more than `_EARLY_ORDER` reflections, float64 [samples] for each source."""
    room.set_ray_tracing(n_rays=_RAYS, receiver_radius=0.5)
    with _LOCK:
        pra.seed(draw.seed, draw.seed)
        room.ray_tracing()
    width = int(room.rt_args["hist_bin_size_samples"])
    delay = pra.constants.get("frac_delay_length") // 2
    return [
        np.pad(_late_reflections(np.sum(histogram, axis=(0, 1)), width, draw, number), (delay, 0))
        for number, histogram in enumerate(room.rt_histograms[0])
    ]


def _late_reflections(energy: np.ndarray, width: int, draw: RoomDraw, number: int) -> np.ndarray:
    """Return reflections of random sign, at random samples, with `energy` [bins] in each bin of `width` samples."""
    rng = np.random.default_rng([draw.seed, number])
    size = energy.size * width
    time_s = np.arange(size) / SAMPLE_RATE
    per_second = np.minimum(4 * np.pi * _SPEED_OF_SOUND**3 * time_s**2 / np.prod(draw.dimensions), _DENSEST)
    reflections = np.where(rng.random(size) < per_second / SAMPLE_RATE, rng.choice((-1.0, 1.0), size), 0.0)
    around = uniform_filter1d(np.square(reflections), 2 * width, mode="constant") * width  # energy in a bin's length
    smooth = np.interp(np.arange(size), (np.arange(energy.size) + 0.5) * width, energy)
    return reflections * np.sqrt(smooth / np.maximum(around, 1e-3))


def _darkened(response: np.ndarray, treble_t60_ratio: float, t60_s: float) -> np.ndarray:
    """Return `response` with T60 above 2 kHz multiplied by `treble_t60_ratio`."""
    rate = _LN_60_DB / t60_s * (1 / treble_t60_ratio - 1)
    size = next_fast_len(response.size + SAMPLE_RATE // 20, real=True)  # zeros: the end rings into them
    share = 1 / (1 + (rfftfreq(size, 1 / SAMPLE_RATE) / _TREBLE_HZ) ** 4)
    bass = irfft(rfft(response, size) * share, size)[: response.size]
    return bass + (response - bass) * np.exp(-rate * _since(find_direct(response), response.size))


def _since(direct: int, size: int) -> np.ndarray:
    return np.maximum(np.arange(size) - direct, 0) / SAMPLE_RATE


def _with_t60(response: np.ndarray, direct: int, target_s: float) -> np.ndarray:
    """Return `response` under the envelope from `direct` on that brings its Schroeder T60 to `target_s`.

    False position on the rate of the envelope; the nearest of what was tried is returned.
    """
    time_s = _since(direct, response.size)
    tried: list[tuple[float, float, np.ndarray]] = []  # (|error|, rate, response)
    low, high = -1.0 / target_s, 2 * _LN_60_DB / target_s
    low_error, high_error = np.inf, -1.0
    rate = 0.0
    for _ in range(12):
        shaped = response * np.exp(-rate * time_s)
        measured = measure_t60(shaped)
        error = measured / target_s - 1 if measured > 0 else np.inf  # growth instead of decay
        tried.append((abs(error), rate, shaped))
        if abs(error) < 0.01:
            break
        if error > 0:
            low, low_error = rate, error
        else:
            high, high_error = rate, error
        if np.isfinite(low_error) and high_error > -1.0:
            weight = np.clip(low_error / (low_error - high_error), 0.1, 0.9)
            rate = float(low + weight * (high - low))
        else:
            rate = (low + high) / 2 if np.isinf(error) else float(np.clip(rate + _step(measured, target_s), low, high))
    return min(tried, key=lambda each: each[0])[2]


def _step(measured_s: float, target_s: float) -> float:
    """Return the change of an envelope's rate that would mend an exponential decay."""
    return 1.2 * _LN_60_DB * (1 / target_s - 1 / measured_s)
