"""Training: batches, the loop, checkpoints, logs. Students, teachers and trunks are trained by it."""
