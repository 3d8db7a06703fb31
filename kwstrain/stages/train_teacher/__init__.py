"""Stage `train_teacher`: a large model that the student learns from."""
