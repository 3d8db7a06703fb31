"""Stage `index`: every clip of every corpus in one manifest, labelled for the keyword."""
