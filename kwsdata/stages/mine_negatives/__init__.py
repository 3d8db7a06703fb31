"""Stage `mine_negatives`: the sounds among the negatives that a detector of the keyword is likely to confuse."""
