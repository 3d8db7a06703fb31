#!/usr/bin/env bash
# The whole pipeline on the embedded default with small counts, in a scratch copy; the checkout stays as it is.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$scratch"
cd "$scratch"
git init --quiet . && git add -A && git -c user.name=tiny -c user.email=tiny@localhost commit --quiet -m "tiny run"
rm -rf .dvc/cache .dvc/tmp
python scripts/overlay.py tests/tiny.yaml
dvc repro
python - <<'PY'
import json
metrics = json.load(open("data/report/metrics.json"))
print(json.dumps(metrics, indent=2)[:2000])
PY
dvc status --quiet dvc.yaml && echo "tiny run: complete, and a second dvc repro has nothing to do"
