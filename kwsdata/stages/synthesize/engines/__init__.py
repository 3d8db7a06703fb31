"""Speech engines by name; an engine's package is loaded when the engine is made."""

from functools import cache
from importlib import import_module

from kwsdata.errors import ParamsError
from kwsdata.stages.synthesize.engines.base import Engine, Request, Voice

__all__ = ["ENGINES", "Engine", "Request", "Voice", "load_engine"]

ENGINES = {
    "kokoro": "kwsdata.stages.synthesize.engines.kokoro:Kokoro",
    "espeak": "kwsdata.stages.synthesize.engines.espeak:Espeak",
    "piper": "kwsdata.stages.synthesize.engines.piper:Piper",
}


@cache
def load_engine(name: str, voices: tuple[str, ...] = ()) -> Engine:
    """Return the engine `name`, made once a process.

    Args:
        name: one of `ENGINES`.
        voices: paths of voice files, for engines that take them (piper).

    Raises:
        ParamsError: there is no such engine.
        MissingExtraError: its package is not installed.
    """
    if name not in ENGINES:
        raise ParamsError(f"synthesize.engines has {name!r}; the engines are {', '.join(ENGINES)}.")
    module, _, attribute = ENGINES[name].partition(":")
    factory = getattr(import_module(module), attribute)
    return factory(voices) if voices else factory()
