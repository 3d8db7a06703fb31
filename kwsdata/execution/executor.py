"""Run tasks in this process, in worker processes or on a Dask cluster, with the same results.

A task is a picklable value and `function(task)` writes or returns something that depends on the task alone, so that
neither the kind of executor nor the number of workers can be heard in the data.

Results come in the order of the tasks. No more than a few tasks a worker are under way or waiting to be taken, so that
a consumer that is slower than the workers holds them back, and memory does not grow with the number of tasks. A worker
that is killed is replaced and its one task is run again; a task that kills its worker three times ends the run.
"""

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver, get_all_start_methods, get_context, parent_process, resource_tracker
from multiprocessing.context import BaseContext
from pathlib import Path
from socket import gethostname
from threading import Thread
from typing import Any, TypeVar

from kwsdata.errors import WorkerError
from kwsdata.execution.cache import cache_root, code_of
from kwsdata.execution.progress import counter
from kwsdata.execution.remote.exchange import Sender, check_code
from kwsdata.params import ExecutorParams

Task = TypeVar("Task")
Result = TypeVar("Result")

_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_AHEAD = 3  # tasks a worker that are under way or waiting to be taken
_EACH = 2  # tasks a worker process holds: one under way, one at hand, so that it never waits for this process
_TRIES = 3
_TRACKER_QUIET = "ignore:resource_tracker:UserWarning"
_PATIENCE_S = 20  # for a cluster to answer


def run_tasks(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    executor: ExecutorParams,
    description: str,
    reads: Iterable[Path] | None = None,
) -> Iterator[Result]:
    """Yield `function(task)` for each task, in the order of `tasks`, and show how far it is.

    Args:
        function: importable by name (a top-level function, or functools.partial of one).
        tasks: picklable values.
        executor: `serial`, `processes` (workers = 0 means one a core) or `dask` (a cluster at `scheduler`, or one of
            this machine's processes when that is null). Dask's workers see this directory under the same path; or
            they read and write through `store`.
        description: what is said of it.
        reads: the files and directories that tasks read, for workers behind a `store`. None: such workers cannot run
            `function` (it reads what is not of the project), and processes of this machine do.

    Raises:
        WorkerError: a task killed its worker three times, no Dask cluster answers at `executor.scheduler`, or the
            store fails.
    """
    if executor.store is not None and reads is None:
        executor = executor.model_copy(update={"kind": "processes"})
    with counter(description, "task", len(tasks)) as bar:
        for result in _results(function, tasks, executor, reads or ()):
            bar.update()
            yield result


def _results(
    function: Callable[[Task], Result], tasks: Sequence[Task], executor: ExecutorParams, reads: Iterable[Path]
) -> Iterator[Result]:
    workers = executor.workers or os.cpu_count() or 1
    if executor.kind == "serial" or (executor.kind == "processes" and (workers == 1 or len(tasks) <= 1)):
        yield from map(function, tasks)
    elif executor.kind == "processes":
        yield from _in_processes(function, tasks, min(workers, len(tasks)))
    else:
        yield from _on_dask(function, tasks, executor, reads)


