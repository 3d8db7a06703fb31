"""The microphone as 16 kHz mono blocks, until interrupted. Needs the extra `mic`."""

import queue
from collections.abc import Iterator
from typing import Any

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.errors import AudioError, MissingExtraError
from kwstrain.detect.sound import at_project_rate

BLOCK_S = 0.1


def microphone_blocks() -> Iterator[Waveform]:
    """Yield what the default microphone hears, float32 [samples] at 16 kHz, 0.1 s at a time, for ever.

    Raises:
        MissingExtraError: `sounddevice` is not installed.
        AudioError: PortAudio is missing, or no microphone can be opened.
    """
    try:
        import sounddevice
    except ImportError:
        raise MissingExtraError("sounddevice", "mic", "kwstrain detect --mic") from None
    except OSError as error:  # sounddevice is there, the C library below it is not
        raise AudioError(
            f"the microphone needs PortAudio ({error}): on Debian type `apt install libportaudio2`."
        ) from None
    heard: queue.Queue[Waveform] = queue.Queue()

    def keep(block: np.ndarray, frames: int, time: Any, status: Any) -> None:
        heard.put(block.mean(axis=1, dtype=np.float32))

    try:
        rate = int(sounddevice.query_devices(kind="input")["default_samplerate"])
        stream = sounddevice.InputStream(
            samplerate=rate, channels=1, dtype="float32", blocksize=round(BLOCK_S * rate), callback=keep
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioError(f"no microphone can be opened ({error}): connect one, or give sound files.") from None
    with stream:
        yield from at_project_rate(_endless(heard), rate)


def _endless(heard: queue.Queue[Waveform]) -> Iterator[Waveform]:
    while True:
        yield heard.get()
