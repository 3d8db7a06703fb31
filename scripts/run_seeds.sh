#!/usr/bin/env bash
# One named experiment a seed, and its numbers kept for `kwstrain compare --runs data/runs`:
#   scripts/run_seeds.sh NAME "1 2 3" [-S block.key=value ...]
# makes the DVC experiments NAME-s1, NAME-s2, NAME-s3 and data/runs/NAME-s1/{evaluate/metrics.json,params.yaml,...}, ...
set -euo pipefail
name=$1
seeds=$2
shift 2
for seed in $seeds; do
  run="$name-s$seed"
  if [ -d "data/runs/$run" ]; then
    echo "$run: done before"
    continue
  fi
  dvc exp run --name "$run" -S "train.seed=$seed" "$@"
  mkdir -p "data/runs/.$run/evaluate"
  cp data/evaluate/metrics.json data/evaluate/events.jsonl.gz "data/runs/.$run/evaluate/"
  cp params.yaml "data/runs/.$run/"
  mv "data/runs/.$run" "data/runs/$run"
done
