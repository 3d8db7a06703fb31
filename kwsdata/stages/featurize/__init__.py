"""Stage `featurize`: augmented clips and dev streams become feature frames on disk."""
