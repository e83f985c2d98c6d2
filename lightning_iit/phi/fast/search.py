"""The search for the minimum-information partition of a candidate system: the cut with the smallest Φ.

A cut matters only if its Φ is below the smallest Φ found so far. So each evaluation gets the smallest Φ as a bound and ends early
once Φ of the cut is known to be larger, which most often takes few of its causes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.compiling import machine_code
from lightning_iit.phi.engine import THREADS_FROM
from lightning_iit.phi.fast.causes import UNKNOWN
from lightning_iit.phi.fast.cuts import SystemCut, system_cuts
from lightning_iit.phi.fast.evaluation import Workspace, evaluate_cut, new_worker
from lightning_iit.phi.fast.mice import Mice, concept_phis, forget_splits, new_known, new_mice
from lightning_iit.phi.fast.repertoires import Repertoires, new_repertoires
from lightning_iit.phi.fast.rounding import PRECISION
from lightning_iit.phi.fast.subsets import rows_of_states

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.tables import Candidate
    from lightning_iit.records import PhiOptions

UNCUT = SystemCut(-1, 0, 0)
"""Stands for no cut where a cut is expected: the uncut system."""

Checkpoint = Callable[[float], None]
"""A function that now and then receives the finished fraction of the cuts; an exception in the function ends the analysis."""


class Minimum(NamedTuple):
    """Holds the best cut so far: the cut with the smallest Φ, and of equal Φ the first cut in PyPhi's order.

    Args:
        phi: Φ of the cut, rounded; infinity before the first cut.
        position: the cut's place in PyPhi's order.
        cut: the cut; None before the first cut.
        mice: the causes and effects under the cut.
    """

    phi: float
    position: int
    cut: SystemCut | None = None
    mice: Mice | None = None


class Found(NamedTuple):
    """Holds the result of a search: the minimum-information partition of a candidate system in a state.

    Args:
        minimum: the cut with the smallest Φ; ``minimum.cut`` is None if no mechanism has a concept.
        second: Φ of the second-best cut, rounded; only a lower bound where the options do not ask for ties.
        evaluated: the number of cuts whose evaluation was begun.
        rows: ``[2**n]``, the row of each mechanism in ``mice`` and ``minimum.mice``.
        mice: the causes and effects of the uncut system.
        whole: the repertoires of the uncut system; overwritten by the next search.
        partitioned: the repertoires under ``minimum.cut``; valid only if the options ask for repertoires, and overwritten by the
            next search.
        best: the best cuts, the minimum first, as many as were asked for; empty where the minimum alone was.
    """

    minimum: Minimum
    second: float
    evaluated: int
    rows: NDArray[np.int64]
    mice: Mice
    whole: Repertoires
    partitioned: Repertoires
    best: tuple[Minimum, ...] = ()


class CutSearch:
    """Searches for the cut of a candidate system with the smallest Φ, in one state after the other.

    The causes and effects of a mechanism depend, under any cut, only on the state of the mechanism itself. So, where ``several``
    states are searched, all states in which a mechanism is in the same state share that mechanism's causes and effects: n nodes
    have 3**n mechanisms in states (each node outside, in and OFF, or in and ON) instead of 4**n pairs of mechanism and system
    state.

    Args:
        candidate: the system's tables.
        options: which cuts, which mechanisms and how many threads.
        several: whether more than one state will be searched.
        best: how many of the best cuts are to be found; 0 finds the minimum alone, which takes less time.
    """

    def __init__(self, candidate: Candidate, options: PhiOptions, *, several: bool = False, best: int = 0) -> None:
        self._candidate = candidate
        self._options = options
        self._several = several
        self._wanted_best = best
        self.n: int = len(candidate.nodes)
        self._cuts = system_cuts(self.n, options.cuts)
        self._row_count = 3**self.n if several else 2**self.n
        self._known = new_known(self._row_count, self.n)
        self._mice: dict[int, Mice] = {}
        self._whole = new_repertoires(self.n)
        threads = max(1, options.threads) if self.n >= THREADS_FROM else 1
        self._workers = [new_worker(self.n) for _ in range(threads)]
        self._chunk = {6: 32, 7: 8, 8: 2}.get(self.n, 2**self.n)

    def search(self, state: NDArray[np.int64], checkpoint: Checkpoint, *, enough: float = -1.0) -> Found:
        """Finds the cut with the smallest Φ in one state.

        Args:
            state: ``[n]``, the current state.
            checkpoint: called with the finished fraction of the cuts, from 0 to 1.
            enough: the search ends as soon as some cut has a Φ below this value; the smallest Φ is then at most the Φ that is
                returned.

        Returns:
            The cut, the causes and effects of the uncut and of the cut system, and the repertoires.
        """
        run = _Run(self, state, checkpoint, enough)
        return run.found()

    def mice(self, cut: SystemCut) -> Mice:
        """Returns the known causes and effects under a cut, to be filled in: shared by the states where ``several``, else empty."""
        if not self._several:
            return new_mice(self._row_count)
        return self._mice.setdefault(cut.position, new_mice(self._row_count))

    def rows(self, state: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the row of each mechanism in its state, ``[2**n]``: the mask itself, or a number to base 3 where ``several``."""
        return rows_of_states(tuple(state.tolist())) if self._several else np.arange(2**self.n)


