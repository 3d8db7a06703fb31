"""Command `inspect`: one clip beside its parents, to hear, to see and to read."""
