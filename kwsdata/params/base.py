"""What every block of `params.yaml` shares: frozen, no unknown keys, errors that name the nearest valid key."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator


class Block(BaseModel):
    """One block of `params.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


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


def explain(path: Path, error: ValidationError, root: type[Block]) -> str:
    """Return the errors of `error` as lines a person can act on."""
    lines = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            names = _names_at(root, problem["loc"][:-1])
            key = str(problem["loc"][-1])
            deeper = [f"{name}.{key}" for name in names if key in _names_at(root, (*problem["loc"][:-1], name))]
            near = deeper or get_close_matches(key, names, n=1, cutoff=0.4)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else f"; valid: {', '.join(names)}."
            lines.append(f"unknown key {where!r}{hint}")
        elif problem["type"] == "missing":
            lines.append(f"{where!r} is missing")
        else:
            quotes = "; put a text in quotes" if problem["type"] == "string_type" else ""
            lines.append(f"{where} = {problem['input']!r}: {problem['msg'].removeprefix('Value error, ')}{quotes}")
    return f"{path}: " + "; ".join(lines)


def _names_at(block: Any, where: tuple[Any, ...]) -> list[str]:
    for part in where:
        if not (isinstance(block, type) and issubclass(block, BaseModel)):
            return []
        field = next((f for name, f in block.model_fields.items() if part in (name, f.alias)), None)
        if field is None:
            return []
        block = field.annotation
    if not (isinstance(block, type) and issubclass(block, BaseModel)):
        return []
    return [field.alias or name for name, field in block.model_fields.items()]
