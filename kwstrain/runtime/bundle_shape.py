"""What bundle.json must look like before anything in it is used: its models, its files, and that they agree."""

from typing import Any

from pydantic import Field, model_validator

from kwsdata.model_shape import Digest, FileName, ModelShape, Part, fault_in


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
