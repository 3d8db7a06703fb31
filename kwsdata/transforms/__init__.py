"""Transforms of sound, one a file: a draw makes every random choice, an apply makes none.

A draw is a frozen dataclass of plain numbers and names, stored in the cut's recipe; `apply` is arithmetic on float32
[samples] at 16 kHz and gives the same samples for the same input, whatever ran before it.
"""
