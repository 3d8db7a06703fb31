"""Lay a YAML file over params.yaml and params/, in place: `python scripts/overlay.py tests/tiny.yaml [params.yaml]`.

Each key goes into the file that it belongs in.
"""

import sys
from pathlib import Path

import yaml

from kwsdata import change_params

if __name__ == "__main__":
    change_params(yaml.safe_load(Path(sys.argv[1]).read_text()), Path(*sys.argv[2:] or ["params.yaml"]))
