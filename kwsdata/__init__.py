"""kwsdata: versioned, augmented, hard-negative-mined datasets for wake words."""

__version__ = "0.1.0"
