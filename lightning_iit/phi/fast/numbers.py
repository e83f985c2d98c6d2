"""Φ of many small systems as numbers only: no concept and no partition is kept, and all arrays are used again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.phi.compiling import machine_code
from lightning_iit.phi.fast.cuts import system_cuts
from lightning_iit.phi.fast.evaluation import evaluate_cut, new_worker
from lightning_iit.phi.fast.mice import concept_phis, forget, forget_mice, forget_splits, new_known, new_mice
from lightning_iit.phi.fast.repertoires import new_repertoires
from lightning_iit.phi.fast.rounding import PRECISION
from lightning_iit.phi.fast.subsets import rows_of_states, subsets
from lightning_iit.phi.fast.tables import node_dynamics, strongly_connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Float, Int
    from numpy.typing import NDArray

    from lightning_iit.records import PhiOptions


class Numbers:
    """Computes Φ of one system after the other; all have the same nodes and connections.

    States of one TPM share the causes and effects of their mechanisms, as in :class:`.CutSearch`. From one TPM to the next, the
    arrays stay, and so does what was learned about where minima lie; each Φ is exact all the same.

    Args:
        inputs: ``[n]``, for each node the mask of the nodes with a connection to this node.
        options: which cuts and which mechanisms.
    """

    def __init__(self, inputs: NDArray[np.int64], options: PhiOptions) -> None:
        n, rows = len(inputs), 3 ** len(inputs)
        self._inputs = inputs
        self._new_concepts = options.new_concepts
        self._irreducible = n > 1 and strongly_connected(inputs)
        self._cuts = [(cut, new_mice(rows)) for cut in system_cuts(n, options.cuts)]
        self._known, self._whole, self._worker, self._subsets = new_known(rows, n), new_repertoires(n), new_worker(n), subsets(n)

    def phis(self, tpms: Float[np.ndarray, "system row node"], states: Int[np.ndarray, "system node"]) -> Iterator[float]:
        """Yields Φ of each TPM in its state; NaN where no state can be followed by that state."""
        reached = (np.abs(tpms - states[:, None, :]) < 1).all(axis=2).any(axis=1)
        before: NDArray[np.float64] | None = None
        for tpm, state, reachable in zip(tpms, states, reached.tolist(), strict=True):
            if not reachable or not self._irreducible:
                yield 0.0 if reachable else np.nan
                continue
            if before is None or not np.array_equal(tpm, before):
                self._begin(tpm)
                before = tpm
            yield self._phi(state)

    def _begin(self, tpm: Float[np.ndarray, "row node"]) -> None:
        """Makes the tables of another TPM, and forgets the causes and effects of the last one."""
        self._dynamics = node_dynamics(tpm, self._inputs)
        forget(self._known)
        for _, mice in self._cuts:
            forget_mice(mice)

    def _phi(self, state: Int[np.ndarray, " node"]) -> float:
        """Returns Φ of the current TPM in a state: of its cuts the smallest, or 0 where there is no concept."""
        kernel = machine_code(evaluate_cut)
        rows = rows_of_states(tuple(state.tolist()))
        count, number = len(rows), int(state @ 2 ** np.arange(len(state)))
        wanted = np.ones(count, np.bool_)
        common = (wanted, rows, self._dynamics, self._subsets, self._whole, self._known)
        forget_splits(self._known)
        uncut = self._worker._replace(cut=self._whole)
        kernel(1, count, number, 0, 0, *common, self._known.mice, uncut, np.inf)
        phi = concept_phis(self._known.mice, rows[1:])
        if not phi.any():
            return 0.0
        if not self._new_concepts:
            wanted[1:] = phi > 0
        least = np.inf
        for cut, mice in self._cuts:
            bound = least + 2 * PRECISION
            least = min(least, kernel(1, count, number, cut.source, cut.target, *common, mice, self._worker, bound))
            if least == 0:
                break
        return float(least)
