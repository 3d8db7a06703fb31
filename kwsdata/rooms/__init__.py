"""Rooms: drawn, simulated, and kept as banks of impulse responses."""
