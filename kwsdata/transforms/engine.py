"""Choose the code that does the two costly things, warping and convolution: our own, SoX, or a torch device."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Literal

from kwsdata.audio import Waveform
from kwsdata.errors import ParamsError
from kwsdata.transforms.convolution import convolve
from kwsdata.transforms.warp import warp


@dataclass(frozen=True)
class Engine:
    """`warp(wave, pitch, duration)` and `convolve(wave, filter, length)`."""

    warp: Callable[[Waveform, float, float], Waveform]
    convolve: Callable[..., Waveform]


@lru_cache(maxsize=4)
def engine_for(name: Literal["fast", "sox"], device: str) -> Engine:
    """Return the engine that `params.yaml` asks for; what only one of them needs is imported when it is asked for.

    Args:
        name: "fast" (own kernels on scipy's FFT) or "sox" (the program, for warping).
        device: "cpu" (canonical), or a torch device that convolves and resamples.

    Raises:
        MissingProgramError: "sox", and it is not installed.
        ParamsError: torch has no such device here.
    """
    warper: Callable[[Waveform, float, float], Waveform] = warp
    convolver: Callable[..., Waveform] = convolve
    if device != "cpu":
        import torch

        from kwsdata.transforms.torch_engine import TorchEngine

        try:
            torch.zeros(1, device=device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise ParamsError(f"augment.device = {device!r} cannot be used here ({reason}): set it to cpu.") from None
        torch_engine = TorchEngine(device)
        warper, convolver = partial(warp, resample=torch_engine.resample), torch_engine.convolve
    if name == "sox":
        from kwsdata.transforms.sox import check_sox, sox_warp

        check_sox()
        warper = sox_warp
    return Engine(warper, convolver)