class _Run:
    """Runs one search in one state; the threads of the search share the best cut so far."""

    def __init__(self, cut_search: CutSearch, state: NDArray[np.int64], checkpoint: Checkpoint, enough: float) -> None:
        self._of = cut_search
        self._candidate = cut_search._candidate
        self._state = int(state @ 2 ** np.arange(len(state)))
        self._rows = cut_search.rows(state)
        self._checkpoint = checkpoint
        self._enough = enough
        self._wanted = np.ones(len(self._rows), np.bool_)
        self._minimum = Minimum(np.inf, len(cut_search._cuts))
        self._second = np.inf
        self._best: list[Minimum] = []
        self._evaluated = 0
        self._queue = iter(cut_search._cuts)
        self._lock = threading.Lock()
        self._stopped = False
        self._kernel: Callable[..., float] = machine_code(evaluate_cut)

    def found(self) -> Found:
        """Evaluates the uncut system, then the cuts, and returns the result.

        Repertoires under the best cut are computed again at the end, since each evaluation overwrites the repertoires of its
        thread.
        """
        of = self._of
        forget_splits(of._known)
        self._evaluate_cut(UNCUT, of._workers[0]._replace(cut=of._whole), of._known.mice, self._checkpoint)
        self._kernel = machine_code(evaluate_cut)
        phi = concept_phis(of._known.mice, self._rows[1:])
        if phi.any():
            if not of._options.new_concepts:
                self._wanted[1:] = phi > 0
            self._evaluate_all()
        minimum, worker = self._minimum, of._workers[0]
        if minimum.mice is not None and minimum.cut is not None and of._options.repertoires:
            self._evaluate_mechanisms(1, 1, minimum.cut, worker, minimum.mice)
        return Found(minimum, self._second, self._evaluated, self._rows, of._known.mice, of._whole, worker.cut, tuple(self._best))

    def _evaluate_all(self) -> None:
        """Evaluates all cuts, in one thread or in several; raises the first exception of any thread."""
        workers = self._of._workers
        if len(workers) == 1:
            self._work(workers[0], self._checkpoint)
            return
        errors: list[BaseException] = []
        threads = [threading.Thread(target=self._guarded, args=(worker, errors), daemon=True) for worker in workers]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.05)
                    self._checkpoint(self._fraction())
        finally:
            self._stopped = True
            for thread in threads:
                thread.join()
        if errors:
            raise errors[0]

    def _guarded(self, worker: Workspace, errors: list[BaseException]) -> None:
        """Works in a thread of its own; keeps an exception for the calling thread and stops the other threads."""
        try:
            self._work(worker, lambda _: None)
        except BaseException as error:  # noqa: BLE001  (raised again in the calling thread)
            errors.append(error)
            self._stopped = True

    def _work(self, worker: Workspace, checkpoint: Checkpoint) -> None:
        """Evaluates cuts until none is left."""
        while (cut := self._next()) is not None:
            self._evaluate(cut, worker, checkpoint)

    def _next(self) -> SystemCut | None:
        """Takes the next cut that can still be the minimum; None where the search is over.

        Once some cut (two, where the margin is asked for) has Φ = 0, only cuts that come earlier in PyPhi's order can replace it.
        """
        with self._lock:
            if self._stopped or self._minimum.phi < self._enough:
                return None
            for cut in self._queue:
                if self._needed > 0 or cut.position < self._last.position:
                    self._evaluated += 1
                    return cut
        return None

    @property
    def _needed(self) -> float:
        """Returns the Φ above which Φ of a cut does not matter: that of the last kept, or the second where ties are asked for."""
        return self._second if self._of._options.ties else self._last.phi

    @property
    def _last(self) -> Minimum:
        """Returns the last of the cuts that are kept, which a further cut has to beat; any one does where there are too few."""
        wanted = self._of._wanted_best
        if not wanted:
            return self._minimum
        return self._best[-1] if len(self._best) == wanted else Minimum(np.inf, len(self._of._cuts))

    def _fraction(self) -> float:
        """Returns the fraction of the cuts that are certainly done, from 0 to 1."""
        return max(0, self._evaluated - len(self._of._workers)) / len(self._of._cuts)

    def _evaluate(self, cut: SystemCut, worker: Workspace, checkpoint: Checkpoint) -> None:
        """Evaluates one cut and keeps the cut if it is the best so far."""
        mice = self._of.mice(cut)
        phi = self._evaluate_cut(cut, worker, mice, checkpoint)
        with self._lock:
            if self._stopped:
                return
            self._second = min(self._second, max(phi, self._minimum.phi))
            found = Minimum(phi, cut.position, cut, mice)
            if self._of._wanted_best and found[:2] < self._last[:2]:
                self._best = sorted([*self._best, found], key=lambda one: one[:2])[: self._of._wanted_best]
            if found[:2] < self._minimum[:2]:
                self._minimum = found

    def _evaluate_cut(self, cut: SystemCut, worker: Workspace, mice: Mice, checkpoint: Checkpoint) -> float:
        """Returns Φ of a cut or a lower bound above the smallest one; it means nothing for the uncut system and a stopped search.

        The causes are searched in chunks, so that ``checkpoint`` is called often enough in large systems.
        """
        mechanisms, phi = len(self._rows), np.inf
        for first in range(1, mechanisms, self._of._chunk):
            checkpoint(self._fraction())
            if self._stopped:
                break
            phi = self._evaluate_mechanisms(first, min(first + self._of._chunk, mechanisms), cut, worker, mice)
            if phi != UNKNOWN:
                break
        return phi

    def _evaluate_mechanisms(self, first: int, stop: int, cut: SystemCut, worker: Workspace, mice: Mice) -> float:
        """Calls the kernel for the turns from ``first`` to below ``stop``, with the smallest Φ so far as the bound."""
        of, candidate = self._of, self._candidate
        bound = self._needed + 2 * PRECISION
        known = (self._wanted, self._rows, candidate.dynamics, candidate.subsets, of._whole, of._known, mice, worker, bound)
        return self._kernel(first, stop, self._state, cut.source, cut.target, *known)
