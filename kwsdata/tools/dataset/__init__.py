"""Commands about the whole dataset: stats, hashes, differences, provenance."""
