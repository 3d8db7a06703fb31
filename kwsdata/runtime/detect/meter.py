"""A level meter of the microphone on one line of a terminal."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform, dbfs

EVERY_S = 0.1  # between two readings
SILENT_DBFS = -85.0  # a microphone that is open hears its own noise above this
SILENT_S = 5.0
_LOWEST_DBFS, _WIDTH = -60.0, 30  # of the bar


class Meter:
    """Shows the peak of what is heard on `out`, if that is a terminal; warns once where only silence comes in."""

    def __init__(self, out: TextIO, warn: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._warn, self._clock = out, warn, clock
        self._shown = False
        self._next = 0.0
        self._peak = 0.0
        self._silent = 0  # samples
        self._warned = False

    def through(self, blocks: Iterable[Waveform]) -> Iterator[Waveform]:
        """Yield `blocks` [samples] at 16 kHz, each after its level was taken."""
        for block in blocks:
            peak = float(np.abs(block).max(initial=0.0))
            self._silent = self._silent + block.size if dbfs(peak) < SILENT_DBFS else 0
            if self._silent >= SILENT_S * SAMPLE_RATE and not self._warned:
                self._warned = True
                self.clear()
                self._warn(
                    f"nothing comes in from the microphone (under {SILENT_DBFS:g} dBFS for {SILENT_S:g} s): unmute it, "
                    "or choose another of --list-devices with --device."
                )
            self._peak = max(self._peak, peak)
            if self._out.isatty() and self._clock() >= self._next:
                self._next = self._clock() + EVERY_S
                self._show()
            yield block

    def clear(self) -> None:
        """Take the line off the terminal, so that another can be written."""
        if self._shown:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._shown = False

    def _show(self) -> None:
        level = dbfs(self._peak)
        bar = "#" * round(_WIDTH * min(max(1 - level / _LOWEST_DBFS, 0.0), 1.0))
        self._out.write(f"\r\x1b[K{max(level, -99.0):4.0f} dBFS [{bar:<{_WIDTH}}]{' too loud' if level >= 0 else ''}")
        self._out.flush()
        self._shown, self._peak = True, 0.0
