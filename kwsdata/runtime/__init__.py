"""Run what was exported: front ends, networks, decoder, bundles, detection. No torch, TensorFlow or Lhotse."""
