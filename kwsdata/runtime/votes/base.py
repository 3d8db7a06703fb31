"""Define what a vote is: the rule by which a decoder makes one number of the scores heard so far."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np


class Vote(ABC):
    """A causal rule on the scores of one stream, float32 in [0, 1]; scores before the stream's start are 0.

    Warm-up, threshold and lockout are the decoder's (`kwsdata.runtime.decoder`) and the same for every rule.
    """

    @abstractmethod
    def start(self) -> Callable[[np.float32], np.float32]:
        """Return a new stream: a function that takes the next score and returns the vote, in [0, 1].

        It is what a device runs: some numbers of state, one step a decision.
        """

    def whole(self, scores: np.ndarray) -> np.ndarray:
        """Return the votes of a whole stream, float32 [decisions], as `start` gives them one by one.

        A rule that can do so at once overrides this; the two must agree exactly.
        """
        push = self.start()
        return np.asarray([push(score) for score in scores], np.float32)
