"""Run tasks anywhere and keep what they finished: executor, cache, downloads, DVC."""
