"""Measure how long an MP3 is by its frames.

libsndfile takes a file without such a count for one of constant bit rate, and stops reading at the length that follows:
of one with a varying rate it leaves out the end. Such files are decoded by miniaudio (dr_mp3).
"""

from collections.abc import Iterator
from pathlib import Path

import miniaudio
import numpy as np

from kwsdata.errors import AudioError

SLACK = 4 * 1152  # samples by which decoders differ in what they leave out at both ends


def promised_samples(source: Path | bytes) -> int:
    """Return how many samples a channel has, by the count that the file begins with or else by all of its frames.

    0 where that cannot be told.
    """
    try:
        if isinstance(source, bytes):
            return int(miniaudio.mp3_get_info(source).num_frames)
        return int(miniaudio.mp3_get_file_info(str(source)).num_frames)
    except UnicodeEncodeError:  # a name that miniaudio cannot be given
        return promised_samples(source.read_bytes()) if isinstance(source, Path) else 0
    except (miniaudio.MiniaudioError, OSError):
        return 0


def mp3_blocks(source: Path | bytes, rate: int, channels: int, most_frames: int) -> Iterator[np.ndarray]:
    """Yield an MP3 as float32 [frames, channels] at its own `rate`.

    Raises:
        AudioError: it cannot be decoded.
    """
    kind = (miniaudio.SampleFormat.FLOAT32, channels, rate)
    data = source if isinstance(source, bytes) else source.read_bytes()
    try:
        for block in miniaudio.stream_memory(data, *kind, frames_to_read=most_frames):
            yield np.asarray(block, np.float32).reshape(-1, channels)
    except miniaudio.MiniaudioError as error:
        raise AudioError(f"cannot be decoded ({error})") from None
