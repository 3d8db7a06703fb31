"""Stage `check`: proves that partitions never touch and that the sound is what it says; fails the pipeline if not."""
