"""Checkpoints: what was saved comes back, and what was damaged is told and begun anew."""

from pathlib import Path

import pytest
import torch

from kwstrain.training.checkpoint import Progress, load_progress, save_progress


def progress() -> Progress:
    weights = {"conv": torch.arange(2000, dtype=torch.float32).reshape(20, 100), "bias": torch.zeros(7)}
    history = [{"step": 3, "loss": 0.5, "dev_fnr": 0.25}]
    return Progress(step=3, model=weights, average=weights, best=weights, best_row=history[0], history=history)


def flipped(at: float):
    def damage(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[min(int(at * len(data)), len(data) - 1)] ^= 0x10
        path.write_bytes(data)

    return damage


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "a byte short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "text": lambda path: path.write_text("not a checkpoint"),
    "of before, without a hash": lambda path: torch.save({"step": 1}, path),
    **{f"a bit at {at}": flipped(at) for at in (0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1.0)},
}


def test_what_was_saved_comes_back(tmp_path):
    save_progress(tmp_path / "checkpoint.pt", progress())
    found = load_progress(tmp_path / "checkpoint.pt")
    assert (found.step, found.history) == (3, progress().history)
    torch.testing.assert_close(found.model, progress().model, rtol=0, atol=0)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_told_and_gone(tmp_path, caplog, damage):
    path = tmp_path / "checkpoint.pt"
    save_progress(path, progress())
    DAMAGES[damage](path)
    assert load_progress(path) is None
    assert caplog.messages == [f"{path} is damaged: training begins anew."]
    assert not path.exists()
    caplog.clear()
    assert load_progress(path) is None
    assert not caplog.messages  # there is none: nothing to tell
