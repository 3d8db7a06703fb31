"""Augmentation effects: one class each. `kwsdata.effects.chain` lists them in the order in which they are done."""
