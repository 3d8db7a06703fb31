"""The shapes of model.json and bundle.json: types, ranges and names of files, checked before anything in them is used.

A model may come from anybody. What is refused here would else be a traceback, endless memory, or a file elsewhere.
"""

import math
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from kwsdata.params import FeaturesParams
from kwsdata.params.training import VoteName

LARGEST_STATE = 1 << 20  # numbers in a state: those of a student are some thousands
_SAFE_NAME = re.compile(r"[^\x00-\x1f\x7f\\:*?\"<>|]+")


def _inside(name: str) -> str:
    """Return the path of a file if it is one below the bundle, on every system."""
    path = PurePosixPath(name)
    if (
        not path.parts
        or path.is_absolute()
        or ".." in path.parts
        or path.as_posix() != name
        or not _SAFE_NAME.fullmatch(name)
    ):
        raise ValueError("is no path of a file inside the bundle")
    return name


FileName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_inside)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Part(BaseModel):
    """A part of a description: types as they are written, no NaN; what else it says is let be."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


class _State(Part):
    name: str
    shape: list[Annotated[int, Field(ge=1)]] = Field(max_length=8)
    dtype: Literal["float32", "float16", "int8", "uint8", "int32", "int64"] = "float32"

    @model_validator(mode="after")
    def _small(self) -> "_State":
        if math.prod(self.shape) > LARGEST_STATE:
            raise ValueError(f"has more than {LARGEST_STATE} numbers")
        return self


class DecisionShape(Part):
    """The decoder's numbers. Any may be missing: an older version wrote none, which is said elsewhere."""

    threshold: float = Field(default=1, gt=0, le=1)
    vote: VoteName = "n_of_m"
    n: int = Field(default=1, ge=1, le=10_000)
    m: int = Field(default=1, ge=1, le=10_000)
    smooth: int = Field(default=1, ge=1, le=10_000)
    lockout_s: float = Field(default=0, ge=0, le=3600)
    warm_up_s: float = Field(default=0, ge=0, le=3600)

    @model_validator(mode="after")
    def _vote(self) -> "DecisionShape":
        if "m" in self.model_fields_set and self.n > self.m:
            raise ValueError("n is above m")
        return self


class ModelShape(DecisionShape):
    """One model file: what it hears and what it is given."""

    keyword: str
    file: FileName
    sha256: Digest
    backend: str
    hears: Literal["features", "embedded"] = "features"
    stride: int = Field(ge=1, le=1000)
    receptive_field_frames: int = Field(default=1, ge=1, le=1_000_000)
    states: list[_State] = Field(default=[], max_length=1000)
    features: Any = None

    @model_validator(mode="after")
    def _runs(self) -> "ModelShape":
        if self.hears == "features":
            FeaturesParams.model_validate(self.features)
        if self.backend.endswith("_clip") and self.receptive_field_frames < self.stride:
            raise ValueError("receptive_field_frames is below stride")
        return self


def fault_in(shape: type[Part], value: Any) -> str | None:
    """Return what of `value` is not of `shape`, in words; None if nothing is."""
    try:
        shape.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        said = first["msg"].removeprefix("Value error, ").splitlines()[0]
        return f"{place}: {said}{more}" if place else f"{said}{more}"
    return None


def initial_states(states: Sequence[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Return each state by name, in its shape.

    Args:
        states: `name` and `shape`; `initial`: numbers that broadcast to the shape, else 0; `dtype`, else float32.

    Raises:
        KeyError, TypeError, ValueError: they are no such description.
    """
    return {state["name"]: _filled(state) for state in states}


def _filled(state: dict[str, Any]) -> np.ndarray:
    value = np.asarray(state.get("initial", 0), state.get("dtype", "float32"))
    if value.dtype.kind not in "fiu" or math.prod(state["shape"]) > LARGEST_STATE:
        raise ValueError(f"{state['name']} is of {value.dtype}, or has more than {LARGEST_STATE} numbers")
    return np.ascontiguousarray(np.broadcast_to(value, state["shape"]))


class _File(Part):
    sha256: Digest
    bytes: int = Field(ge=0)


class _Description(Part):
    keyword: str
    default: str
    models: dict[FileName, ModelShape] = Field(min_length=1)
    files: dict[FileName, _File]

    @model_validator(mode="after")
    def _agrees(self) -> "_Description":
        if self.default not in self.models:
            raise ValueError(f"default = {self.default!r} is none of its models")
        for name, model in self.models.items():
            if model.file != name:
                raise ValueError(f"models.{name} names the file {model.file}")
            if name not in self.files:
                raise ValueError(f"models.{name} is none of its files")
            if model.sha256 != self.files[name].sha256:
                raise ValueError(f"models.{name} has another hash than files.{name}")
        return self


def fault_of(info: dict[str, Any]) -> str | None:
    """Return what is wrong with the contents of a bundle.json, in words; None if nothing is."""
    return fault_in(_Description, info)
