"""Files: written whole or not at all, read within limits, named below one folder."""
