#!/usr/bin/env bash
# Build detect.c against the libraries inside two wheels: examples/c/build.sh [OUTPUT]
#   pip install pymicro-wakeword pymicro-features
set -euo pipefail
output=${1:-detect}
find_file() { python -c 'import importlib.util as u, pathlib as p, sys
print(next(p.Path(u.find_spec(sys.argv[1]).origin).parent.glob(sys.argv[2])))' "$1" "$2"; }
tflite=$(find_file pymicro_wakeword 'lib/libtensorflowlite_c.so')
frontend=$(find_file pymicro_features '../micro_features_cpp*.so')
"${CC:-cc}" -O2 -Wall -Wextra -Werror -std=c11 "$(dirname "$0")/detect.c" -o "$output" "$tflite" "$frontend" \
    -Wl,--unresolved-symbols=ignore-in-shared-libs "-Wl,-rpath,$(dirname "$tflite")" "-Wl,-rpath,$(dirname "$frontend")"
