"""kwsdata: versioned, augmented, hard-negative-mined datasets for wake words.

Names for programs are imported when they are first asked for: `import kwsdata` is fast and needs no extra.
"""

from kwsdata.lazy import lazy_names

__version__ = "0.2.0"

# name: its module. `__init__.pyi` says the same to type checkers.
_MODULES = {
    "Augmented": "kwsdata.api.augmenting",
    "Match": "kwsdata.api.searching",
    "Params": "kwsdata.params",
    "Room": "kwsdata.api.rooms",
    "SoundIndex": "kwsdata.api.searching",
    "augment_wave": "kwsdata.api.augmenting",
    "change_params": "kwsdata.api.params",
    "default_params": "kwsdata.api.params",
    "embed_wave": "kwsdata.api.searching",
    "load_cuts": "kwsdata.api.datasets",
    "load_params": "kwsdata.params",
    "render_again": "kwsdata.api.augmenting",
    "simulate_room": "kwsdata.api.rooms",
    "sound_materials": "kwsdata.api.augmenting",
}
__all__ = list(_MODULES)
__getattr__, __dir__ = lazy_names(__name__, globals(), _MODULES)
