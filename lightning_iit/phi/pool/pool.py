"""A pool of worker processes on this machine, with a bounded queue and exactly one result for every state of every task."""

from __future__ import annotations

import atexit
import os
import threading
from collections import deque
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.pool.busy import TICK, refusal, wait_for_all
from lightning_iit.phi.pool.cores import with_threads
from lightning_iit.phi.pool.endings import drained, interrupted, why_not
from lightning_iit.phi.pool.open_task import OpenTask, TaskProgress
from lightning_iit.phi.pool.pieces import Piece, died, ended, followed_by, pieces_of
from lightning_iit.phi.pool.process_context import WorkerServer
from lightning_iit.phi.pool.worker import Returned, Stopped, Worker, never
from lightning_iit.phi.registry import BUILT_IN
from lightning_iit.records import FORMALISM, Failed, PhiResult, PhiTask, Skipped, TaskResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lightning_iit.phi.pool._child import WorkerMessage
    from lightning_iit.records import Formalism


WhenBusy: TypeAlias = Literal["queue", "skip", "wait"]
"""How ``submit`` treats a task while all workers are busy."""
JOB = "lightning_iit.job.job:run"
"""The function that computes a task, unless another function is given."""
PRELOAD = tuple(place.partition(":")[0] for place in (JOB, *BUILT_IN.values()))
"""The modules that the fork server imports, so that new workers start fast."""
_PATIENCE = 10.0
"""Seconds to wait for stopped tasks and for the threads of the workers to end."""


class PhiPool(Protocol):
    """Computes tasks somewhere: in processes of this machine, on a cluster, or in this process; the interface of every pool."""

    @property
    def pending(self) -> int:
        """Counts the tasks that have no result yet."""

    def submit(self, task: PhiTask) -> Future[TaskResult]:
        """Takes a task and returns a future that never raises: an error is part of the TaskResult, for each state."""

    def progress(self) -> tuple[TaskProgress, ...]:
        """Returns how far each open task is, in the order in which the tasks were submitted."""

    def warm_up(self, engine: str = "auto", formalisms: Sequence[Formalism] = (FORMALISM,)) -> None:
        """Lets the workers load (and compile) the engine, without waiting until the workers have done so."""

    def drain(self, timeout: float, on_progress: Callable[[int], None] | None = None) -> bool:
        """Waits until every task has a result; after ``timeout`` seconds, ends the open tasks.

        Args:
            timeout: seconds.
            on_progress: now and then receives the number of open tasks.

        Returns:
            Whether every task ended by itself.
        """

    def close(self) -> None:
        """Ends the workers; open tasks end as Failed."""


