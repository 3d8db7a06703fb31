"""Experiments: ablations, their comparison, and the page of DVC's experiments."""
