"""The model card: what a person must know before using a bundle. M. Mitchell et al., Model Cards, FAT* 2019."""

from pathlib import Path
from typing import Any

from kwsdata.files.atomic import atomic_path
from kwsdata.markdown import cell, plain
from kwstrain.pages.templating import templates_in


def write_card(path: Path, info: dict[str, Any], lock: dict[str, Any], metrics: dict[str, Any]) -> None:
    """Write the card of the bundle `info` (its bundle.json, not yet sealed) as Markdown."""
    environment = templates_in(Path(__file__).parent, escape=False)
    environment.filters |= {"percent": _percent, "rate": _rate, "plain": plain, "cell": cell}
    licences: dict[str, list[str]] = {}
    for source in [*info["sources"], *info["trunk"].get("sources", [])]:
        for licence in source["licences"]:
            names = licences.setdefault(licence, [])
            names += [source["name"]] if source["name"] not in names else []
    text = environment.get_template("card.md.j2").render(info=info, lock=lock, metrics=metrics, licences=licences)
    with atomic_path(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
