"""Sound files of any length, rate and channel count as 16 kHz mono blocks: memory does not grow with the file."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.errors import AudioError

BLOCK_S = 5.0  # read at a time


def file_blocks(path: Path) -> Iterator[Waveform]:
    """Yield a sound file as blocks float32 [samples] at 16 kHz, channels averaged. Holds one block.

    Raises:
        AudioError: the file is missing or cannot be decoded, or breaks off.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError(
            f"{path} is {'a directory' if path.is_dir() else 'missing'}: give sound files (WAV, FLAC, OGG, MP3)."
        )
    try:
        with soundfile.SoundFile(str(path)) as sound:
            yield from at_project_rate(_mono_blocks(path, sound), sound.samplerate)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path} cannot be decoded ({error}): convert it to WAV or FLAC.") from None


def _mono_blocks(path: Path, sound: soundfile.SoundFile) -> Iterator[Waveform]:
    while True:
        try:
            block = sound.read(round(BLOCK_S * sound.samplerate), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            at_s = sound.tell() / sound.samplerate
            raise AudioError(f"{path} cannot be decoded past {at_s:.1f} s ({error}): the file is damaged.") from None
        if not len(block):
            return
        yield block.mean(axis=1, dtype=np.float32)


def at_project_rate(blocks: Iterable[Waveform], rate: int) -> Iterator[Waveform]:
    """Yield mono `blocks` at `rate` Hz as blocks at 16 kHz: the samples of resampling all at once, however cut."""
    if rate == SAMPLE_RATE:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
