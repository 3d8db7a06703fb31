"""kwstrain: the compact training stage behind kwsdata: train, export, evaluate, detect."""

__version__ = "0.2.0"
