"""What is heard and seen of a window: a WAV, and a log-mel spectrogram as a PNG."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from kwsdata.audio import SAMPLE_RATE, Waveform, to_int16
from kwsdata.clips.pieces import Piece, load_piece
from kwsdata.measures.spectrogram import png_of, to_colours
from kwsdata.runtime.front_ends.logmel import mel_filterbank

BEFORE_S, AFTER_S = 1.5, 1.0  # of sound around the middle of the window
_FFT, _HOP, _MELS = 512, 160, 64
_RANGE_DB = 70.0
_SCALE = 3  # pixels a mel band, and two a frame
_MARK = (255, 96, 64)


def window_of(piece: Piece, middle: int, root: Path = Path()) -> tuple[Waveform, int]:
    """Return (the sound around sample `middle` of the piece's recording, where in it the middle is).

    Raises:
        StageInputError: the shard or file is missing or truncated.
        AudioError: it is no sound.
    """
    start = max(0, middle - round(BEFORE_S * SAMPLE_RATE))
    end = min(piece.clip_samples, middle + round(AFTER_S * SAMPLE_RATE))
    return load_piece(replace(piece, start=start, samples=end - start), root=root), middle - start


def wav_of(wave: Waveform) -> bytes:
    """Return `wave` [samples] as a 16-bit WAV, made as loud as it can be: quiet recordings are to be judged too."""
    buffer = io.BytesIO()
    loudest = float(np.abs(wave).max(initial=0.0))
    soundfile.write(buffer, to_int16(wave * (0.9 / loudest) if loudest > 0 else wave), SAMPLE_RATE, format="WAV")
    return buffer.getvalue()


def spectrogram_of(wave: Waveform, middle: int, window: int) -> bytes:
    """Return a PNG: time to the right (10 ms are 2 pixels), mel bands upwards, a bar under the window compared.

    Args:
        wave: [samples].
        middle: sample in the middle of the window.
        window: its length in samples.
    """
    padded = np.pad(wave, (_FFT // 2, _FFT))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP][: max(1, wave.size // _HOP)]
    spectrum = np.fft.rfft(frames * np.hanning(_FFT), axis=1)
    mel = (np.square(spectrum.real) + np.square(spectrum.imag)) @ mel_filterbank(_FFT, _MELS, 60, 7800)
    level = 10 * np.log10(np.maximum(mel, 1e-10))
    bright = np.clip((level - level.max()) / _RANGE_DB + 1, 0, 1).T[::-1]
    image = np.repeat(np.repeat(to_colours(bright), _SCALE, axis=0), 2, axis=1)
    bar = np.zeros((6, image.shape[1], 3), np.uint8)
    first, last = (int(2 * at / _HOP) for at in (max(0, middle - window // 2), middle + window // 2))
    bar[2:, first:last] = _MARK
    return png_of(np.concatenate([image, bar]))
