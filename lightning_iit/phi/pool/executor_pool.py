"""A pool that hands tasks to an executor: to a cluster, a queue of jobs, or any ``concurrent.futures.Executor``."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING

from lightning_iit.phi.executors.fitness import is_missing, missing_words, own_version, version_words
from lightning_iit.phi.pool.busy import TICK, refusal, wait_for_all
from lightning_iit.phi.pool.endings import drained, interrupted
from lightning_iit.phi.pool.open_task import OpenTask, TaskProgress
from lightning_iit.phi.pool.pieces import ATTEMPTS, Piece, followed_by, pieces_of
from lightning_iit.phi.pool.pool import JOB, WhenBusy, check_pool_options
from lightning_iit.phi.pool.remote import packed, run_limited, unpacked
from lightning_iit.phi.pool.worker import never
from lightning_iit.records import FORMALISM, Failed, PhiResult, PhiTask, Skipped, TaskResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from lightning_iit.phi.executors.executor import TaskExecutor
    from lightning_iit.records import Formalism

_PATIENCE = 5.0
"""Seconds to wait for the thread that receives answers."""


class ExecutorPool:
    """Hands tasks to an executor, which decides when and where each task runs.

    A task travels as bytes (:func:`~lightning_iit.phi.pool.remote.packed`). Where the executor runs it, a worker process computes
    it and is killed at the time limit, since an executor cannot end what runs too long. A task that was lost, with its worker or
    with the connection, is handed over once more.

    The parts of a task (``PhiTask.split``) are handed over one by one where several tasks run at one time, and the task itself with
    what they found once all have ended. Each has the time limit, and each is handed over once more by itself where it was lost.

    An executor does not say which tasks run. The oldest ones, as many as run at one time, are taken to be running.

    Args:
        executor: where tasks are computed; closed together with the pool.
        function: ``"module:function"`` that computes a task, importable where the executor runs tasks.
        workers: how many tasks run at one time, where the executor does not say it.
        timeout: seconds for one task, from the moment its worker begins; ``PhiTask.timeout`` overrides. None for no limit.
        when_busy: what ``submit`` does when every worker is busy, see :class:`~lightning_iit.phi.pool.pool.WorkerPool`.
        max_queued: how many tasks may wait.
        interrupted: asked about five times a second while ``submit`` or ``drain`` waits; where the answer is True, the wait ends.

    Raises:
        InvalidArgumentError: an argument has an impossible value.
    """

    def __init__(
        self,
        executor: TaskExecutor,
        function: str = JOB,
        *,
        workers: int = 1,
        timeout: float | None = 600.0,
        when_busy: WhenBusy = "queue",
        max_queued: int = 64,
        interrupted: Callable[[], bool] = never,
    ) -> None:
        check_pool_options(workers, timeout, when_busy, max_queued)
        self._executor = executor
        self._function = function
        self._workers = workers
        self._timeout = timeout
        self._when_busy = when_busy
        self._max_queued = max_queued
        self._interrupted = interrupted
        self._changed = threading.Condition()
        self._open: dict[OpenTask, list[Piece]] = {}
        self._answers: SimpleQueue[tuple[Piece, Future[bytes]] | None] = SimpleQueue()
        self._receiving: threading.Thread | None = None
        self._unfit = ""
        self._served = False
        self._closed = False
        self._pid = os.getpid()

    @property
    def pending(self) -> int:
        """Counts the tasks that have no result yet."""
        with self._changed:
            return self._busy()

    def progress(self) -> tuple[TaskProgress, ...]:
        """Returns how far each open task is, in the order in which the tasks were submitted; no fraction is known."""
        with self._changed:
            slots = self.slots()
            return tuple(TaskProgress(key=entry.task.key, running=n < slots, fraction=0.0) for n, entry in enumerate(self._open))

    def submit(self, task: PhiTask) -> Future[TaskResult]:
        """Hands a task to the executor; with ``when_busy="wait"``, waits first until a worker is free.

        Returns:
            A future that never raises: every outcome is a TaskResult. A task that is not accepted gets its result at once.
        """
        entry, pieces = OpenTask(task), list[Piece]()
        with self._changed:
            if self._when_busy == "wait":
                while not self._closed and self._busy() >= self.slots() and not self._interrupted():
                    self._changed.wait(TICK)
            refused = self._refusal() or self._start()
            if refused is None:
                pieces = pieces_of(entry, self.slots())
                self._open[entry] = list(pieces)
        if refused is not None:
            entry.resolve_unfinished(refused)
        for piece in pieces:
            self._hand_over(piece)
        return entry.future

    def warm_up(self, engine: str = "auto", formalisms: Sequence[Formalism] = (FORMALISM,)) -> None:
        """Does nothing: only the executor knows which process will run a task."""

    def drain(self, timeout: float, on_progress: Callable[[int], None] | None = None) -> bool:
        """Waits until every task has a result; after ``timeout`` seconds, or at an interruption, ends the open tasks.

        Args:
            timeout: seconds. Tasks still open then end as TimedOut where they were running, and as Skipped where they were waiting.
                After an interruption (see the pool's ``interrupted``), the open tasks end as Failed.
            on_progress: called about five times a second with the number of open tasks.

        Returns:
            Whether every task ended by itself.
        """
        on_tick = (lambda: None) if on_progress is None else (lambda: on_progress(self.pending))
        broken_off = wait_for_all(self._settled, timeout, self._interrupted, on_tick)
        if self._settled(0.0):
            return True
        self._end_all(lambda running: interrupted() if broken_off else drained(timeout, running=running))
        return False

    def close(self) -> None:
        """Ends the open tasks as Failed, cancels them where possible, and closes the executor.

        A second call does nothing, and a call in a process that was forked from the host does nothing either.
        """
        with self._changed:
            if self._closed or os.getpid() != self._pid:
                return
            self._closed = True
            self._changed.notify_all()
        self._end_all(lambda _: Failed(code="interrupted", reason="The pool was closed before this analysis ended."))
        if self._receiving is not None:
            self._answers.put(None)
            self._receiving.join(_PATIENCE)
        self._executor.close()

    # --- inside -----------------------------------------------------------------------------------------------------------

    def slots(self) -> int:
        """Returns how many tasks run at one time."""
        with suppress(Exception):  # a cluster that is out of reach says nothing
            return self._executor.slots() or self._workers
        return self._workers

    def _busy(self) -> int:
        """Counts the tasks without a result."""
        return sum(not entry.future.done() for entry in self._open)

    def _refusal(self) -> PhiResult | None:
        """Returns the result for a task that the pool does not accept now; None where the pool accepts the task."""
        if self._closed:
            return Skipped(code="pool_closed", reason="The pool was closed before this task was handed over.")
        if self._unfit:
            return Failed(code="executor_unfit", reason=self._unfit)
        return refusal(self._when_busy, self._busy(), self.slots(), self._max_queued)

    def _start(self) -> Failed | None:
        """Starts the thread that receives answers, at the first task; returns a task's result where there is no thread."""
        if self._receiving is not None:
            return None
        thread = threading.Thread(target=self._receive_all, daemon=True, name="lightning-iit-executor")
        try:
            thread.start()
        except RuntimeError as error:  # the system has no thread left; the next task tries again
            return Failed(code="worker_died", reason=f"The host has no thread left to receive the answer: {error}.")
        self._receiving = thread
        return None

    def _hand_over(self, piece: Piece) -> None:
        """Hands a piece of a task to the executor; a piece that the executor does not take has its result at once."""
        try:
            inner = self._executor.submit(run_limited, self._function, packed(piece.task), self._timeout, own_version())
        except Exception as error:  # noqa: BLE001  an unreachable cluster must not stop training
            self._end_piece(piece, _refused(error))
            return
        with self._changed:
            still_open = piece in self._open.get(piece.entry, ())
            if still_open:
                piece.attempts += 1
                piece.inner = inner
        if not still_open:  # ended meanwhile
            inner.cancel()
        # Another thread receives: callbacks run in threads of the executor, which has work of its own to do there.
        inner.add_done_callback(lambda done: self._answers.put((piece, done)))

    def _receive_all(self) -> None:
        """Receives answers until the pool is closed."""
        while (answer := self._answers.get()) is not None:
            piece, inner = answer
            try:
                self._receive(piece, inner)
            except Exception as error:  # noqa: BLE001  the thread must live on, and no task may be left without a result
                reason = f"The answer of the executor could not be read: {type(error).__name__}: {error}."
                self._end_piece(piece, Failed(code="engine_error", reason=reason))

    def _receive(self, piece: Piece, inner: Future[bytes]) -> None:
        """Ends a piece with the executor's answer, or hands a piece that was lost over once more."""
        entry = piece.entry
        with self._changed:
            still_open = piece in self._open.get(entry, ())
        if not still_open or piece.inner is not inner:
            return
        again = piece.attempts < ATTEMPTS and not entry.stopped and not self._closed
        if inner.cancelled():
            self._end_piece(piece, Failed(code="interrupted", reason="The executor cancelled this task."))
        elif (error := inner.exception()) is not None:
            if again:
                self._hand_over(piece)
            elif is_missing(error):
                self._give_up(entry, f"{self._executor.name}: {missing_words(error)}")
            else:
                self._end_piece(piece, _refused(error))
        else:
            answer = unpacked(inner.result())
            if answer.result is None:
                self._give_up(entry, f"{self._executor.name}: {version_words(answer.version)}")
            elif answer.lost and again:
                self._hand_over(piece)
            else:
                self._served = True
                self._end_piece(piece, answer.result)

    def _end_piece(self, piece: Piece, result: TaskResult | PhiResult) -> None:
        """Settles a task with the outcome of its last piece; hands that piece over once all parts have ended."""
        following = list[Piece]()
        with self._changed:
            pieces = self._open.get(piece.entry)
            if pieces is None or piece not in pieces:
                return
            if piece.part is not None:
                pieces.remove(piece)
                following = followed_by(piece, result)
                pieces.extend(following)
        for one in following:
            self._hand_over(one)
        if piece.part is None:
            self._settle(piece.entry, result)

    def _give_up(self, entry: OpenTask, why: str) -> None:
        """Ends a task whose worker does not serve, and all other tasks too where no worker has served so far."""
        result = Failed(code="executor_unfit", reason=why)
        self._settle(entry, result)
        if not self._served:
            with self._changed:
                self._unfit = why
            self._end_all(lambda _: result)

    def _end_all(self, why: Callable[[bool], PhiResult]) -> None:
        """Ends all open tasks with the result that ``why`` gives for one that is running or not, and cancels them."""
        with self._changed:
            slots, handed = self.slots(), [(entry, list(pieces)) for entry, pieces in self._open.items()]
        for number, (entry, pieces) in enumerate(handed):
            inner = [piece.inner for piece in pieces if piece.inner is not None]
            running = bool(inner) and (number < slots or any(one.running() for one in inner))
            # The task is settled first, because cancelling would settle the task with another reason.
            self._settle(entry, why(running))
            for one in inner:
                one.cancel()

    def _settled(self, timeout: float) -> bool:
        """Waits at most ``timeout`` seconds and says whether every task has a result and every callback of its future has run."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout)

    def _settle(self, entry: OpenTask, result: TaskResult | PhiResult) -> None:
        """Gives a task its result, unless it has one, and takes the task off the list of open tasks."""
        if isinstance(result, TaskResult):
            entry.resolve(result)
        else:
            entry.resolve_unfinished(result)
        with self._changed:
            self._open.pop(entry, None)
            self._changed.notify_all()


def _refused(error: BaseException) -> PhiResult:
    """Returns the result for a task that the executor did not compute."""
    return Failed(code="worker_died", reason=f"The executor did not compute it: {type(error).__name__}: {error}")
