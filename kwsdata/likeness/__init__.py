"""How much a window of sound is like the keyword."""

from kwsdata.likeness.words import Words, centres
from kwsdata.likeness.yardstick import Near, Yardstick

__all__ = ["Near", "Words", "Yardstick", "centres"]
