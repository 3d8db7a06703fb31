"""Train students before the one that ships, for the false alarms they raise, or to be its teachers."""
