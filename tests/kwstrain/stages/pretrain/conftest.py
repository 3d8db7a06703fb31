"""A world in which the embedding is told by the frames: a mixture of what they held in the last 0.1 s."""

from pathlib import Path

import numpy as np
import pytest
from feature_stores import INFO, N_MELS, SILENCE

from kwsdata.draws import rng_for
from kwsdata.features.store import ClipRow, write_store
from kwsdata.params import Params, load_params

REPO = Path(__file__).parents[4]
HOP = 8  # frames between two embeddings
DIM = 12


@pytest.fixture(scope="session")
def small() -> Params:
    """The project's params with a student of 16 channels, and 120 steps of pretraining."""
    values = load_params(REPO / "params.yaml").model_dump(by_alias=True)
    values["model"]["dstcn"] = {"channels": 16, "stem_kernel": 5, "stride": 2, "kernels": [5, 9], "dropout": 0.0}
    values["pretrain"] |= {"trunk": "own", "steps": 120, "eval_every": 40, "batch_size": 32, "warmup_steps": 5}
    values["pretrain"] |= {"held_out": 0.2, "learning_rate": 0.01, "accelerator": "cpu"}
    return Params.model_validate(values)


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Feature stores of the same clips: (features, embedded), each with `train`."""
    root, rng = tmp_path_factory.mktemp("stores"), rng_for(3, "pretrain")
    mix = rng.standard_normal((N_MELS, DIM)) / 4
    frames, embeddings = [], []
    for number in range(60):
        # Each 8 frames one loudness per mel: what an embedding can be told from.
        blocks = rng.standard_normal((int(rng.integers(10, 20)), N_MELS))
        x = np.repeat(blocks, HOP, axis=0) - 6 + 0.1 * rng.standard_normal((HOP * len(blocks), N_MELS))
        row = ClipRow(f"c{number}", "speech", 0, 0, 0, None, f"speaker{number % 20}", "talk")
        frames.append((row, x.astype(np.float32)))
        embeddings.append((row, (blocks @ mix).astype(np.float32)))
    info = {"hop_samples": HOP * 160, "window_samples": HOP * 160, "context_samples": HOP * 160}
    info |= {"silence": [0.0] * DIM, "embedder": "toy"}
    write_store(root / "features" / "train", [frames[:30], frames[30:]], N_MELS, INFO | {"silence": SILENCE.tolist()})
    write_store(root / "embedded" / "train", [embeddings[:30], embeddings[30:]], DIM, info)
    return root / "features", root / "embedded"
