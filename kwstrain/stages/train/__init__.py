"""Stage `train`: feature frames become a student."""
