"""`detect` with the tone model, in one call."""

import pytest

from kwsdata.files.atomic import read_json, write_json
from kwsdata.runtime.detect.command import detect


@pytest.fixture(scope="module")
def setting(tmp_path_factory, tone_model_dir):
    path = tmp_path_factory.mktemp("setting") / "operating_point.json"
    sha = read_json(tone_model_dir / "model.json")["sha256"]
    decoder = {"threshold": 0.5, "smooth": 1, "n": 3, "m": 5, "lockout_s": 1.0, "warm_up_s": 0.2}
    write_json(path, decoder | {"model_sha256": sha, "keyword": "beep"})
    return path


@pytest.fixture
def heard(tone_model_dir, setting):
    """Return a function that runs `detect` and gives its lines."""

    def run(files, **options) -> list[str]:
        lines: list[str] = []
        count = detect(files, tone_model_dir, setting, write=lines.append, **options)
        assert count == len(lines)
        return lines

    return run
