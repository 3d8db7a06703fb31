"""The executor: the same results in the same order, whoever works, and whoever is killed."""

import os
import signal
import time
import warnings
from functools import partial
from pathlib import Path

import pytest

from kwsdata.errors import WorkerError
from kwsdata.execution.executor import run_tasks
from kwsdata.params import ExecutorParams

SERIAL = ExecutorParams(kind="serial", workers=0, scheduler=None, store=None)
PROCESSES = ExecutorParams(kind="processes", workers=2, scheduler=None, store=None)


def square(number: int) -> int:
    return number * number


def noted(number: int, notes: Path) -> int:
    """Note that `number` was begun; kill this process at the first go at 3."""
    tries = len(list(notes.glob(f"{number}.*")))
    (notes / f"{number}.{tries}").touch()
    if number == 3 and tries == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return square(number)


def deadly(number: int) -> int:
    """Kill every process that tries."""
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def failing(number: int) -> int:
    """Refuse 2."""
    if number == 2:
        raise ValueError("two is not allowed")
    return number


def colour(number: int) -> str | None:
    """Return a variable of the environment."""
    return os.environ.get("COLOUR")


def begun(number: int, notes: Path) -> int:
    """Note that `number` was begun."""
    (notes / str(number)).touch()
    return number


@pytest.fixture(scope="module")
def dask() -> ExecutorParams:
    """A Dask cluster of two worker processes that talk over TCP on the loopback interface."""
    from distributed import LocalCluster

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the machine's ports and memory make Dask say
        with LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", protocol="tcp", dashboard_address=None
        ) as cluster:
            yield ExecutorParams(kind="dask", workers=0, scheduler=cluster.scheduler_address, store=None)


def test_serial_and_processes_give_the_same(tmp_path: Path) -> None:
    wanted = [number**2 for number in range(9)]
    assert list(run_tasks(square, range(9), SERIAL, "squares")) == wanted
    assert list(run_tasks(square, range(9), PROCESSES, "squares")) == wanted


def test_workers_have_the_environment_of_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("red", "blue"):  # the server they are forked from started with one of them, or before
        monkeypatch.setenv("COLOUR", value)
        assert list(run_tasks(colour, range(4), PROCESSES, "colours")) == [value] * 4
    monkeypatch.delenv("COLOUR")
    assert list(run_tasks(colour, range(4), PROCESSES, "colours")) == [None] * 4


def test_a_killed_process_repeats_its_task_and_no_other(tmp_path: Path) -> None:
    results = list(run_tasks(partial(noted, notes=tmp_path), range(8), PROCESSES, "notes"))
    assert results == [number**2 for number in range(8)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*(f"{n}.0" for n in range(8)), "3.1"])


def test_a_killed_dask_worker_loses_nothing(tmp_path: Path, dask: ExecutorParams) -> None:
    assert dask.scheduler.startswith("tcp://127.0.0.1")
    results = list(run_tasks(partial(noted, notes=tmp_path), range(8), dask, "notes"))
    assert results == [number**2 for number in range(8)]
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {*(f"{number}.0" for number in range(8)), "3.1"}
    # besides the one under way, a worker takes along at most the result it was about to send
    assert len(names) <= 8 + 1 + 1


def test_a_task_that_kills_all_its_workers_is_named() -> None:
    with pytest.raises(WorkerError, match="killed its worker 3 times"):
        list(run_tasks(deadly, range(2), PROCESSES, "deadly"))


def test_a_task_that_fails_ends_the_run_with_its_own_error() -> None:
    for executor in (SERIAL, PROCESSES):
        with pytest.raises(ValueError, match="two is not allowed"):
            list(run_tasks(failing, range(6), executor, "failing"))


def test_workers_wait_for_a_slow_consumer(tmp_path: Path) -> None:
    results = run_tasks(partial(begun, notes=tmp_path), range(60), PROCESSES, "begun")
    next(results)
    time.sleep(1.0)
    assert len(list(tmp_path.iterdir())) <= 1 + 3 * 2  # three tasks a worker beyond what was taken
    assert len(list(results)) == 59


def test_a_cluster_waits_for_a_slow_consumer_and_its_workers_are_in_the_project(
    tmp_path: Path, dask: ExecutorParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    results = run_tasks(partial(begun, notes=Path("here")), range(60), dask, "begun")
    next(results)
    time.sleep(1.0)
    assert len(list((tmp_path / "here").iterdir())) <= 1 + 3 * 2
    assert len(list(results)) == 59


def test_a_cluster_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import dask

    monkeypatch.setattr("kwsdata.execution.executor._PATIENCE_S", 1)
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(WorkerError, match="no Dask cluster"),
    ):
        list(
            run_tasks(
                square,
                range(3),
                ExecutorParams(kind="dask", workers=0, scheduler="tcp://127.0.0.1:9", store=None),
                "none",
            )
        )


def test_a_worker_on_a_shared_disk_that_runs_other_code_says_so(project, monkeypatch):
    from kwsdata.consistent_hash import Ring
    from kwsdata.execution import executor

    shared = executor._SharedDisk(Ring)
    assert len(shared.work(["a", "b"])) == 2
    monkeypatch.setattr("kwsdata.execution.remote.exchange.code_of", lambda function: "after an edit")
    with pytest.raises(WorkerError, match="runs other code than this stage"):
        shared.work(["a", "b"])
