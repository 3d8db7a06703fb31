"""Teach a student's trunk what speech sounds like, before it learns a word."""
