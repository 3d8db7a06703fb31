"""Command `experiments`: DVC's experiments side by side, as a page."""
