"""Find copies of recordings again, whatever was done to them: speed, tempo, pitch, rooms, noise, codecs, cuts."""
