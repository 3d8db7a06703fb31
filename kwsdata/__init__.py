"""kwsdata: versioned, augmented, hard-negative-mined datasets for wake words.

Names for programs are imported when they are first asked for: `import kwsdata` is fast and needs no extra.
"""

from kwsdata.lazy import lazy_names

__version__ = "0.2.0"

# name: its module below this package. `__init__.pyi` says the same to type checkers.
_MODULES = {
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
__all__ = list(_MODULES)
__getattr__, __dir__ = lazy_names(__name__, globals(), _MODULES)
