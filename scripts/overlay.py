"""Lay a YAML file over params.yaml, in place: `python scripts/overlay.py tests/tiny.yaml [params.yaml]`."""

import sys
from pathlib import Path
from typing import Any

import yaml


def laid_over(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with the leaves of `top` in it; mappings are merged, all else is replaced."""
    merged = dict(base)
    for key, value in top.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = laid_over(merged[key], value) if both else value
    return merged


def main(overlay: str, target: str = "params.yaml") -> None:
    """Rewrite `target` with `overlay` laid over it."""
    values = laid_over(yaml.safe_load(Path(target).read_text()), yaml.safe_load(Path(overlay).read_text()))
    Path(target).write_text(yaml.safe_dump(values, sort_keys=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
