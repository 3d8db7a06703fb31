"""`ablation/params.yaml`, typed: which students are trained to be compared, and how the comparison is made."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from kwsdata.errors import ParamsError
from kwsdata.params import Params
from kwsdata.params.base import Block, explain, moved_to
from kwsdata.params.reading import read_values

DEFAULT_ABLATION = Path("ablation/params.yaml")

Arm = dict[str, Any]  # {"train.augmented_share": 0}: what it changes in params.yaml


class CompareParams(Block):
    """The first arm named `baseline` is what the others are compared with."""

    baseline: str
    resamples: int = Field(ge=100)  # of the bootstrap


class AblationParams(Block):
    """The whole of `ablation/params.yaml`."""

    arms: list[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]] = Field(min_length=1)
    seeds: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    changes: dict[str, Arm]
    compare: CompareParams

    @model_validator(mode="after")
    def _arms_are_described(self) -> Self:
        if missing := [arm for arm in self.arms if arm not in self.changes]:
            raise ValueError(f"changes lacks {', '.join(missing)}: say what each arm changes in params.yaml, or {{}}")
        if self.compare.baseline not in self.arms:
            raise ValueError(f"compare.baseline = {self.compare.baseline} is none of the arms {', '.join(self.arms)}")
        return self

    def asked(self, arms: str | None, seeds: str | None) -> Self:
        """Return these with the arms and seeds that a command line lists in place of the file's; the first arm leads.

        Raises:
            ParamsError: a name or a seed is none.
        """
        values = self.model_dump()
        if arms:
            names = arms.split(",")
            values |= {"arms": names, "changes": {name: {} for name in names} | self.changes}
            values["compare"] |= {"baseline": names[0]}
        if seeds:
            values["seeds"] = seeds.split(",")
        try:
            return self.model_validate(values)
        except ValidationError as error:
            raise ParamsError(explain(Path("--arms, --seeds"), error, type(self))) from None


def load_ablation(path: Path = DEFAULT_ABLATION) -> AblationParams:
    """Read and check a file like ablation/params.yaml.

    Raises:
        ParamsError: it is missing, not UTF-8 or not YAML; a key is unknown, missing, or has a value out of range.
    """
    try:
        return AblationParams.model_validate(read_values(path, AblationParams))
    except ValidationError as error:
        raise ParamsError(explain(path, error, AblationParams)) from None


def with_changes(params: Params, changes: Arm, path: Path = DEFAULT_ABLATION) -> Params:
    """Return `params` with each `block.key` of `changes` set, checked again.

    Raises:
        ParamsError: there is no such block or key, or the value is out of range.
    """
    values = params.model_dump(by_alias=True)
    for name, value in changes.items():
        *blocks, key = name.split(".")
        target: Any = values
        for block in blocks:
            target = target.get(block) if isinstance(target, dict) else None
        if not isinstance(target, dict) or key not in target:
            new = moved_to(Params, name)
            raise ParamsError(
                f"{path}: the params have no {name} that an arm could set{f': it is {new} now' if new else ''}."
            )
        target[key] = value
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise ParamsError(explain(path, error, Params)) from None
