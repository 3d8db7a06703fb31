"""Read, resample and encode sound as the project holds it: float32 in [-1, 1], one channel, 16 kHz.

A `Waveform` is a 1-D float32 array, shape [samples]. Levels are in dB relative to full scale (a full-scale square
wave is 0 dBFS). Files are FLAC, 16 bits.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeAlias

import miniaudio
import numpy as np
import soundfile
import soxr

from kwsdata.errors import AudioError
from kwsdata.soundfiles.reader import open_sound

SAMPLE_RATE = 16_000  # Hz: everything past the importers.
FULL_SCALE = 32_768.0  # int16 steps per unit.
_FLAC_LEVEL = 0.2  # of [0, 1]: 15 % faster than libsndfile's default, files 2 % larger

Waveform: TypeAlias = np.ndarray


def read_audio(source: Path | bytes) -> tuple[Waveform, int]:
    """Decode a whole sound file to one channel at its own rate (channels are averaged).

    Args:
        source: a path, or the bytes of a sound file (see `kwsdata.soundfiles`).

    Returns:
        (wave [samples] float32, rate in Hz).

    Raises:
        AudioError: the file cannot be decoded.
    """
    with open_sound(source) as sound:
        return sound.read().mean(axis=1, dtype=np.float32), sound.rate


def resample(wave: Waveform, from_hz: int, to_hz: int = SAMPLE_RATE) -> Waveform:
    """Resample `wave` [samples] with soxr's high quality filter; same rate returns it unchanged."""
    if from_hz == to_hz or wave.size == 0:
        return wave
    return soxr.resample(wave, from_hz, to_hz, quality="HQ").astype(np.float32)


def to_int16(wave: Waveform) -> np.ndarray:
    """Round `wave` to int16 [samples]; values past full scale saturate."""
    steps = wave * np.float32(FULL_SCALE)
    np.rint(steps, out=steps)
    np.clip(steps, -FULL_SCALE, FULL_SCALE - 1, out=steps)  # a quarter of the time of a minimum of a maximum
    return steps.astype(np.int16)


@contextmanager
def flac_writer(file: IO[bytes], rate: int = SAMPLE_RATE, bits: int = 16) -> Iterator[Callable[[Waveform], None]]:
    """Yield a function that appends samples to a FLAC file of `bits` (16 or 24) a sample, one channel.

    The same samples give the same bytes, however they were cut. 24 bits are for impulse responses, whose tails lie
    60 dB and more below their peak. `file` is written from its start, and gone back in.
    """
    level = {"compression_level": _FLAC_LEVEL} if bits == 16 else {}
    with soundfile.SoundFile(file, "w", rate, 1, f"PCM_{bits}", format="FLAC", **level) as encoder:

        def write(wave: Waveform) -> None:
            if bits == 24:
                steps = np.clip(np.round(wave.astype(np.float64) * 2**23), -(2**23), 2**23 - 1).astype(np.int32) << 8
            else:
                steps = wave if wave.dtype == np.int16 else to_int16(wave)
            encoder.buffer_write(np.ascontiguousarray(steps), dtype=steps.dtype.name)

        yield write


def encode_flac(wave: Waveform, rate: int = SAMPLE_RATE, bits: int = 16) -> bytes:
    """Return FLAC bytes of `bits` (16 or 24) a sample: the same wave always gives the same bytes."""
    buffer = io.BytesIO()
    with flac_writer(buffer, rate, bits) as write:
        write(wave)
    return buffer.getvalue()


def decode_flac(data: bytes, start: int = 0, samples: int = -1) -> Waveform:
    """Return float32 [samples] from FLAC bytes that are already 16 kHz mono: all, or `samples` from `start` on.

    Raises:
        AudioError: not decodable, or another rate or channel count.
    """
    try:
        if start or samples >= 0:
            wave, rate = soundfile.read(io.BytesIO(data), samples, start, dtype="float32")
            shape: tuple[int, ...] = wave.shape
        else:  # dr_flac: the same samples as libFLAC's, in half of its time; a damaged file ends early
            whole = miniaudio.flac_read_f32(data)
            wave, rate = np.frombuffer(whole.samples, np.float32), whole.sample_rate
            shape = wave.shape if whole.nchannels == 1 else (wave.size // whole.nchannels, whole.nchannels)
            if shape[0] != int.from_bytes(data[21:26]) % 2**36:  # the length in STREAMINFO
                raise AudioError("cannot be decoded (its FLAC frames are damaged)")
    except (soundfile.LibsndfileError, RuntimeError, miniaudio.MiniaudioError) as error:
        raise AudioError(f"cannot be decoded ({error})") from None
    if rate != SAMPLE_RATE or len(shape) != 1:
        raise AudioError(f"is {rate} Hz with shape {shape}; stored audio is {SAMPLE_RATE} Hz mono")
    return wave


def rms(wave: Waveform) -> float:
    """Return the root mean square of `wave`, 0.0 for an empty one."""
    return float(np.sqrt(np.mean(np.square(wave, dtype=np.float64)))) if wave.size else 0.0


def dbfs(level: float) -> float:
    """Return `level` (linear, 1.0 = full scale) in dB; silence is -200 dB."""
    return 20.0 * float(np.log10(max(level, 1e-10)))


def active_span(wave: Waveform, below_peak_db: float = 35.0, frame: int = 160) -> tuple[int, int]:
    """Return [start, end) in samples of the stretch that is louder than `below_peak_db` under the loudest frame.

    Frames are `frame` samples (10 ms). A silent wave gives (0, samples).
    """
    frames = wave.size // frame
    if frames == 0:
        return 0, wave.size
    power = np.mean(np.square(wave[: frames * frame].reshape(frames, frame), dtype=np.float64), axis=1)
    if power.max() <= 0:
        return 0, wave.size
    loud = np.flatnonzero(power >= power.max() * 10 ** (-below_peak_db / 10))
    end = (int(loud[-1]) + 1) * frame
    return int(loud[0]) * frame, wave.size if end >= frames * frame else end
