"""Block of the stage that trains students before the one that ships: for their false alarms, or as its teachers."""

from pydantic import Field

from kwsdata.params.base import Block


class EnsembleParams(Block):
    """How many students answer together, and what for. Each is trained as `train` says, with a seed of its own."""

    members: int = Field(ge=0)  # 0: none
    alarms_per_clip: int = Field(ge=0)  # of a negative of train: what the student hears for mined windows; 0: no alarms
    min_log_odds: float  # of an alarm
    teach: bool  # the student learns from their mean answers instead of from the teacher
