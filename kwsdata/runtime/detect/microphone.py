"""Read the microphone as 16 kHz mono blocks. Needs the extra `mic`."""

import queue
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.errors import AudioError, MissingExtraError
from kwsdata.soundfiles.channels import at_project_rate, one_channel, sane

BLOCK_S = 0.1


def microphones() -> list[str]:
    """Return a line for each device that can be listened to: number, name, channels, rate; the default one says so.

    Raises:
        MissingExtraError: `sounddevice` is not installed.
        AudioError: PortAudio is missing.
    """
    sounddevice = _sounddevice()
    default = _default_number(sounddevice)
    return [
        f"{number}\t{device['name']}\t{device['max_input_channels']} channels\t{device['default_samplerate']:.0f} Hz"
        + ("\tdefault" if number == default else "")
        for number, device in enumerate(sounddevice.query_devices())
        if device["max_input_channels"] > 0
    ]


def microphone_blocks(device: str | None, warn: Callable[[str], None]) -> Iterator[Waveform]:
    """Yield what a microphone hears, float32 [samples] at 16 kHz, 0.1 s at a time, for ever.

    Args:
        device: its number or a part of its name, as `microphones` lists them; None: the default one.
        warn: what to do with a line, once, if samples were lost because this program was too slow.

    Raises:
        MissingExtraError: `sounddevice` is not installed.
        AudioError: PortAudio is missing, there is no such device, or it cannot be opened.
    """
    sounddevice = _sounddevice()
    heard: queue.Queue[tuple[Waveform, bool]] = queue.Queue()

    def keep(block: np.ndarray, frames: int, time: Any, status: Any) -> None:
        heard.put((one_channel(sane(block)[0]), bool(status)))

    which: str | int | None = int(device) if device is not None and device.isdecimal() else device
    try:
        rate = int(sounddevice.query_devices(which, kind="input")["default_samplerate"])
        stream = sounddevice.InputStream(
            device=which, samplerate=rate, channels=1, dtype="float32", blocksize=round(BLOCK_S * rate), callback=keep
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        asked = "no microphone" if device is None else f"the microphone {device!r}"
        cannot = "can be opened" if device is None else "cannot be opened"
        raise AudioError(
            f"{asked} {cannot} ({error}): `kwstrain detect --list-devices` lists what there is; or give sound files."
        ) from None
    with stream:
        yield from at_project_rate(_endless(heard, warn), rate)


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise MissingExtraError("sounddevice", "mic", "kwstrain detect --mic") from None
    except OSError as error:  # sounddevice is there, the C library below it is not
        raise AudioError(
            f"the microphone needs PortAudio ({error}): on Debian type `apt install libportaudio2`."
        ) from None
    return sounddevice


def _default_number(sounddevice: Any) -> int | None:
    try:
        return int(sounddevice.query_devices(kind="input")["index"])
    except (sounddevice.PortAudioError, ValueError):
        return None


def _endless(heard: queue.Queue[tuple[Waveform, bool]], warn: Callable[[str], None]) -> Iterator[Waveform]:
    warned = False
    while True:
        block, lost = heard.get()
        if lost and not warned:
            warned = True
            warn("some sound of the microphone was lost: this machine is too slow, or too busy.")
        yield block
