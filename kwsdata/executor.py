"""Run pure tasks in this process, in worker processes, or on a Dask cluster: the results are the same.

A task is a picklable value and `function(task)` writes or returns something that depends on the task alone, so that
neither the kind of executor nor the number of workers can be heard in the data.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

from tqdm import tqdm

from kwsdata.params import ExecutorParams

Task = TypeVar("Task")
Result = TypeVar("Result")

AHEAD = 4  # tasks a worker may be ahead of whoever reads the results: a slow reader must not fill memory or disk
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def run_tasks(
    function: Callable[[Task], Result], tasks: Sequence[Task], executor: ExecutorParams, description: str
) -> Iterator[Result]:
    """Yield `function(task)` for each task, in the order of `tasks`, with a progress bar.

    Args:
        function: importable by name (a top-level function, or functools.partial of one).
        tasks: picklable values.
        executor: `serial`, `processes` (workers = 0 means one a core) or `dask`.
        description: what the progress bar says.
    """
    bar = tqdm(total=len(tasks), desc=description, unit="task", disable=None if tasks else True)
    with bar:
        for result in _results(function, tasks, executor):
            bar.update()
            yield result


def _results(function: Callable[[Task], Result], tasks: Sequence[Task], executor: ExecutorParams) -> Iterator[Result]:
    workers = executor.workers or os.cpu_count() or 1
    if executor.kind == "serial" or (executor.kind == "processes" and (workers == 1 or len(tasks) <= 1)):
        yield from map(function, tasks)
    elif executor.kind == "processes":
        yield from _in_processes(function, tasks, min(workers, len(tasks)))
    else:
        yield from _on_dask(function, tasks, executor)


def _in_processes(function: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> Iterator[Result]:
    # Spawned, not forked (a fork of a process that has used torch's threads hangs); one thread a worker.
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            waiting: deque[Future[Result]] = deque()
            for task in tasks:
                if len(waiting) == AHEAD * workers:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(function, task))
            while waiting:
                yield waiting.popleft().result()
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _on_dask(function: Callable[[Task], Result], tasks: Sequence[Task], executor: ExecutorParams) -> Iterator[Result]:
    from distributed import Client  # heavy, and only here

    with (
        Client(executor.scheduler)
        if executor.scheduler
        else Client(n_workers=executor.workers or None, threads_per_worker=1) as client
    ):
        for future in client.map(function, tasks, pure=False, retries=2):
            yield future.result()
