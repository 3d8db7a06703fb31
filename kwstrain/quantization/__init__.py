"""Students folded to a short list of operations, and their arithmetic in 8-bit integers."""
