"""Train a student before the one that ships, for the false alarms that it raises."""
