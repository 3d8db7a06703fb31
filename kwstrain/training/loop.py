"""The training loop: steps, measurements on dev, checkpoints, and which weights are kept.

With a patience, training stops where dev no longer gets better and the best measurement is kept. Without one the last
is: by then the learning rate has come down to 0, and dev's few misses have no say in it.

Everything random in a step belongs to (seed, step, rank): the batch (see `sampler`) and dropout. So a run that was
interrupted goes on from its checkpoint to the weights that it would have had.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from kwsdata.draws import digest_of
from kwsdata.errors import KwsError
from kwsdata.execution.progress import Counter, counter
from kwsdata.features.store import FeatureStore
from kwsdata.params import Params
from kwstrain.answers import TeachStore
from kwstrain.losses.distillation import Taught, Windowed, distillation_loss
from kwstrain.losses.objective import weight_by_quantile
from kwstrain.losses.registry import build_loss
from kwstrain.models import StreamingModel, build_model
from kwstrain.models.trunk import Trunk
from kwstrain.training.alarms import read_alarms
from kwstrain.training.checkpoint import Progress, load_progress, save_progress
from kwstrain.training.dev import DevSet
from kwstrain.training.logs import Log
from kwstrain.training.sampler import Sampler, batches
from kwstrain.training.starts import warm_up_of
from kwstrain.training.steps import Average, learning_rate
from kwstrain.training.windows import Batch, Shape


class TrainingError(KwsError):
    """Training cannot go on."""


def build_student(params: Params, silence: np.ndarray) -> StreamingModel:
    """Return the model that `params.model` describes, of features whose frame of silence is `silence` [n_mels]."""
    return build_model(params.model, silence)


class Job(NamedTuple):
    """What to train, on what, and where its checkpoint and logs are kept until it is done.

    taught: a teacher's answers to the train clips, to distil from. unlabelled: corpora without labels of their own.
    trunk: what the model starts from (stage `pretrain`), if not from random weights. name: what its progress is called.
    """

    params: Params
    features: Path
    work: Path
    build: Callable[[Params, np.ndarray], StreamingModel] = build_student
    taught: Path | None = None
    unlabelled: tuple[str, ...] = ()
    trunk: Trunk | None = None
    name: str = "train"
    alarms: Path | None = None

    @property
    def checkpoint(self) -> Path:
        """Path of the checkpoint."""
        return self.work / "checkpoint.pt"


def train(fabric: Fabric, job: Job) -> None:
    """Train to the end, from the checkpoint of `job` if there is one; leave the result in the checkpoint.

    Raises:
        TrainingError: the loss is no longer a number.
        StageInputError: the feature stores lack something (see `Sampler`, `DevSet`).
    """
    with settings(job.params.train.threads, fabric.device):
        Run(fabric, job).go()


class Run:
    """One process's part of a job."""

    def __init__(self, fabric: Fabric, job: Job) -> None:
        self.fabric, self.params, self.job = fabric, job.params.train, job
        self.distill = job.params.distill
        store = FeatureStore(job.features / "train")
        soft = TeachStore(job.taught, store, self.distill.lookahead_ms) if job.taught else None
        self._seed("weights")
        model = job.build(job.params, store.silence)
        if job.trunk is not None:
            job.trunk.into(model)
        hop_s = store.info["hop_samples"] / 16_000
        shape = Shape(model.receptive_field, model.stride, self.params.decisions, round(self.params.hold_s / hop_s))
        weight = job.params.mining.weight
        alarms = read_alarms(job.alarms, len(store.clips)) if job.alarms else None
        self.sampler = Sampler(store, self.params, shape, soft, job.unlabelled, mined_weight=weight, alarms=alarms)
        self.objective = build_loss(job.params.loss, self.sampler.shares)
        warm_up_s = warm_up_of(store, job.params.warm_up)
        self.dev = DevSet(FeatureStore(job.features / "dev"), job.params.streaming, job.params.evaluate, warm_up_s)
        windowed = Windowed(model, soft.dim if soft and self.distill.feature_weight > 0 else 0)
        optimizer = torch.optim.AdamW(decayed_apart(windowed, self.params.weight_decay), lr=self.params.learning_rate)
        self.project = windowed.project
        self.windowed, self.optimizer = fabric.setup(windowed, optimizer)
        self.model = model
        self.average = Average(model, self.params.ema_decay)
        self.progress = self._resume()

    def _resume(self) -> Progress:
        progress = load_progress(self.job.checkpoint)
        if progress is None:
            return Progress()
        self.model.load_state_dict(progress.model)
        if self.project is not None:
            self.project.load_state_dict(progress.project)
        self.average.model.load_state_dict(progress.average)
        self.optimizer.load_state_dict(progress.optimizer)
        return progress

    @property
    def done(self) -> bool:
        """Whether all steps are made, or dev no longer gets better and that ends the run."""
        patience = self.params.patience
        stalled = patience is not None and self.progress.since_best >= patience
        return stalled or self.progress.step >= self.params.steps

    def go(self) -> None:
        """Train until `done`."""
        if self.done:
            return
        first, last = self.progress.step, self.params.steps
        leads = self.fabric.is_global_zero
        log = Log(self.job.work / "dvclive", self.progress.history) if leads else None
        source = batches(self.sampler, range(first, last), self.fabric.global_rank, self.fabric.world_size)
        self.windowed.train()
        with closing(source), counter(self.job.name, "step", last, first, leads) as bar:
            while not self.done:
                row = self._advance(source, bar)
                self._measure(row, log)
                bar.set_postfix(loss=f"{row['loss']:.4f}", dev_fnr=f"{self.progress.history[-1]['dev_fnr']:.3f}")

    def _advance(self, source: Iterator[Batch], bar: Counter) -> dict[str, Any]:
        """Make the steps up to the next measurement; return what to log of them."""
        first = self.progress.step
        last = min(first + self.params.eval_every - first % self.params.eval_every, self.params.steps)
        total = torch.zeros((), device=self.fabric.device)
        began, waited = time.perf_counter(), 0.0
        for step in range(first, last):
            asked = time.perf_counter()
            batch = next(source)
            waited += time.perf_counter() - asked
            logits, target, weight, loss = self._step(step, batch)
            total += loss.detach()
            bar.update()
        self.progress.step = last
        self._add_seconds(train=time.perf_counter() - began, data_wait=waited)
        return {
            "step": last,
            "loss": float(total) / (last - first),
            "learning_rate": learning_rate(last - 1, self.params),
            "weight_by_loss_quantile": weight_by_quantile(self.objective, logits.detach(), target, weight),
        }

    def _step(self, step: int, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Make one step; return logits, target, weight and loss."""
        self._seed("dropout", step, self.fabric.global_rank)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, self.params)
        features, target, weight = self._tensors(batch.features, batch.target, batch.weight)
        taught = Taught(*self._tensors(*batch.soft)) if batch.soft is not None else None
        logits, projected = self.windowed(features)
        loss = distillation_loss(self.objective, logits, target, weight, projected, taught, self.distill)
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        self.optimizer.step()
        self.average.update(self.model, step)
        return logits, target, weight, loss

    def _tensors(self, *arrays: np.ndarray | None) -> list[Any]:
        """Return `arrays` as tensors on the device; None stays None."""
        return [None if a is None else self.fabric.to_device(torch.from_numpy(a)) for a in arrays]

    def _measure(self, row: dict[str, Any], log: Log | None) -> None:
        """Measure on dev, keep the weights that are to be kept, write a checkpoint; one process does, for all."""
        if log is not None:
            if not math.isfinite(row["loss"]):
                raise TrainingError(
                    f"the loss is {row['loss']} by step {row['step']}: lower train.learning_rate "
                    f"({self.params.learning_rate:g}) or raise train.warmup_steps ({self.params.warmup_steps})."
                )
            row = row | self._dev_row()
            self._keep(row)
            log.add(row)
        row, since_best = self.fabric.broadcast((row, self.progress.since_best))
        self.progress.history.append(row)
        self.progress.since_best = since_best
        if log is not None:
            self.progress.model = self.model.state_dict()
            self.progress.project = {} if self.project is None else self.project.state_dict()
            self.progress.average = self.average.model.state_dict()
            self.progress.optimizer = self.optimizer.state_dict()
            save_progress(self.job.checkpoint, self.progress)

    def _dev_row(self) -> dict[str, float]:
        began = time.perf_counter()
        result = self.dev.measure(self.average.model)
        self._add_seconds(dev=time.perf_counter() - began)
        return {f"dev_{name}": value for name, value in result.as_dict().items()}

    def _keep(self, row: dict[str, Any]) -> None:
        """Keep the averaged weights of now if dev likes them best so far; without a patience, in any case."""
        progress = self.progress
        if self.params.patience is None or not progress.best_row or rank(row) < rank(progress.best_row):
            progress.best = {name: value.cpu().clone() for name, value in self.average.model.state_dict().items()}
            progress.best_row, progress.since_best = row, 0
        else:
            progress.since_best += 1

    def _add_seconds(self, **seconds: float) -> None:
        for name, value in seconds.items():
            self.progress.seconds[name] += value

    def _seed(self, *key: object) -> None:
        """Set torch's generator to the one of (seed, key)."""
        seed = int(digest_of(self.params.seed, *key)[:15], 16)
        torch.default_generator.manual_seed(seed)  # torch.manual_seed also walks the stack for absent GPUs: 0.3 ms
        if self.fabric.device.type == "cuda":
            torch.cuda.manual_seed(seed)


def rank(row: dict[str, Any]) -> tuple[float, float]:
    """Return what students are compared by, from a row of the history: lower is better."""
    return row["dev_fnr"], row["dev_fnr_around"]


def decayed_apart(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return the parameters in two groups: kernels, and those of one axis (biases, normalisation), not decayed."""
    kernels = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    return [{"params": kernels, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


@contextmanager
def settings(threads: int, device: torch.device) -> Iterator[None]:
    """Set torch's threads and deterministic kernels; give everything back after, its generator's state included."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
