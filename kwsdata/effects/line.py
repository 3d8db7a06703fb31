"""Send a clip over a telephone line or through a lossy codec; its onset stays in place.

libsndfile encodes and decodes (LAME, mpg123, libopus, G.711, GSM 06.10); decoders drop the encoder's delay.
"""

import io
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.effects.base import Effect, Take
from kwsdata.params.effects import CodecParams, TelephoneParams
from kwsdata.pools.materials import Materials
from kwsdata.transforms.filters import FREQUENCIES, apply_filter, butterworth_db
from kwsdata.transforms.levels import below_full_scale

_LINE_RATE = 8000  # Hz
_LINE_FORMATS = {"mulaw": ("RAW", "ULAW"), "alaw": ("RAW", "ALAW"), "gsm": ("WAV", "GSM610")}
_LINE_NAMES = {"mulaw": "G.711 mu-law", "alaw": "G.711 A-law", "gsm": "GSM 06.10"}
LINES = tuple(_LINE_FORMATS)
_BAND_DB = butterworth_db(FREQUENCIES, 300, 4, high_pass=True) + butterworth_db(FREQUENCIES, 3400, 8, high_pass=False)

_CODEC_FORMATS = {"mp3": ("MP3", "MPEG_LAYER_III"), "opus": ("OGG", "OPUS")}
CODECS = tuple(_CODEC_FORMATS)


@dataclass(frozen=True)
class TelephoneDraw:
    """Which codec: mulaw, alaw or gsm."""

    line: str


class Telephone(Effect[TelephoneParams, TelephoneDraw]):
    """Send it over a telephone line: 300-3400 Hz, 8 kHz, a codec of the network (G.711 mu-law or A-law, GSM 06.10)."""

    name = "telephone"
    params = TelephoneParams
    draw_type = TelephoneDraw

    def draw(self, rng: np.random.Generator, params: TelephoneParams, materials: Materials) -> TelephoneDraw:
        """Draw a codec."""
        return TelephoneDraw(LINES[int(rng.integers(len(LINES)))])

    def apply(self, take: Take, draw: TelephoneDraw, materials: Materials) -> Take:
        """Return the take [n] as heard over the line: [n], nothing above 4 kHz."""
        return take.with_wave(over_telephone(below_full_scale(take.wave), draw.line))

    def describe(self, draw: TelephoneDraw) -> str:
        """Return the line in words."""
        return f"Over a telephone line ({_LINE_NAMES.get(draw.line, draw.line)})."


def over_telephone(wave: Waveform, line: str) -> Waveform:
    """Return `wave` [n] in [-1, 1] as heard over a `line` of `LINES`: [n]."""
    if wave.size == 0:
        return wave
    narrow = below_full_scale(soxr.resample(apply_filter(wave, _BAND_DB), SAMPLE_RATE, _LINE_RATE, quality="HQ"))
    if narrow.size == 0:
        return np.zeros_like(wave)
    coded = round_trip(narrow, _LINE_RATE, *_LINE_FORMATS[line])
    heard = soxr.resample(coded, _LINE_RATE, SAMPLE_RATE, quality="HQ")[: wave.size]
    return np.pad(heard, (0, wave.size - heard.size))


@dataclass(frozen=True)
class CodecDraw:
    """`compression` in [0, 1]: 0 is the codec's best quality, 1 its smallest file (libsndfile's scale)."""

    codec: str
    compression: float


class Codec(Effect[CodecParams, CodecDraw]):
    """Send it through MP3 or Opus and back."""

    name = "codec"
    params = CodecParams
    draw_type = CodecDraw

    def draw(self, rng: np.random.Generator, params: CodecParams, materials: Materials) -> CodecDraw:
        """Draw one of `codecs`, and a compression uniform in [0.3, 1]: the audible part of the scale."""
        return CodecDraw(params.codecs[int(rng.integers(len(params.codecs)))], float(rng.uniform(0.3, 1.0)))

    def apply(self, take: Take, draw: CodecDraw, materials: Materials) -> Take:
        """Return the take [n] after encoding and decoding: [n]."""
        file_format, subtype = _CODEC_FORMATS[draw.codec]
        wave = below_full_scale(take.wave)
        return take.with_wave(round_trip(wave, SAMPLE_RATE, file_format, subtype, draw.compression))

    def describe(self, draw: CodecDraw) -> str:
        """Return the codec and its compression in words."""
        return f"Through {draw.codec.upper()} and back, compression {draw.compression:.2f} of 1."


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
