"""kwsdata: versioned, augmented, hard-negative-mined datasets for wake words.

Names for programs are imported when they are first asked for: `import kwsdata` is fast and needs no extra.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"

# name: its module below this package. `__init__.pyi` says the same to type checkers.
_PLACES = {
    "Augmented": "api.augmenting",
    "Match": "api.searching",
    "Params": "params",
    "Room": "api.rooms",
    "SoundIndex": "api.searching",
    "augment_wave": "api.augmenting",
    "default_params": "api.params",
    "embed_wave": "api.searching",
    "load_cuts": "api.datasets",
    "load_params": "params",
    "render_again": "api.augmenting",
    "simulate_room": "api.rooms",
    "sound_materials": "api.augmenting",
}
__all__ = list(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
