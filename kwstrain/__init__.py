"""kwstrain: the compact training stage behind kwsdata: train, export, evaluate, detect.

Names for programs are imported when they are first asked for: `import kwstrain` is fast and needs no extra.
"""

from kwsdata.lazy import lazy_names

__version__ = "0.2.0"

# name: its module. `__init__.pyi` says the same to type checkers.
_MODULES = {
    "ClipDataset": "kwstrain.clips",
    "Detector": "kwsdata.runtime.detect.detector",
    "Event": "kwsdata.runtime.decoder",
    "load_detector": "kwsdata.runtime.detect.detector",
}
__all__ = list(_MODULES)
__getattr__, __dir__ = lazy_names(__name__, globals(), _MODULES)
