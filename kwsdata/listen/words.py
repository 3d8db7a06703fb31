"""A recipe as sentences: one for each effect, in the order of the chain, with its numbers."""

from collections.abc import Callable
from math import log2
from typing import Any

from kwsdata.transforms.equalizer import BANDS_HZ

Draw = dict[str, Any]


def sentences(recipe: dict[str, Any], rooms: dict[str, dict[str, Any]]) -> list[str]:
    """Return what was done to a clip.

    Args:
        recipe: {effect: its draw} of an augmented clip, or the draw of one keyword of the noise+reverb grid.
        rooms: what the bank tells of the responses that are named ("t60_measured_s", "distance_m").
    """
    if "rir" in recipe:  # an event of the grid: its draw has no effects of its own
        recipe = {"reverb": {"rir": recipe["rir"]}, "noise": recipe}
    told = []
    for effect, draw in recipe.items():
        if effect == "reverb":
            told.append(_reverb(draw, rooms.get(draw["rir"], {})))
        elif isinstance(draw, dict):
            told.append(_SENTENCES[effect](draw) if effect in _SENTENCES else _plain(effect, draw))
    return told


def _fragment(draw: Draw) -> str:
    return f"Only a piece of it, about {draw['seconds']:.2f} s, from {draw['position']:.0%} of it on."


def _speed(draw: Draw) -> str:
    return f"Played {draw['factor']:.3f} times as fast, pitch with it ({12 * log2(draw['factor']):+.1f} semitones)."


def _tempo(draw: Draw) -> str:
    return f"Spoken {draw['factor']:.3f} times as fast at the same pitch."


def _pitch(draw: Draw) -> str:
    return f"Pitch moved by {draw['semitones']:+.1f} semitones at the same tempo."


def _context(draw: Draw) -> str:
    if draw.get("speech"):
        before = (
            f"{draw['lead_s']:.2f} s before it, in which {draw['speech']} is heard until {draw['gap_s']:.2f} s before "
            f"the clip, {draw['level_db']:+.1f} dB against it"
        )
    else:
        before = f"{draw['lead_s']:.2f} s of silence before it"
    return f"{before}; {draw['tail_s']:.2f} s after it."


def _shift(draw: Draw) -> str:
    return (
        f"Moved {abs(draw['seconds']):.2f} s {'later' if draw['seconds'] >= 0 else 'earlier'}, as far as the word fits."
    )


def _reverb(draw: Draw, room: dict[str, Any]) -> str:
    told = [f"T60 {room['t60_measured_s']:.2f} s"] if "t60_measured_s" in room else []
    told += [f"{room['distance_m']:.1f} m away"] if "distance_m" in room else []
    facts = f" ({', '.join(told)})" if told else ""
    return f"Heard in a room: {draw['rir']}{facts}."


def _noise(draw: Draw) -> str:
    return (
        f"Noise under it at an SNR of {draw['snr_db']:.1f} dB: {draw['noise']}, from {draw['position']:.0%} of it on."
    )


def _babble(draw: Draw) -> str:
    return (
        f"{len(draw['voices'])} other voices at once at an SNR of {draw['snr_db']:.1f} dB: {', '.join(draw['voices'])}."
    )


def _equalizer(draw: Draw) -> str:
    bands = ", ".join(f"{gain:+.1f} at {hz:g} Hz" for gain, hz in zip(draw["gains_db"], BANDS_HZ, strict=True))
    return f"A microphone that colours, dB: {bands}."


def _band_limit(draw: Draw) -> str:
    return f"Nothing below {draw['low_hz']:.0f} Hz and above {draw['high_hz']:.0f} Hz."


def _loudness(draw: Draw) -> str:
    return f"Brought to {draw['level_dbfs']:.1f} dBFS over its active frames."


def _clipping(draw: Draw) -> str:
    return f"Overdriven: the loudest {draw['fraction']:.1%} of the word's samples cut off."


def _telephone(draw: Draw) -> str:
    lines = {"mulaw": "G.711 mu-law", "alaw": "G.711 A-law", "gsm": "GSM 06.10"}
    return f"Over a telephone line ({lines.get(draw['line'], draw['line'])})."


def _codec(draw: Draw) -> str:
    return f"Through {draw['codec'].upper()} and back, compression {draw['compression']:.2f} of 1."


def _plain(effect: str, draw: Draw) -> str:
    return f"{effect.replace('_', ' ').capitalize()}: {', '.join(f'{name} {value}' for name, value in draw.items())}."


_SENTENCES: dict[str, Callable[[Draw], str]] = {
    "fragment": _fragment,
    "speed": _speed,
    "tempo": _tempo,
    "pitch": _pitch,
    "context": _context,
    "shift": _shift,
    "noise": _noise,
    "babble": _babble,
    "equalizer": _equalizer,
    "band_limit": _band_limit,
    "loudness": _loudness,
    "clipping": _clipping,
    "telephone": _telephone,
    "codec": _codec,
}
