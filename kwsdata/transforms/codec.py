"""Round trips through lossy codecs: a clip is encoded and decoded, and comes back with the codec's marks, in place.

libsndfile does both (LAME, mpg123, libopus); decoders drop the encoder's delay, so that an onset stays where it was.
"""

import io
from dataclasses import dataclass

import numpy as np
import soundfile

from kwsdata.audio import SAMPLE_RATE, Waveform

_FORMATS = {"mp3": ("MP3", "MPEG_LAYER_III"), "opus": ("OGG", "OPUS")}
CODECS = tuple(_FORMATS)


@dataclass(frozen=True)
class CodecDraw:
    """`compression` in [0, 1]: 0 is the codec's best quality, 1 its smallest file (libsndfile's scale)."""

    codec: str
    compression: float


def draw_codec(rng: np.random.Generator, codecs: list[str]) -> CodecDraw:
    """Draw one of `codecs`, and a compression uniform in [0.3, 1]: the audible part of the scale."""
    return CodecDraw(codecs[int(rng.integers(len(codecs)))], float(rng.uniform(0.3, 1.0)))


def apply_codec(wave: Waveform, draw: CodecDraw) -> Waveform:
    """Return `wave` [n] after encoding and decoding: [n]."""
    file_format, subtype = _FORMATS[draw.codec]
    return round_trip(wave, SAMPLE_RATE, file_format, subtype, draw.compression)


def round_trip(wave: Waveform, rate: int, file_format: str, subtype: str, compression: float | None = None) -> Waveform:
    """Return `wave` [n] after libsndfile has written and read it at `rate` Hz: [n], cut or filled up to its length."""
    if wave.size == 0:
        return wave
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, rate, format=file_format, subtype=subtype, compression_level=compression)
    buffer.seek(0)
    raw = {"samplerate": rate, "channels": 1, "subtype": subtype, "format": "RAW"} if file_format == "RAW" else {}
    heard = soundfile.read(buffer, dtype="float32", **raw)[0][: wave.size]
    return np.pad(heard, (0, wave.size - heard.size)) if heard.size < wave.size else heard
