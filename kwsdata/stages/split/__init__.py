"""Stage `split`: each speaker, voice and noise source goes to one of train, dev, test."""
