"""kwstrain: the compact training stage behind kwsdata: train, export, evaluate, detect.

Names for programs are imported when they are first asked for: `import kwstrain` is fast and needs no extra.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"

# name: its module below this package. `__init__.pyi` says the same to type checkers.
_PLACES = {
    "ClipDataset": "clips",
    "Detector": "detect.detector",
    "Event": "decoder",
    "load_detector": "detect.detector",
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
