"""Metrics of a wake-word detector on continuous sound. They load nothing: arrays in, numbers out."""
