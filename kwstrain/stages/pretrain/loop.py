"""The pretraining loop: the layer before the head, through a linear map, learns to give the speech embedding.

    loss = mean over decisions and dimensions of (P h - e)^2      e standardised: a loss of 1 knows nothing

Everything random in a step belongs to (seed, step), so an interrupted run ends with the weights it would have had.
"""

import math
import time
from contextlib import closing
from pathlib import Path

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor

from kwsdata.draws import digest_of, rng_for
from kwsdata.errors import ParamsError
from kwsdata.execution.progress import counter
from kwsdata.params import PretrainParams
from kwstrain.losses.distillation import Windowed
from kwstrain.models import StreamingModel
from kwstrain.stages.pretrain.windows import Examples, Pairs
from kwstrain.training.checkpoint import Progress, load_progress, save_progress
from kwstrain.training.loop import TrainingError, decayed_apart, settings
from kwstrain.training.sampler import batches
from kwstrain.training.steps import learning_rate

MEASURED = 2048  # windows of held-out speakers


def pretrain(model: StreamingModel, pairs: Pairs, params: PretrainParams, checkpoint: Path) -> Progress:
    """Train `model` on `pairs`, from the checkpoint if there is one; return how it went, the weights included.

    Raises:
        TrainingError: the loss is no longer a number.
        ParamsError: lightning-fabric refuses a setting.
    """
    try:
        fabric = Fabric(accelerator=params.accelerator, devices=1, precision=params.precision)  # type: ignore[arg-type]
    except (ValueError, RuntimeError) as error:
        raise ParamsError(
            f"pretrain.accelerator = {params.accelerator}, precision = {params.precision}: {error}"
        ) from None
    with settings(params.threads, fabric.device):
        return Regression(fabric, model, pairs, params, checkpoint).go()


class Regression:
    """A run of pretraining on one device."""

    def __init__(
        self, fabric: Fabric, model: StreamingModel, pairs: Pairs, params: PretrainParams, checkpoint: Path
    ) -> None:
        self.fabric, self.model, self.pairs, self.params, self.checkpoint = fabric, model, pairs, params, checkpoint
        self._seed("map")
        windowed = Windowed(model, pairs.embedded.n_mels)
        assert windowed.project is not None
        self.project = windowed.project
        optimizer = torch.optim.AdamW(decayed_apart(windowed, params.weight_decay), lr=params.learning_rate)
        self.windowed, self.optimizer = fabric.setup(windowed, optimizer)
        self.progress = self._resume()
        rng = rng_for(params.seed, "pretrain", "held out")
        self.held = [pairs.draw(rng, 128, held=True) for _ in range(MEASURED // 128)]

    def _resume(self) -> Progress:
        progress = load_progress(self.checkpoint)
        if progress is None:
            return Progress()
        self.model.load_state_dict(progress.model)
        self.project.load_state_dict(progress.project)
        self.optimizer.load_state_dict(progress.optimizer)
        return progress

    def go(self) -> Progress:
        """Make all steps that are left."""
        progress, params = self.progress, self.params
        total, since, began = 0.0, 0, time.perf_counter()
        source = batches(self.pairs, range(progress.step, params.steps))
        bar = counter("pretrain", "step", params.steps, progress.step)
        with closing(source), bar:
            for step, examples in enumerate(source, progress.step):
                self.windowed.train()
                total, since = total + self._step(step, examples), since + 1
                bar.update()
                if (step + 1) % params.eval_every == 0 or step + 1 == params.steps:
                    progress.seconds["train"] += time.perf_counter() - began
                    row = {"step": step + 1, "loss": total / since, "held_out_loss": self.measure()}
                    self._keep(row)
                    bar.set_postfix(loss=f"{row['loss']:.3f}", held_out=f"{row['held_out_loss']:.3f}")
                    total, since, began = 0.0, 0, time.perf_counter()
        return progress

    def _step(self, step: int, examples: Examples) -> float:
        self._seed("dropout", step)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, self.params)
        loss = self._loss(examples)
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        self.optimizer.step()
        return float(loss.detach())

    def _loss(self, examples: Examples) -> Tensor:
        frames, target = (self.fabric.to_device(torch.from_numpy(part)) for part in examples)
        _, said = self.windowed(frames)
        return F.mse_loss(said.float(), target)

    @torch.no_grad()
    def measure(self) -> float:
        """Return the loss on windows of held-out speakers, the same ones each time."""
        self.windowed.eval()
        return sum(float(self._loss(examples)) for examples in self.held) / len(self.held)

    def _keep(self, row: dict[str, float]) -> None:
        if not math.isfinite(row["loss"]):
            raise TrainingError(
                f"the loss is {row['loss']} by step {row['step']}: lower pretrain.learning_rate "
                f"({self.params.learning_rate:g}) or raise pretrain.warmup_steps ({self.params.warmup_steps})."
            )
        self.progress.step = int(row["step"])
        self.progress.history.append(row)
        self.progress.model = self.model.state_dict()
        self.progress.project = self.project.state_dict()
        self.progress.optimizer = self.optimizer.state_dict()
        save_progress(self.checkpoint, self.progress)

    def _seed(self, *key: object) -> None:
        seed = int(digest_of(self.params.seed, *key)[:15], 16)
        torch.default_generator.manual_seed(seed)
        if self.fabric.device.type == "cuda":
            torch.cuda.manual_seed(seed)
