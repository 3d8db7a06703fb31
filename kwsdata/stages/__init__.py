"""The stages of dvc.yaml, one package each: `kwsdata augment` runs `kwsdata.stages.augment`."""
