"""Vectors of windows of sound: stored in shards, mapped into memory, searched with FAISS."""
