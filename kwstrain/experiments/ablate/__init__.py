"""Stage `ablate`: one arm of the ablation with one seed, trained, exported and measured."""
