"""Exported networks: their description in model.json, and what runs each kind of file."""
