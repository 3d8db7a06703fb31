"""A small world in which a small student trains in seconds."""

from pathlib import Path

import pytest
from feature_stores import write_ridge_stores

from kwsdata.params import Params, load_params

REPO = Path(__file__).parents[2]


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