class WorkerPool:
    """Computes tasks in worker processes on this machine, at low priority; a lost worker is replaced.

    A task that has parts (``PhiTask.split``) is computed by all workers where there are several: its parts first, and then the task
    with what they found. The time limit is that of each piece, and a part whose worker died is tried once more.

    An analysis of many units may use several threads: an even share of all cores but one, and of all cores while the host waits in
    ``drain`` (see :func:`~lightning_iit.phi.pool.cores.with_threads`).

    A script needs no ``if __name__ == "__main__"``. The host process is not changed, and no worker outlives the host.

    Args:
        function: ``"module:function"`` that computes a task in the worker: ``function(task, report=...) -> TaskResult``.
        workers: the number of processes.
        timeout: seconds for one task, from the moment its worker begins; ``PhiTask.timeout`` overrides. None for no limit.
        when_busy: what ``submit`` does when every worker is busy: "queue" lets the task wait (up to ``max_queued`` tasks; a further
            task is Skipped), "skip" skips the task, and "wait" waits until a worker is free.
        max_queued: how many tasks may wait.
        preload: modules that are already loaded when a worker starts.
        interrupted: asked about five times a second while ``submit`` or ``drain`` waits; where the answer is True, the wait ends.

    Raises:
        InvalidArgumentError: an argument has an impossible value.
    """

    def __init__(
        self,
        function: str = JOB,
        *,
        workers: int = 1,
        timeout: float | None = 600.0,
        when_busy: WhenBusy = "queue",
        max_queued: int = 64,
        preload: tuple[str, ...] = PRELOAD,
        interrupted: Callable[[], bool] = never,
    ) -> None:
        check_pool_options(workers, timeout, when_busy, max_queued)
        self._function = function
        self._workers = workers
        self._timeout = timeout
        self._when_busy = when_busy
        self._max_queued = max_queued
        self._interrupted = interrupted
        self._server = WorkerServer(preload)
        self._changed = threading.Condition()
        self._queue: deque[Piece] = deque()
        self._open: list[OpenTask] = []
        self._warm_ups: list[list[tuple[Any, ...]]] = [[] for _ in range(workers)]
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._draining = False
        self._pid = os.getpid()

    @property
    def pending(self) -> int:
        """Counts the tasks that have no result yet."""
        with self._changed:
            return self._busy()

    def progress(self) -> tuple[TaskProgress, ...]:
        """Returns how far each open task is, in the order in which the tasks were submitted."""
        with self._changed:
            return tuple(entry.progress for entry in self._open)

    def submit(self, task: PhiTask) -> Future[TaskResult]:
        """Puts a task into the queue; with ``when_busy="wait"``, waits first until a worker is free.

        Returns:
            A future that never raises: every outcome is a TaskResult. A task that is not accepted gets its result (Skipped) at
            once.
        """
        entry = OpenTask(task)
        with self._changed:
            if self._when_busy == "wait":
                while not self._closed and self._busy() >= self._workers and not self._interrupted():
                    self._changed.wait(TICK)
            refused = self._refusal() or self._start()
            if refused is None:
                self._open.append(entry)
                self._queue.extend(pieces_of(entry, self._workers))
                self._changed.notify_all()
        if refused is not None:
            entry.resolve_unfinished(refused)
        return entry.future

    def warm_up(self, engine: str = "auto", formalisms: Sequence[Formalism] = (FORMALISM,)) -> None:
        """Lets each worker call ``warm_up(engine, formalisms)`` of the function's module before its next task; does not wait."""
        with self._changed:
            if self._closed:
                return
            for waiting in self._warm_ups:
                waiting.append((engine, tuple(formalisms)))
            self._start()
            self._changed.notify_all()

    def drain(self, timeout: float, on_progress: Callable[[int], None] | None = None) -> bool:
        """Waits until every task has a result; after ``timeout`` seconds, or at an interruption, ends the open tasks.

        Args:
            timeout: seconds. Tasks still open then end as TimedOut where they were running, and as Skipped where they were waiting.
                After an interruption (see the pool's ``interrupted``), the open tasks end as Failed.
            on_progress: called about five times a second with the number of open tasks.

        Returns:
            Whether every task ended by itself.
        """
        self._draining = True
        on_tick = (lambda: None) if on_progress is None else (lambda: on_progress(self.pending))
        broken_off = wait_for_all(self._settled, timeout, self._interrupted, on_tick)
        settled = self._settled(0.0)
        if not settled:
            self._end_all(lambda entry: interrupted() if broken_off else drained(timeout, running=entry.running))
        self._draining = False
        return settled

    def close(self) -> None:
        """Ends the workers at once; open tasks end as Failed.

        A second call does nothing, and a call in a process that was forked from the host does nothing either.
        """
        with self._changed:
            if self._closed or os.getpid() != self._pid:
                return
            self._closed = True
            self._changed.notify_all()
        atexit.unregister(self.close)
        self._end_all(lambda _: Failed(code="interrupted", reason="The worker pool was closed before this analysis ended."))
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(_PATIENCE)
        self._server.close()

    # --- inside -----------------------------------------------------------------------------------------------------------

    def _refusal(self) -> Skipped | None:
        """Returns the result for a task that the pool does not accept now; None where the pool accepts the task."""
        if self._closed:
            return Skipped(code="pool_closed", reason="The worker pool was closed before this task was handed over.")
        return refusal(self._when_busy, self._busy(), self._workers, self._max_queued)

    def _busy(self) -> int:
        """Counts the tasks without a result, running or waiting."""
        return sum(not entry.future.done() for entry in self._open)

    def _settled(self, timeout: float) -> bool:
        """Waits at most ``timeout`` seconds and says whether every task has a result and every callback of its future has run."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout)

    def _start(self) -> Failed | None:
        """Starts one thread for each worker, at the first task or warm-up; returns a task's result where there is no thread."""
        if not self._threads:
            atexit.register(self.close)
        for index in range(len(self._threads), self._workers):
            thread = threading.Thread(target=self._serve, args=(index,), daemon=True, name=f"lightning-iit-worker-{index}")
            try:
                thread.start()
            except RuntimeError as error:  # the system has no thread left; the next task tries again
                if self._threads:
                    break
                return Failed(code="worker_died", reason=f"No worker could be started, since the host has no thread left: {error}.")
            self._threads.append(thread)
        return None

    def _end_all(self, end: Callable[[OpenTask], PhiResult]) -> None:
        """Ends every open task with the result that ``end`` gives.

        Waits at most ``_PATIENCE`` seconds for the threads of running tasks; a task whose thread hangs is then ended here.
        """
        with self._changed:
            self._queue.clear()
            waiting = [entry for entry in self._open if not entry.active and not entry.future.done()]
            running = [entry for entry in self._open if entry.active]
            for entry in running:
                entry.end = end
        for entry in waiting:
            self._settle(entry, end(entry))
        wait([entry.future for entry in running], _PATIENCE)
        for entry in running:
            if not entry.future.done():
                self._settle(entry, end(entry))

    def _serve(self, index: int) -> None:
        """Runs in the thread of one worker: hands tasks to the worker until the pool is closed."""
        worker = Worker(self._server)
        try:
            while (piece := self._next(index, worker)) is not None:
                self._run(worker, piece)
        finally:
            worker.close()

    def _next(self, index: int, worker: Worker) -> Piece | None:
        """Waits for the next piece of a task and returns it; None once the pool is closed. Runs warm-ups meanwhile."""
        while True:
            with self._changed:
                while not self._closed and not self._queue and not self._warm_ups[index]:
                    self._changed.wait()
                if self._closed:
                    return None
                if not self._warm_ups[index]:
                    piece = self._queue.popleft()
                    piece.attempts += 1
                    piece.entry.running = True
                    piece.entry.active += 1
                    return piece
                arguments = self._warm_ups[index].pop(0)
            # The outcome is ignored: an engine that cannot be loaded makes the first task fail, with the reason.
            function = f"{self._function.split(':')[0]}:warm_up"
            worker.prepare(function, arguments, timeout=self._timeout, stopped=lambda: self._closed)

    def _run(self, worker: Worker, piece: Piece) -> None:
        """Lets a worker compute a piece of a task, and settles the task with the outcome of the last one, whatever breaks."""
        entry = piece.entry
        try:
            result = self._compute(worker, piece)
        except Exception as error:  # noqa: BLE001  the thread must live on, and no task may be left without a result
            result = Failed(code="worker_died", reason=f"The task could not be computed: {type(error).__name__}: {error}.")
        with self._changed:
            goes_on = piece.part is not None and not entry.stopped
            if goes_on:
                following = [piece] if died(piece, result) else followed_by(piece, result)
                if following:  # before the pieces of tasks that came later
                    self._queue.extendleft(reversed(following))
                    self._changed.notify_all()
                entry.active -= 1
        if not goes_on:
            self._settle(entry, result if piece.part is None else ended(entry))
            with self._changed:
                entry.active -= 1

    def _compute(self, worker: Worker, piece: Piece) -> TaskResult | PhiResult:
        """Lets a worker compute a piece; returns its result, or the result of each unfinished state."""
        entry = piece.entry
        if entry.future.cancelled():
            return Skipped(code="cancelled", reason="It was cancelled.")
        with self._changed:
            open_pieces = len(self._queue) + sum(one.active for one in self._open)
        task = with_threads(piece.task, busy=max(1, min(self._workers, open_pieces)), training=not self._draining)
        timeout = task.timeout if task.timeout is not None else self._timeout
        see = entry.see if piece.part is None else _nothing
        outcome = worker.call(self._function, (task,), timeout=timeout, on_report=see, stopped=lambda: entry.stopped)
        if isinstance(outcome, Returned) and isinstance(outcome.value, TaskResult):
            return outcome.value
        return entry.end(entry) if isinstance(outcome, Stopped) and entry.end else why_not(outcome)

    def _settle(self, entry: OpenTask, result: TaskResult | PhiResult) -> None:
        """Gives a task its result and takes the task off the list of open tasks."""
        if isinstance(result, TaskResult):
            entry.resolve(result)
        else:
            entry.resolve_unfinished(result)
        # Taken off the list only after the future's callbacks have run, so that a drain waits for the callbacks too.
        with self._changed:
            if entry in self._open:
                self._open.remove(entry)
            self._changed.notify_all()


def _nothing(_report: WorkerMessage) -> None:
    """Keeps nothing of what a worker says of a part, since a part has no states of its own."""


def check_pool_options(workers: int, timeout: float | None, when_busy: str, max_queued: int) -> None:
    """Checks the options of :class:`WorkerPool`.

    Raises:
        InvalidArgumentError: an option has an impossible value.
    """
    if type(workers) is not int or workers < 1:
        msg = f"workers={workers!r}: give the number of worker processes, 1 or more."
        raise InvalidArgumentError(msg)
    if timeout is not None and not timeout > 0:
        msg = f"timeout={timeout!r}: give seconds above 0, or None for no limit."
        raise InvalidArgumentError(msg)
    if when_busy not in {"queue", "skip", "wait"}:
        msg = f"when_busy={when_busy!r}: choose 'queue', 'skip' or 'wait'."
        raise InvalidArgumentError(msg)
    if type(max_queued) is not int or max_queued < 0:
        msg = f"max_queued={max_queued!r}: give how many tasks may wait, 0 or more."
        raise InvalidArgumentError(msg)
