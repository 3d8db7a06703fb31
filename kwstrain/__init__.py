"""kwstrain: the compact training stage behind kwsdata: train, export, evaluate, detect.

Names for programs are imported when they are first asked for: `import kwstrain` is fast and needs no extra.
"""

from kwsdata.lazy import lazy_names

__version__ = "0.2.0"

# name: its module below this package. `__init__.pyi` says the same to type checkers.
_MODULES = {
    "ClipDataset": "clips",
    "Detector": "detect.detector",
    "Event": "decoder",
    "load_detector": "detect.detector",
}
__all__ = list(_MODULES)
__getattr__, __dir__ = lazy_names(__name__, globals(), _MODULES)
