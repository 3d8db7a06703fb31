"""What is measured of one sound: quality, fingerprint, spectrogram, where its word is, what is said in it."""
