"""What every block of params shares: frozen, no unknown keys, errors that name the nearest valid key."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator


class Block(BaseModel):
    """One block of params.

    `moved`: keys that it had once, and where they are now, seen from it. `renamed_items`: {key of a list of names:
    {name that stood in it once: its name now}}.
    """

    moved: ClassVar[Mapping[str, str]] = {}
    renamed_items: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _no_old_items(cls, values: Any) -> Any:
        for key, names in cls.renamed_items.items():
            items = values.get(key) if isinstance(values, Mapping) else None
            for item in items if isinstance(items, list) else ():
                if isinstance(item, str) and item in names:
                    raise ValueError(f"{key} holds {item!r}: it is {names[item]!r} now")
        return values


class Range(Block):
    """A closed range `{low, high}` that a value is drawn from."""

    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low = {self.low:g} is above high = {self.high:g}")
        return self

    def draw(self, rng: Any) -> float:
        """Return a number uniform in [low, high] from the numpy generator `rng`."""
        return float(rng.uniform(self.low, self.high))


def explain(
    path: Path, error: ValidationError, root: type[Block], file_of: Callable[[tuple[Any, ...]], Path] | None = None
) -> str:
    """Return the errors of `error` as lines a person can act on.

    Args:
        path: the file that was read.
        error: what the schema says of its values.
        root: the schema.
        file_of: tells which file a key stands in, where there are several.
    """
    found: dict[Path, list[str]] = {}
    for problem in error.errors():
        lines = found.setdefault(file_of(problem["loc"]) if file_of else path, [])
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            key = str(problem["loc"][-1])
            if new := moved_to(root, where):
                lines.append(f"unknown key {where!r}: it is {new!r} now")
                continue
            names = _names_at(root, problem["loc"][:-1])
            deeper = [f"{name}.{key}" for name in names if key in _names_at(root, (*problem["loc"][:-1], name))]
            near = deeper or get_close_matches(key, names, n=1, cutoff=0.4)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else f"; valid: {', '.join(names)}."
            lines.append(f"unknown key {where!r}{hint}")
        elif problem["type"] == "missing":
            lines.append(f"{where!r} is missing")
        else:
            quotes = "; put a text in quotes" if problem["type"] == "string_type" else ""
            value = "" if isinstance(problem["input"], Mapping) else f" = {problem['input']!r}"
            lines.append(f"{where}{value}: {problem['msg'].removeprefix('Value error, ')}{quotes}")
    return "; ".join(f"{file}: {'; '.join(lines)}" for file, lines in found.items())


def moved_to(root: type[Block], name: str) -> str | None:
    """Return what the key `name` ("block.key", or deeper) of an older params.yaml is called now; None if it never was.

    >>> from kwsdata.params import Params
    >>> moved_to(Params, "augment.snr_db.low")
    'augment.effects.noise.snr_db.low'
    """
    parts = name.split(".")
    for depth in range(1, len(parts)):
        block = _block_at(root, tuple(parts[:depth]))
        if block is not None and (new := block.moved.get(parts[depth])):
            return ".".join([*parts[:depth], new, *parts[depth + 1 :]])
    return None


def _names_at(root: type[Block], where: tuple[Any, ...]) -> list[str]:
    block = _block_at(root, where)
    return [field.alias or name for name, field in block.model_fields.items()] if block is not None else []


def _block_at(root: type[Block], where: tuple[Any, ...]) -> type[Block] | None:
    """Return the block that lies at `where`; None where there is none."""
    block: Any = root
    for part in where:
        field = next((f for name, f in block.model_fields.items() if part in (name, f.alias)), None)
        block = field.annotation if field is not None else None
        if not (isinstance(block, type) and issubclass(block, Block)):
            return None
    return block
