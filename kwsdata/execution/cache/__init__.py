"""The cache of finished work, keyed by inputs, params and code, so that an interrupted stage goes on.

A stage declares its kinds of work as `Step`s. DVC never sees this folder; deleting it costs time and nothing else.
"""

from kwsdata.execution.cache.code import PACKAGES, code_of
from kwsdata.execution.cache.entries import is_whole
from kwsdata.execution.cache.root import cache_root, note_timing, scratch_folder
from kwsdata.execution.cache.sealed import read_sealed, write_sealed
from kwsdata.execution.cache.step import STEPS, Step

__all__ = [
    "PACKAGES",
    "STEPS",
    "Step",
    "cache_root",
    "code_of",
    "is_whole",
    "note_timing",
    "read_sealed",
    "scratch_folder",
    "write_sealed",
]
