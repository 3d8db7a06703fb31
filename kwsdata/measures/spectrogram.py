"""Draw spectrograms as PNG bytes, without a plotting library."""

import struct
import zlib

import numpy as np

from kwsdata.audio import Waveform

_COLOURS = np.asarray(
    [(8, 8, 24), (44, 18, 90), (140, 41, 105), (222, 90, 58), (252, 170, 60), (252, 250, 200)], np.float64
)
_FFT = 512  # 32 ms: tells the harmonics of a voice apart
_RANGE_DB = 75.0


def spectrogram_png(wave: Waveform, columns: int) -> bytes:
    """Return a PNG of 257 rows: `wave` [samples] from left to right in `columns`, 0 to 8 kHz from bottom to top.

    The brightest is the loudest place; what is 75 dB below it is black.
    """
    starts = np.linspace(0, max(wave.size - 1, 0), max(columns, 1)).astype(int)
    padded = np.pad(wave, (_FFT // 2, _FFT))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[starts]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_FFT), axis=1)))
    level = 10 * np.log10(np.maximum(power, 1e-12))
    return png_of(to_colours(np.clip((level - level.max()) / _RANGE_DB + 1, 0, 1).T[::-1]))


def to_colours(bright: np.ndarray) -> np.ndarray:
    """Return brightness in [0, 1] [rows, columns] as colours, uint8 [rows, columns, 3]."""
    place = bright * (len(_COLOURS) - 1)
    low = np.minimum(place.astype(int), len(_COLOURS) - 2)
    share = (place - low)[..., None]
    return np.round(_COLOURS[low] * (1 - share) + _COLOURS[low + 1] * share).astype(np.uint8)


def png_of(image: np.ndarray) -> bytes:
    """Return a PNG of `image` uint8 [rows, columns, 3] (8-bit RGB, no filter)."""
    rows, columns, _ = image.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = np.concatenate([np.zeros((rows, 1), np.uint8), image.reshape(rows, -1)], axis=1)
    head = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    packed = zlib.compress(lines.tobytes(), 6)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
