"""Stage `quantize`: the float student becomes one that computes in 8-bit integers."""
