"""Stage `compare`: the arms of the ablation against their baseline, losers included."""
