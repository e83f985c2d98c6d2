"""Whether Φ depends on ties: purviews with equal φ, of which a rule takes one, and Φ of TPMs that differ by very little."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.phi.compiling import machine_code
from lightning_iit.phi.fast.evaluation import evaluate_cut, new_worker
from lightning_iit.phi.fast.mice import concept_phis, forget_splits, new_known, new_mice
from lightning_iit.phi.fast.repertoires import new_repertoires
from lightning_iit.phi.fast.subsets import subsets
from lightning_iit.phi.fast.tables import node_dynamics

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.mice import Mice

MOVED = 10
"""The number of moved TPMs."""
TIE = 1e-5
"""A move of the TPM by at most this much breaks ties: purviews of equal φ get different φ, and other purviews may win."""
JITTER = 1e-4
"""A move of the TPM by at most this much shows how far Φ moves where ties break."""
_POSSIBLE = 1e-9
"""The smallest probability of what is possible in a moved TPM, so that its state can still be reached."""
SEED = 0
"""The seed of the moves, so that a system always gives the same numbers."""


def moved(tpm: Float[np.ndarray, "row node"], most: float) -> Float[np.ndarray, "move row node"]:
    """Returns TPMs whose entries differ from those of ``tpm`` by at most ``most``, at random; what is possible stays possible."""
    moves = np.random.default_rng(SEED).uniform(-most, most, (MOVED, *tpm.shape))
    return np.asarray((tpm + moves).clip(np.minimum(tpm, _POSSIBLE), np.maximum(tpm, 1 - _POSSIBLE)))


def tied_mechanisms(
    tpm: Float[np.ndarray, "row node"], inputs: NDArray[np.int64], state: Int[np.ndarray, " node"], source: int
) -> NDArray[np.int64]:
    """Returns the mechanisms (masks) of the concepts whose maximal purview, of cause or effect, another one ties with.

    Purviews tie where a move of the TPM by 1e-5 makes another one maximal, in the whole system or under a cut. Purviews whose φ
    stays equal under a move are no tie: they share a minimum-information partition, and the larger purview wins by rule, however
    the TPM is moved.

    Args:
        tpm: the TPM, state-by-node.
        inputs: for each node the mask of the nodes that act on it.
        state: the state of the system.
        source: the mask of the nodes whose outputs to all other nodes are cut.
    """
    here = _mice(tpm, inputs, state, source)
    every = np.arange(len(tpm))
    tied = np.zeros(len(tpm), np.bool_)
    for other in moved(tpm, TIE):
        for mice, found in zip(here, _mice(other, inputs, state, source), strict=True):
            concepts = (concept_phis(mice, every) > 0) & (concept_phis(found, every) > 0)
            tied |= concepts & (found.purview != mice.purview).any(axis=0)
    return np.flatnonzero(tied & (concept_phis(here[0], every) > 0))


def _mice(
    tpm: Float[np.ndarray, "row node"], inputs: NDArray[np.int64], state: Int[np.ndarray, " node"], source: int
) -> tuple[Mice, Mice]:
    """Finds the causes and effects of the uncut system, and those under the cut."""
    count, n = tpm.shape
    known, worker, whole = new_known(count, n), new_worker(n), new_repertoires(n)
    forget_splits(known)
    rows, wanted, mice = np.arange(count), np.ones(count, np.bool_), new_mice(count)
    tables, state_mask = (node_dynamics(tpm, inputs), subsets(n), whole, known), int(state @ 2 ** np.arange(n))
    evaluate = machine_code(evaluate_cut)
    evaluate(1, count, state_mask, 0, 0, wanted, rows, *tables, known.mice, worker._replace(cut=whole), np.inf)
    evaluate(1, count, state_mask, source, (count - 1) ^ source, wanted, rows, *tables, mice, worker, np.inf)
    return known.mice, mice
