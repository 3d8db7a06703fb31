"""A bank of room impulse responses, simulated and measured; every room in one partition."""
