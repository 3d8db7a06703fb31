"""Folded students: the operations that each family's `fold` gives, and what builds them."""
