"""The maximally irreducible cause of a mechanism: a search over purviews by upper bounds of their φ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lightning_iit.phi.fast.compiling import kernel
from lightning_iit.phi.fast.partitions import Search, beats, cause_mip, hinted_bound
from lightning_iit.phi.fast.repertoires import Repertoires
from lightning_iit.phi.fast.rounding import PRECISION, round_python
from lightning_iit.phi.fast.subsets import Subsets

UNKNOWN = -1.0


@kernel
def connected(mechanism: int, purview: int, inputs: NDArray[np.int64], source: int, target: int) -> bool:
    """Whether the connections from purview to mechanism hold both together; otherwise some partition cuts none of them and φ = 0.

    Args:
        mechanism: a mask, not 0.
        purview: a mask, not 0.
        inputs: ``[n]``, masks of the nodes that are connected to each node.
        source: the mask of the nodes whose connections to ``target`` are cut; 0 for the uncut system.
        target: the mask of the nodes at the other end.
    """
    left, reached = mechanism, 0
    grown = True
    while grown and left:
        grown = False
        for node in range(len(inputs)):
            if (left >> node) & 1:
                mask = inputs[node] & purview
                if (target >> node) & 1:
                    mask &= ~source
                if mask & reached or left == mechanism:
                    reached |= mask
                    left ^= 1 << node
                    grown = True
    return left == 0 and reached == purview


@kernel
def _ahead(purview: int, other: int, sets: Subsets) -> bool:
    """Whether a purview wins against another of equal φ: it is larger, or as large and earlier."""
    if sets.size[purview] != sets.size[other]:
        return sets.size[purview] > sets.size[other]
    return sets.rank[purview] < sets.rank[other]


@kernel
def best_purview(
    mechanism: int,
    within: int,
    split: int,
    repertoires: Repertoires,
    inputs: NDArray[np.int64],
    source: int,
    target: int,
    sets: Subsets,
    search: Search,
    upper: NDArray[np.float64],
    exact: NDArray[np.float64],
    phi: float,
    winner: int,
) -> tuple[float, int]:
    """The purview with the largest φ and that φ, rounded; of equal φ the larger, then the earlier purview.

    Args:
        mechanism: a mask, not 0.
        within: only purviews within this mask take part, and
        split: if not 0, only those that have nodes inside and outside of this mask.
        repertoires: of the system, cut or not.
        inputs: as in :func:`connected`, with ``source`` and ``target``.
        source: see there.
        target: see there.
        sets: index tables.
        search: scratch and memory.
        upper: ``[2**n]``, upper bounds of φ by purview, not rounded; lowered.
        exact: ``[2**n]``, φ by purview where it is known, rounded, or UNKNOWN; filled in.
        phi: φ of the purview to beat; 0 if there is none.
        winner: that purview; 0 if there is none.
    """
    count = len(sets.order)
    first = search.last[mechanism]
    # 0: the purview that won last time; 1: known values, and hints for the others; 2: the others, the highest bound first
    for stage in range(2):
        for purview in range(1, count):
            if purview & ~within or (split and (purview & split == 0 or purview & ~split == 0)):
                continue
            if stage == 0 and purview != first:
                continue
            if exact[purview] == UNKNOWN:
                if upper[purview] == np.inf:
                    if not connected(mechanism, purview, inputs, source, target):
                        exact[purview] = 0.0
                        continue
                    upper[purview] = hinted_bound(mechanism, purview, repertoires, sets, search, phi - PRECISION)
                if stage == 1 or not beats(upper[purview], phi, _ahead(purview, winner, sets)):
                    continue
                phi, winner = _refine(mechanism, purview, repertoires, sets, search, upper, exact, phi, winner)
            elif exact[purview] > phi or (exact[purview] == phi and phi > 0.0 and _ahead(purview, winner, sets)):
                phi, winner = exact[purview], purview
    while True:
        chosen, highest = 0, -1.0
        for purview in range(1, count):
            if purview & ~within or (split and (purview & split == 0 or purview & ~split == 0)):
                continue
            if exact[purview] == UNKNOWN and upper[purview] > highest and beats(upper[purview], phi, _ahead(purview, winner, sets)):
                chosen, highest = purview, upper[purview]
        if chosen == 0:
            search.last[mechanism] = winner
            return phi, winner
        phi, winner = _refine(mechanism, chosen, repertoires, sets, search, upper, exact, phi, winner)


@kernel
def _refine(
    mechanism: int,
    purview: int,
    repertoires: Repertoires,
    sets: Subsets,
    search: Search,
    upper: NDArray[np.float64],
    exact: NDArray[np.float64],
    phi: float,
    winner: int,
) -> tuple[float, int]:
    """Finds φ of one purview, or that it cannot win; returns φ and purview of the winner so far."""
    wins_ties = _ahead(purview, winner, sets)
    value, solved = cause_mip(mechanism, purview, repertoires, sets, search, upper[purview], phi, wins_ties)
    upper[purview] = min(value, upper[purview])
    if not solved:
        return phi, winner
    rounded = round_python(value)
    exact[purview] = rounded
    if rounded > phi or (rounded == phi and phi > 0.0 and wins_ties):
        return rounded, purview
    return phi, winner
