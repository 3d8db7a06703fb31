"""`kwstrain detect`: a trained model over sound files of any length, or the microphone. Needs no training stack."""
