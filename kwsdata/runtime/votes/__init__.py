"""Votes by the name that `streaming.vote` gives them, and the one that params describe."""

from collections.abc import Callable

from kwsdata.params import StreamingParams
from kwsdata.runtime.votes.base import Vote
from kwsdata.runtime.votes.n_of_m import build_n_of_m

__all__ = ["VOTES", "Vote", "build_vote"]

VOTES: dict[str, Callable[[StreamingParams], Vote]] = {
    "n_of_m": build_n_of_m,
}


def build_vote(params: StreamingParams) -> Vote:
    """Return the vote that `params`, the block `streaming`, describe."""
    return VOTES[params.vote](params)
