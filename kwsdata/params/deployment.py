"""The block of what is shipped."""

from typing import Annotated

from pydantic import Field

from kwsdata.params.base import Block


class EspHomeParams(Block):
    """What the manifest of microWakeWord needs beside what is measured."""

    sliding_window_sizes: list[Annotated[int, Field(ge=1)]] = Field(min_length=1)  # decisions averaged; tried on dev
    minimum_esphome_version: str


class BundleParams(Block):
    """Who ships the model, and what goes with it."""

    author: str
    website: str
    licence: str  # of the model files, an SPDX name
    openwakeword: bool  # bring the teacher's head and its two networks too (3 MB)
    esphome: EspHomeParams
