"""kwsdata: versioned, augmented, hard-negative-mined datasets for wake words."""

__version__ = "0.2.0"
