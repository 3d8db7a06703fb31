"""Sound files as writers of all kinds leave them: headers never filled in, cut short, in any format."""

import io
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound import white_noise

RATE = 16_000
NEEDS_FFMPEG = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
NEEDS_SOX = pytest.mark.skipif(shutil.which("sox") is None, reason="SoX is not installed")


def noise(channels: int = 1, seconds: float = 0.5, seed: int = 0) -> np.ndarray:
    """Return noise, float32 [frames, channels], each channel its own."""
    return np.stack([white_noise(seed + channel, seconds) for channel in range(channels)], axis=1)


def encoded(wave: np.ndarray, kind: str = "WAV", subtype: str | None = "PCM_16", rate: int = RATE, **more) -> bytes:
    """Return the bytes of `wave` in libsndfile's format `kind`."""
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, rate, format=kind, subtype=subtype, **more)
    return buffer.getvalue()


def decoded(data: bytes) -> np.ndarray:
    """Return what libsndfile reads in `data`, float32 [frames, channels]."""
    return soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)[0]


def put_lengths(data: bytes, riff: int, samples: int, order: str = "<") -> bytes:
    """Return a WAV with these two lengths in its header."""
    changed = bytearray(data)
    at = data.index(b"data")
    changed[4:8] = struct.pack(f"{order}I", riff)
    changed[at + 4 : at + 8] = struct.pack(f"{order}I", samples)
    return bytes(changed)


def streamed_flac(wave: np.ndarray) -> bytes:
    """Return FLAC whose writer did not know how many samples would come: it cannot be gone about in."""
    data = bytearray(encoded(wave, "FLAC"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)  # the number of samples in STREAMINFO
    return bytes(data)


def by_ffmpeg(wave: np.ndarray, path: Path, *options: str, rate: int = RATE) -> Path:
    """Write `wave` with ffmpeg, in the format that the suffix names."""
    command = ["ffmpeg", "-v", "error", "-y", "-f", "wav", "-i", "-", *options, f"file:{path}"]
    subprocess.run(command, input=encoded(wave, rate=rate), check=True)
    return path
