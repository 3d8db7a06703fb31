"""Run a training job to its end on the devices that its params name.

With several devices the processes are started here, or by torchrun (on one machine or many), which makes the same of
them: with `train.devices: 2`, `kwstrain train` and `torchrun --nproc-per-node 2 -m kwstrain train` give one student.
"""

import os

from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import TorchElasticEnvironment
from torch.multiprocessing import ProcessRaisedException

from kwsdata.errors import ParamsError
from kwsdata.params import Params
from kwstrain.training.checkpoint import Progress, load_progress
from kwstrain.training.loop import Job, TrainingError, train


def complete(job: Job) -> Progress:
    """Train `job` to its end, from its checkpoint if there is one, and return what came of it.

    Raises:
        SystemExit: in a process that torchrun started beside the first, whose work is done.
        ParamsError: see `make_fabric`.
        TrainingError: the loss is no longer a number, or nothing was written.
        StageInputError: the feature stores lack something.
    """
    fabric = make_fabric(job.params)
    if TorchElasticEnvironment.detect():
        fabric.launch()
        train(fabric, job)
        if fabric.global_rank > 0:
            raise SystemExit(0)
    elif job.params.train.devices > 1:
        _in_processes(fabric, job)
    else:
        train(fabric, job)
    progress = load_progress(job.checkpoint)
    if progress is None:
        raise TrainingError(f"training left no checkpoint at {job.checkpoint}: is the disk full?")
    return progress


def _in_processes(fabric: Fabric, job: Job) -> None:
    try:
        fabric.launch(train, job)  # type: ignore[arg-type]
    except ProcessRaisedException as error:
        # Its text is the traceback of the process; the last line names the error.
        raise TrainingError(str(error).strip().splitlines()[-1].split(": ", 1)[-1]) from error


def make_fabric(params: Params) -> Fabric:
    """Return the Fabric that `train:` describes; several devices train side by side, each on its part of a batch.

    Raises:
        ParamsError: the batch does not divide among the devices, torchrun started another number of processes, or
            lightning-fabric refuses a setting.
    """
    settings = params.train
    if settings.batch_size % settings.devices:
        raise ParamsError(
            f"train.batch_size = {settings.batch_size} does not divide among train.devices = {settings.devices}."
        )
    nodes, devices, strategy = 1, settings.devices, "ddp_spawn" if settings.devices > 1 else "auto"
    if TorchElasticEnvironment.detect():
        started, devices = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
        nodes, strategy = started // devices, "ddp"
        if started != settings.devices:
            raise ParamsError(
                f"torchrun started {started} processes, and train.devices = {settings.devices}: set it to {started}, "
                "since it decides which clips a step draws, and so the weights."
            )
    try:
        return Fabric(
            accelerator=settings.accelerator,
            devices=devices,
            num_nodes=nodes,
            strategy=strategy,
            precision=settings.precision,  # type: ignore[arg-type]
        )
    except (ValueError, RuntimeError) as error:
        raise ParamsError(
            f"train.accelerator = {settings.accelerator}, devices = {settings.devices}, precision = "
            f"{settings.precision}: {error}"
        ) from None
