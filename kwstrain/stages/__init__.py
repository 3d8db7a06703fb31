"""The stages of dvc.yaml, one package each: `kwstrain train` runs `kwstrain.stages.train`."""
