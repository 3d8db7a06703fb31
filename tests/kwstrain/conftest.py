"""Worlds for tests: one in which the keyword is a 1 kHz tone, and one in which a small student trains in seconds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from feature_stores import write_ridge_stores
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


@pytest.fixture(scope="session")
def ridges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ridge_stores(tmp_path_factory.mktemp("ridges"))


@pytest.fixture(scope="session")
def small() -> Params:
    """The project's params with students of about 2,000 parameters and 0.5 s of memory, 240 steps."""
    params = load_params(REPO / "params.yaml")
    model = {"dstcn": {"channels": 16, "stem_kernel": 5, "stride": 2, "kernels": [5, 9, 13], "dropout": 0.1}}
    block = {"squeeze": True, "activation": "hard_swish", "mel_stride": 1}
    first, second = {"kernel": 3, "expand": 12, "channels": 12}, {"kernel": 5, "expand": 24, "channels": 12}
    model["mobilenetv3"] = {"stem_channels": 8, "stem_kernel": 5, "stride": 3, "head_channels": 24, "dropout": 0.0}
    model["mobilenetv3"] |= {"pool": 5, "blocks": [block | first, block | second, block | second]}
    train = {"steps": 240, "eval_every": 80, "batch_size": 32, "warmup_steps": 10, "learning_rate": 0.01}
    train |= {"ema_decay": 0.95, "threads": 1, "accelerator": "cpu", "mel_mask_bins": 2}
    return changed(params, model=model, train=train)


def changed(params: Params, **blocks: dict) -> Params:
    """`params` with some keys of some blocks set, checked again."""
    values = params.model_dump(by_alias=True)
    for name, changes in blocks.items():
        values[name] |= changes
    return Params.model_validate(values)


@pytest.fixture(scope="session")
def change():
    return changed
