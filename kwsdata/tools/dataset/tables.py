"""Print the results of `stats` and `diff` as tables."""

from typing import Any

from rich.console import Console
from rich.table import Column, Table

_SHORT = 12  # characters of a value in a list of changes


def print_stats(found: dict[str, Any]) -> None:
    """Print one row a label of each part."""
    table = Table("part", "label", *(_right(name) for name in ("cuts", "hours")), "speakers", "corpora")
    for part, row in found.items():
        corpora = ", ".join(f"{name} {fields['hours']:g} h" for name, fields in row["corpora"].items())
        table.add_row(part, "all", str(row["cuts"]), f"{row['hours']:.2f}", str(row["speakers"]), corpora, style="bold")
        for label, fields in row["labels"].items():
            table.add_row("", label, str(fields["cuts"]), f"{fields['hours']:.2f}")
    _wide().print(table)


def print_diff(found: dict[str, Any]) -> None:
    """Print one row a part, and the first clips of each kind of change."""
    console = _wide()
    console.print(f"{_named(found['from'])} -> {_named(found['to'])}")
    if found["identical"]:
        console.print("no clip differs")
        return
    table = Table("part", *(_right(name) for name in ("added", "removed", "changed", "cuts", "hours", "speakers")),
                  "labels", "what changed")  # fmt: skip
    for part, row in found["parts"].items():
        labels = [f"{label} {_arrow(pair)}" for label, pair in row["labels"].items() if pair[0] != pair[1]]
        changes = ", ".join(f"{fact} {count}" for fact, count in row["changes"].items())
        counts = [str(row[kind]) for kind in ("added", "removed", "changed")]
        sums = [_arrow(row[name]) for name in ("cuts", "hours", "speakers")]
        table.add_row(part, *counts, *sums, ", ".join(labels), changes)
    console.print(table)
    for part, kinds in found["cuts"].items():
        for kind, cuts in kinds.items():
            for cut in cuts:
                console.print(f"  {part}  {kind}  {_line(cut)}", highlight=False)


def _line(cut: Any) -> str:
    if isinstance(cut, str):
        return cut
    facts = (f"{fact}: {_brief(pair[0])} -> {_brief(pair[1])}" for fact, pair in cut.items() if fact != "id")
    return f"{cut['id']}  {'; '.join(facts)}"


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 2 * _SHORT else f"{text[:_SHORT]}..."


def _named(state: dict[str, Any]) -> str:
    return f"{state['name']} ({state['commit'][:10]})" if state["commit"] else state["name"]


def _arrow(pair: list[Any]) -> str:
    old, new = (f"{value:g}" for value in pair)
    return new if old == new else f"{old} -> {new}"


def _right(name: str) -> Column:
    return Column(name, justify="right")


def _wide() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=160)
