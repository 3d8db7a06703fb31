"""Block of the stage that trains several students, whose mean answers teach the one that ships."""

from pydantic import Field

from kwsdata.params.base import Block


class EnsembleParams(Block):
    """How many students answer together. Each is trained as the block `train` says, with a seed of its own."""

    members: int = Field(ge=0)  # 0: none, and the student learns from the teacher itself
