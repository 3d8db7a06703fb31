"""Measure a detector on continuous sound: DET curves, events, intervals, and the choice of a threshold."""
