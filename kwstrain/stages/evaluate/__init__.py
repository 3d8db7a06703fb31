"""Stage `evaluate`: what the exported model does on continuous sound, with the decoder that ships."""
