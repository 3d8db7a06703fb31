"""Commands that are no stage: make a project, look at the dataset, inspect a clip, review, publish."""
