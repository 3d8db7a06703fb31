"""Arithmetic on sound that effects are made of: float32 [samples] at 16 kHz in, the same out, no random choice."""
