"""Stage `export`: the trained student becomes files that a device can run."""
