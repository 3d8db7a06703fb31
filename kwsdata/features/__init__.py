"""Stores of feature frames: what training maps into memory."""