def _in_processes(function: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> Iterator[Result]:
    # One thread a worker.
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    crew = _Crew(function, tasks, workers)
    try:
        yield from crew.results()
    except KeyboardInterrupt:
        crew.kill()
        raise
    finally:
        crew.close()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _context(function: Callable[..., Any]) -> BaseContext:
    """Return how workers start: forked from a server that has imported what `function` needs and done nothing else.

    A fork of this process would hang if it has used torch's threads. A spawned worker would import everything again,
    two seconds of CPU with Lhotse (which imports torch); that is what is done where there is no fork server.
    """
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    while isinstance(function, partial):
        function = function.func
    context = get_context("forkserver")
    context.set_forkserver_preload([function.__module__])  # heeded by the first call in a process, which starts it
    _start_server()
    return context


def _start_server() -> None:
    """Start the fork server deaf to Ctrl-C: else it prints where in its imports it was interrupted.

    It inherits that the signal is blocked; this process gets one that came meanwhile.
    """
    # After Ctrl-C the tracker lets go of the pool's semaphores, and is not to say so below the last line. It is another
    # process, and knows of no filter but those of the command line that it is started with.
    sys.warnoptions.append(_TRACKER_QUIET)
    try:
        resource_tracker.ensure_running()  # of itself it blocks and unblocks
    finally:
        sys.warnoptions.remove(_TRACKER_QUIET)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _take_environment(environment: dict[str, str], directory: str) -> None:
    """Take over variables and directory of the process that asks; the fork server has those of when it started."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends a worker at once; what to say of it is its parent's
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when the process that asks is gone, however it ended: nobody would ever give it a task."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class _Crew:
    """Worker processes, each in a pool of its own: a pool dies with its workers, and none shall take others along."""

    def __init__(self, function: Callable[[Any], Any], tasks: Sequence[Any], workers: int) -> None:
        self.function, self.tasks = function, tasks
        self.context = _context(function)
        self.pools = [self._pool() for _ in range(workers)]
        self.free = [*range(workers)] * _EACH  # places with each worker
        self.busy: dict[Future[Any], tuple[int, int, ProcessPoolExecutor]] = {}  # future: (worker, task, its pool)
        self.tries = [0] * len(tasks)
        self.waiting: deque[int] = deque()  # tasks to run again
        self.next = 0
        self.done: dict[int, Any] = {}

    def _pool(self) -> ProcessPoolExecutor:
        here = (dict(os.environ), str(Path.cwd()))
        return ProcessPoolExecutor(1, self.context, initializer=_take_environment, initargs=here)

    def results(self) -> Iterator[Any]:
        """Yield results in the order of the tasks."""
        for wanted in range(len(self.tasks)):
            while wanted not in self.done:
                self._hand_out(wanted)
                self._collect()
            self._hand_out(wanted + 1)
            yield self.done.pop(wanted)

    def _hand_out(self, wanted: int) -> None:
        while self.free and (self.waiting or self.next < min(wanted + _AHEAD * len(self.pools), len(self.tasks))):
            if self.waiting:
                task = self.waiting.popleft()
            else:
                task, self.next = self.next, self.next + 1
            worker = self.free.pop(0)
            self.tries[task] += 1
            pool = self.pools[worker]
            try:
                future = pool.submit(self.function, self.tasks[task])
            except BrokenProcessPool:  # killed while its other task was under way, which will say so
                self.pools[worker] = pool = self._pool()
                future = pool.submit(self.function, self.tasks[task])
            self.busy[future] = (worker, task, pool)

    def _collect(self) -> None:
        for future in wait(self.busy, return_when=FIRST_COMPLETED).done:
            worker, task, pool = self.busy.pop(future)
            try:
                self.done[task] = future.result()
            except BrokenProcessPool:
                if self.tries[task] >= _TRIES:
                    raise WorkerError(
                        f"task {task} killed its worker {_TRIES} times (memory?): set executor.workers to fewer, "
                        "or executor.kind to serial to see where it dies. What is done is kept: the next run goes on."
                    ) from None
                if self.pools[worker] is pool:  # the first of its tasks to say so
                    pool.shutdown(wait=False)
                    self.pools[worker] = self._pool()
                self.waiting.append(task)
            self.free.append(worker)

    def kill(self) -> None:
        """End the workers at once, and wait for nothing: a pool that was interrupted as it started may never answer."""
        for pool in self.pools:
            for worker in list((pool._processes or {}).values()):  # `kill_workers` from Python 3.14 on
                worker.kill()
            pool.shutdown(wait=False, cancel_futures=True)
        self.pools = []

    def close(self) -> None:
        """End the workers; a task that nobody waits for any more is finished first."""
        for pool in self.pools:
            pool.shutdown(wait=True, cancel_futures=True)


def _on_dask(
    function: Callable[[Task], Result], tasks: Sequence[Task], executor: ExecutorParams, reads: Iterable[Path]
) -> Iterator[Result]:
    from distributed import Client, KilledWorker, as_completed  # heavy, and only here

    try:
        if executor.scheduler:
            client = Client(executor.scheduler, timeout=_PATIENCE_S)
        else:
            client = Client(n_workers=executor.workers or os.cpu_count(), threads_per_worker=1, dashboard_address=None)
    except (OSError, TimeoutError) as error:
        raise WorkerError(
            f"no Dask cluster at {executor.scheduler} ({error}): start one with `dask scheduler` and `dask worker`, or "
            "set executor.scheduler to null."
        ) from None
    with client:
        way: _SharedDisk | Sender
        way = Sender(function, executor.store, reads) if executor.store else _SharedDisk(function)
        under_way = as_completed(with_results=True)  # results come here as they are ready, and die with no worker
        number_of: dict[Any, int] = {}
        done: dict[int, Result] = {}
        handed_out = 0
        for wanted in range(len(tasks)):
            ahead = _AHEAD * max(sum(client.nthreads().values()), 1)  # workers come and go
            while handed_out < min(wanted + ahead, len(tasks)):
                future = client.submit(way.work, way.pack(tasks[handed_out]), pure=False, retries=_TRIES - 1)
                number_of[future.key] = handed_out
                under_way.add(future)
                handed_out += 1
            while wanted not in done:
                try:
                    future, result = next(under_way)
                except KilledWorker as error:
                    raise WorkerError(f"a task killed its Dask workers again and again (memory?): {error}") from None
                done[number_of.pop(future.key)] = way.unpack(result)
            yield done.pop(wanted)


class _SharedDisk:
    """How tasks come to workers that see this directory: as they are. (`Sender` is the way to those that do not.)"""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.work = _InProject(function, code_of(function), str(Path.cwd()), str(cache_root().absolute()))

    def pack(self, task: Any) -> Any:
        return task

    def unpack(self, result: Any) -> Any:
        return result


@dataclass(frozen=True)
class _InProject:
    """`function` in the project's directory and with its cache, wherever the worker was started: tasks name files
    relative to it. All workers must see it under the same path.
    """  # fmt: skip

    function: Callable[[Any], Any]
    code: str | None
    root: str
    cache: str

    def __call__(self, task: Any) -> Any:
        try:
            os.chdir(self.root)
        except OSError as error:
            raise WorkerError(
                f"the Dask worker on {gethostname()} cannot work in {self.root} ({error.strerror}): every worker needs "
                "the project under the same path, on a file system that all share, or executor.store."
            ) from None
        os.environ["KWSDATA_CACHE"] = self.cache
        check_code(self.function, self.code)
        return self.function(task)
