"""Decoders of tests, by their numbers."""

from kwsdata.params import StreamingParams
from kwsdata.runtime.decoder import DecoderConfig, rule_from


def rule(n: int, m: int, smooth: int = 1, lockout_s: float = 0.0) -> StreamingParams:
    """Return the block `streaming` of params.yaml with a vote of n of m."""
    return rule_from({"smooth": smooth, "n": n, "m": m, "lockout_s": lockout_s})


def config(
    threshold: float, n: int, m: int, lockout_s: float, smooth: int = 1, warm_up_s: float = 0.0
) -> DecoderConfig:
    """Return a decoder with a vote of n of m."""
    return DecoderConfig(rule(n, m, smooth, lockout_s), threshold, warm_up_s)
