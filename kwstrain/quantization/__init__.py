"""A student as a short list of operations with its normalisation folded in: what is quantized and exported."""
