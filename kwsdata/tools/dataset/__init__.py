"""The dataset as a product: what is in it, its hashes, what changed, where a clip comes from, who may share it."""
