"""Clips: cuts in manifests, sound in shards, corpora of both, partitions, and who decided what about a clip."""
