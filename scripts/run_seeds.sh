#!/usr/bin/env bash
# One named experiment a seed, and its numbers kept for scripts/compare_runs.py:
#   scripts/run_seeds.sh NAME "1 2 3" [-S block.key=value ...]
# makes the DVC experiments NAME-s1, NAME-s2, NAME-s3 and data/runs/NAME-s1/{metrics.json,events.jsonl.gz}, ...
set -euo pipefail
name=$1
seeds=$2
shift 2
for seed in $seeds; do
  run="$name-s$seed"
  if [ -f "data/runs/$run/metrics.json" ]; then
    echo "$run: done before"
    continue
  fi
  dvc exp run --name "$run" -S "train.seed=$seed" "$@"
  mkdir -p "data/runs/.$run"
  cp data/evaluate/metrics.json data/evaluate/events.jsonl.gz params.yaml "data/runs/.$run/"
  mv "data/runs/.$run" "data/runs/$run"
done
