"""Decode formats that libsndfile does not know (AAC, WebM, WMA...) through the program ffmpeg.

ffmpeg is told the format (it guesses nothing, so that a playlist in a sound file's clothes is not followed), may open
that one file and nothing else, and sends float32 WAV through a pipe. Any error that it reports is the file's.
"""

import os
import re
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from kwsdata.errors import AudioError
from kwsdata.soundfiles.streams import Samples, wav_samples

PATIENCE_S = 60  # without a byte: then it is stuck
_MOST_SAID = 4096  # bytes of its messages that are looked at


class _Pipe:
    """What ffmpeg sends, as it comes; an AudioError where nothing does."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe

    def read(self, most: int) -> bytes:
        """Return at most `most` bytes, b"" at the end."""
        if not select.select([self._pipe], [], [], PATIENCE_S)[0]:
            raise AudioError(f"cannot be decoded (ffmpeg gave nothing for {PATIENCE_S} s)")
        return os.read(self._pipe.fileno(), most)


class Decoding:
    """A running ffmpeg: how its samples are written, and `pipe` from the first of them on."""

    def __init__(self, pipe: Any, samples: Samples, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        self.pipe, self.samples = pipe, samples
        self._process, self._said = process, said

    def fault(self) -> str | None:
        """Return what ffmpeg, which has sent all it sends, found wrong with the file; None if nothing."""
        failed = self._process.wait() != 0
        words = _words(self._said)
        return f"cannot be decoded (ffmpeg: {words})" if failed or words else None


@contextmanager
def decoding(path: Path, demuxer: str, name: str) -> Iterator[Decoding]:
    """Decode the first sound of the file `path` with ffmpeg; `name` is the format in words.

    Raises:
        AudioError: ffmpeg is not installed, or the file holds no sound that it decodes.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(f"is {name}, which needs ffmpeg: install it (`apt install ffmpeg`), or convert it to WAV")
    command = [
        *(program, "-nostdin", "-hide_banner", "-loglevel", "error", "-xerror", "-threads", "1"),
        *("-protocol_whitelist", "file", "-f", demuxer, "-i", f"file:{path.absolute()}"),
        *("-map", "0:a:0", "-codec:a", "pcm_f32le", "-f", "wav", "-bitexact", "-"),
    ]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
        assert process.stdout is not None
        try:
            pipe: Any = _Pipe(process.stdout)
            try:
                samples = wav_samples(pipe)
            except AudioError as error:
                words = _words(said)
                raise AudioError(f"cannot be decoded (ffmpeg: {words})" if words else str(error)) from None
            assert samples is not None  # it was told to write float32
            yield Decoding(pipe, samples, process, said)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _words(said: IO[bytes]) -> str:
    """Return the first line that ffmpeg wrote, without addresses and paths: the same on every machine."""
    said.seek(0)
    lines = said.read(_MOST_SAID).decode(errors="replace").splitlines()
    plain = (re.sub(r"\[[^\]]*@ 0x[0-9a-f]+\] ?|file:.*?: ?| \(0x[0-9a-f]+\)", "", line).strip() for line in lines)
    first = next((line for line in plain if line), "")
    return "it holds no sound" if "matches no streams" in first else first
