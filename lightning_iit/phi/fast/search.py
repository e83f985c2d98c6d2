"""The minimum-information partition of a candidate system: the cut with the smallest Φ."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.fast.cuts import SystemCut, system_cuts
from lightning_iit.phi.fast.mice import Mice, concept_phis, find_mice, new_mice, new_uncut
from lightning_iit.phi.fast.partitions import Search, new_search
from lightning_iit.phi.fast.repertoires import Repertoires, fill_repertoires, new_repertoires
from lightning_iit.phi.fast.rounding import PRECISION
from lightning_iit.phi.fast.structures import Space, Structure, new_space, structure_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.tables import Candidate
    from lightning_iit.records import PhiOptions

THREADS_FROM = 6
"""Below so many nodes threads cost more than they give."""

Checkpoint = Callable[[float], None]
"""Is called now and then with the fraction of the cuts that are done; what it raises ends the analysis."""


class Worker(NamedTuple):
    """What a thread needs for itself."""

    cut: Repertoires
    search: Search
    space: Space


class Minimum(NamedTuple):
    """The best cut so far: by Φ (rounded), then by PyPhi's order. ``mice`` are the causes and effects under it."""

    phi: float
    position: int
    cut: SystemCut | None = None
    mice: Mice | None = None


class Found(NamedTuple):
    """The minimum-information partition of a candidate system in a state, and what belongs to it.

    ``minimum.cut`` is None if no mechanism has a concept. ``rows`` says in which row of ``mice`` a mechanism is.
    """

    minimum: Minimum
    evaluated: int
    rows: NDArray[np.int64]
    mice: Mice
    whole: Repertoires


class CutSearch:
    """Searches the cuts of a candidate system, in one state after the other.

    A mechanism's causes and effects depend on its own state only, under any cut. So of ``several`` states that are
    searched, those in which a mechanism is in the same state share them: 3**n mechanisms in states instead of 4**n.

    Args:
        candidate: the system's tables.
        options: which cuts, which mechanisms and how many threads.
        several: whether more than one state will be searched.
    """

    def __init__(self, candidate: Candidate, options: PhiOptions, *, several: bool = False) -> None:
        self._candidate = candidate
        self._options = options
        self._several = several
        self.n = len(candidate.nodes)
        self._cuts = system_cuts(self.n, options.cuts)
        self._row_count = 3**self.n if several else 2**self.n
        self._uncut = new_uncut(self._row_count, self.n)
        self._mice: dict[int, Mice] = {}
        self._whole = new_repertoires(self.n)
        threads = max(1, options.threads) if self.n >= THREADS_FROM else 1
        self._workers = [Worker(new_repertoires(self.n), new_search(self.n), new_space(self.n)) for _ in range(threads)]
        self._chunk = {6: 32, 7: 8, 8: 2}.get(self.n, 2**self.n)

    def search(self, state: NDArray[np.int64], checkpoint: Checkpoint, *, enough: float = -1.0) -> Found:
        """Finds the cut with the smallest Φ.

        Args:
            state: ``[n]``, the current state.
            checkpoint: called with the fraction that is done.
            enough: the search ends as soon as some cut has a Φ below this; then the result is only known to be below it.
        """
        run = _Run(self, state, checkpoint, enough)
        return run.found()

    def mice(self, cut: SystemCut) -> Mice:
        """What is known of the causes and effects under a cut."""
        if not self._several:
            return new_mice(self._row_count)
        return self._mice.setdefault(cut.position, new_mice(self._row_count))

    def rows(self, state: NDArray[np.int64]) -> NDArray[np.int64]:
        """The row of each mechanism in its state."""
        masks = np.arange(2**self.n)
        if not self._several:
            return masks
        digits = (masks[:, None] >> np.arange(self.n) & 1) * (1 + state)
        return np.asarray(digits @ 3 ** np.arange(self.n))


class _Run:
    """One search; its threads share the best cut so far."""

    def __init__(self, cut_search: CutSearch, state: NDArray[np.int64], checkpoint: Checkpoint, enough: float) -> None:
        self._of = cut_search
        self._candidate = cut_search._candidate
        self._state = int(state @ 2 ** np.arange(len(state)))
        self._rows = cut_search.rows(state)
        self._checkpoint = checkpoint
        self._enough = enough
        self._wanted = np.ones(len(self._rows), np.bool_)
        self._minimum = Minimum(np.inf, len(cut_search._cuts))
        self._evaluated = 0
        self._queue = iter(cut_search._cuts)
        self._lock = threading.Lock()
        self._stopped = False

    def found(self) -> Found:
        of, candidate = self._of, self._candidate
        fill_repertoires(candidate.given, candidate.inputs, self._state, 0, 0, candidate.subsets, of._whole)
        self._find_mice(SystemCut(-1, 0, 0), of._workers[0], of._whole, of._uncut.mice, self._checkpoint)
        phi = concept_phis(of._uncut.mice, self._rows[1:])
        if phi.any():
            if not of._options.new_concepts:
                self._wanted[1:] = phi > 0
            self._evaluate_all()
        return Found(self._minimum, self._evaluated, self._rows, of._uncut.mice, of._whole)

    def _evaluate_all(self) -> None:
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

    def _guarded(self, worker: Worker, errors: list[BaseException]) -> None:
        try:
            self._work(worker, lambda _: None)
        except BaseException as error:  # noqa: BLE001  (raised again in the calling thread)
            errors.append(error)
            self._stopped = True

    def _work(self, worker: Worker, checkpoint: Checkpoint) -> None:
        while (cut := self._next()) is not None:
            self._evaluate(cut, worker, checkpoint)

    def _next(self) -> SystemCut | None:
        with self._lock:
            if self._stopped or self._minimum.phi < self._enough:
                return None
            for cut in self._queue:
                if self._minimum.phi > 0 or cut.position < self._minimum.position:
                    self._evaluated += 1
                    return cut
        return None

    def _fraction(self) -> float:
        return max(0, self._evaluated - len(self._of._workers)) / len(self._of._cuts)

    def _evaluate(self, cut: SystemCut, worker: Worker, checkpoint: Checkpoint) -> None:
        of, candidate = self._of, self._candidate
        mice = of.mice(cut)
        fill_repertoires(candidate.given, candidate.inputs, self._state, cut.source, cut.target, candidate.subsets, worker.cut)
        self._find_mice(cut, worker, worker.cut, mice, checkpoint)
        if self._stopped:
            return
        phi = structure_distance(
            self._rows,
            Structure(of._uncut.mice, of._whole),
            Structure(mice, worker.cut),
            candidate.subsets,
            worker.space,
            worker.search.transport,
            self._minimum.phi + 2 * PRECISION,
        )
        with self._lock:
            if (phi, cut.position) < self._minimum[:2]:
                self._minimum = Minimum(phi, cut.position, cut, mice)

    def _find_mice(self, cut: SystemCut, worker: Worker, repertoires: Repertoires, mice: Mice, checkpoint: Checkpoint) -> None:
        of, candidate = self._of, self._candidate
        for first in range(1, len(self._rows), of._chunk):
            checkpoint(self._fraction())
            if self._stopped:
                return
            find_mice(
                first,
                min(first + of._chunk, len(self._rows)),
                self._wanted,
                self._rows,
                cut.source,
                cut.target,
                of._whole,
                repertoires,
                candidate.subsets,
                worker.search,
                of._uncut,
                mice,
            )
