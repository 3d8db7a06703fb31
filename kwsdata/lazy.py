"""Import a package's public names when they are first asked for, so that importing the package is fast."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, names: dict[str, Any], modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's `__getattr__` and `__dir__`.

    Args:
        package: its `__name__`.
        names: its `globals()`, where a name is kept once it is imported.
        modules: {public name: the module that defines it}.
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(modules[name]), name)
        names[name] = value
        return value

    def listed() -> list[str]:
        return sorted({*names, *modules})

    return get, listed
