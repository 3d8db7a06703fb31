"""Random number generators keyed by what they are for: the only place where randomness is made."""

import hashlib

import numpy as np


def digest_of(*key: object) -> str:
    """Return the SHA-256 hex digest of `key`'s parts, joined unambiguously."""
    parts = [str(part) for part in key]
    return hashlib.sha256("\0".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()


def rng_for(seed: int, *key: object) -> np.random.Generator:
    """Return the generator that belongs to (`seed`, `key`), whatever ran before it."""
    return np.random.default_rng(int(digest_of(seed, *key), 16))


def unit_for(seed: int, *key: object) -> float:
    """Return the number in [0, 1) that belongs to (`seed`, `key`)."""
    return int(digest_of(seed, *key)[:13], 16) / 16**13
