#!/usr/bin/env bash
# Install the package under each supported Python in a fresh environment, and try it: one line each, fails if one fails.
#
#   scripts/python_matrix.sh                      the base install: the commands and the public names
#   EXTRAS=all,dev scripts/python_matrix.sh       every extra and the fast tests (`pytest -m "not slow"`); 9 GB a version
#   PYTHONS="3.12 3.13" scripts/python_matrix.sh  these alone
#   TESTS="tests/test_cli.py tests/kwstrain/losses"   with EXTRAS: these tests alone; all take an hour and more
#
# An interpreter is taken from PATH, from pyenv, or fetched by uv (`pip install uv`) where there is a network; where none
# is to be had the line says so. Exact versions are those of constraints.txt.
set -uo pipefail
cd "$(dirname "$0")/.."
here=$PWD
extras=${EXTRAS:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

interpreter() { # print the path of Python $1, if there is one
  local found
  for found in "python$1" "$HOME/.pyenv/versions/$1".*/bin/python "$(uv python find --no-python-downloads "$1" 2> /dev/null)"; do
    if "$found" -c "import sys; sys.exit(sys.version_info[:2] != tuple(map(int, '$1'.split('.'))))" 2> /dev/null; then
      echo "$found"
      return
    fi
  done
  uv python install --quiet "$1" > "$scratch/uv.log" 2>&1 && uv python find "$1" 2> /dev/null
}

try() { # install under the interpreter $1 into the folder $2, and use what was installed
  "$1" -m venv "$2/venv" || return
  git archive HEAD | tar x -C "$2" || return
  "$2/venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt "$2${extras:+[$extras]}" || return
  cd "$2" || return
  if [[ ",$extras," == *,dev,* ]]; then
    PATH="$2/venv/bin:$PATH" "$2/venv/bin/python" -m pytest -q -m "not slow" ${TESTS:-}
  else
    "$2/venv/bin/kwsdata" --help && "$2/venv/bin/kwstrain" detect --help &&
      "$2/venv/bin/python" -c "import kwsdata; from kwstrain import load_detector; print(kwsdata.default_params().keyword)"
  fi
}

failed=0
for version in ${PYTHONS:-3.11 3.12 3.13}; do
  python=$(interpreter "$version")
  if [ -z "$python" ]; then
    echo "$version: not tried, no interpreter: $(tail -n 1 "$scratch/uv.log" 2> /dev/null || echo 'none on PATH, and no uv')"
    continue
  fi
  mkdir "$scratch/$version"
  if (try "$python" "$scratch/$version") > "$scratch/log" 2>&1; then
    echo "$("$python" --version): installed${extras:+ with $extras} and runs"
  else
    failed=1
    echo "$("$python" --version): FAILED"
    tail -n 20 "$scratch/log"
  fi
  cd "$here" && rm -rf "${scratch:?}/$version"
done
exit $failed
