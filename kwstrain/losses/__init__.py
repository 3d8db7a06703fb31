"""Losses: of labels, and of a teacher's answers."""
