"""Block of the stage that trains a student before the one that ships, for its false alarms."""

from pydantic import Field

from kwsdata.params.base import Block


class ScoutParams(Block):
    """What is kept of the scout's false alarms. It is trained as `train` says, with a seed of its own."""

    alarms_per_clip: int = Field(ge=0)  # of a negative of train: what the student hears for mined windows; 0: no scout
    min_log_odds: float  # of an alarm
