"""Pools that effects and streams draw sound from: noises, speech, rooms."""
