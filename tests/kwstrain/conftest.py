"""A tiny world in which the keyword is a 1 kHz tone (`tone_world` of the tests' support)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tone_world import sound_with_beeps, write_tone_model, write_tone_testsets

from kwsdata.params import Params, load_params

REPO = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def project_params() -> Params:
    """The repository's own params.yaml, with one process."""
    params = load_params(REPO / "params.yaml")
    return params.model_copy(update={"executor": params.executor.model_copy(update={"kind": "serial"})})


@pytest.fixture(scope="session")
def tone_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported model of the contract's shape that detects 1 kHz."""
    return write_tone_model(tmp_path_factory.mktemp("tone_model"))


@pytest.fixture(scope="session")
def beep() -> Callable[..., np.ndarray]:
    """`beep(seconds, [(at_s, hz, level)], seed)`: noise at -60 dBFS with tones of BEEP_S in it, float32 [samples]."""
    return sound_with_beeps


@pytest.fixture(scope="session")
def tone_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Test sets of 60 s streams: beeps as keywords, in segments; in test a quiet keyword and a false friend."""
    return write_tone_testsets(tmp_path_factory.mktemp("tone_world") / "testsets")
