"""The maximally irreducible cause of a mechanism: the purview with the largest φ, found with upper bounds of φ.

An upper bound of φ of each purview is cheap (the distance of any one partition). The purview that looks most promising is solved
exactly; a purview whose upper bound cannot beat the best exact φ is never solved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.phi.compiling import kernel
from lightning_iit.phi.fast.partitions import Search, beats, cause_mip, hinted_bound
from lightning_iit.phi.fast.rounding import round_phi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.repertoires import Repertoires
    from lightning_iit.phi.fast.subsets import Subsets

UNKNOWN = -1.0
"""Marks a value of φ or Φ that has not been computed."""


@kernel
def connected(mechanism: int, purview: int, inputs: NDArray[np.int64]) -> bool:
    """Says whether the connections from purview to mechanism join all nodes of both in one piece.

    If not, there is a partition that cuts no connection, so φ = 0.

    Args:
        mechanism: a mask, not 0.
        purview: a mask, not 0.
        inputs: ``[n]``, for each node the mask of the nodes with a connection to this node.
    """
    left, reached = mechanism, 0
    grown = True
    while grown and left:
        grown = False
        for node in range(len(inputs)):
            if (left >> node) & 1:
                heard = inputs[node] & purview
                if heard & reached or left == mechanism:
                    reached |= heard
                    left ^= 1 << node
                    grown = True
    return left == 0 and reached == purview


@kernel
def _ahead(purview: int, other: int, sets: Subsets) -> bool:
    """Says whether ``purview`` wins against ``other`` where both have the same φ: the larger purview wins, then the earlier one."""
    if sets.size[purview] != sets.size[other]:
        return bool(sets.size[purview] > sets.size[other])
    return bool(sets.rank[purview] < sets.rank[other])


@kernel
def _takes_part(purview: int, within: int, split: int) -> bool:
    """Says whether a purview lies within ``within`` and, if ``split`` is not 0, has nodes both inside and outside of ``split``."""
    return purview & ~within == 0 and (split == 0 or (purview & split != 0 and purview & ~split != 0))


@kernel
def _most_promising(
    within: int,
    split: int,
    sets: Subsets,
    estimate: NDArray[np.float64],
    upper: NDArray[np.float64],
    exact: NDArray[np.float64],
    phi: float,
    winner: int,
) -> int:
    """Returns the unsolved purview with the highest estimate of φ that may still beat ``phi`` of ``winner``; 0 if there is none."""
    chosen, highest = 0, -1.0
    for purview in range(1, len(sets.order)):
        if exact[purview] != UNKNOWN or estimate[purview] <= highest or not _takes_part(purview, within, split):
            continue
        if beats(upper[purview], phi, _ahead(purview, winner, sets)):
            chosen, highest = purview, estimate[purview]
    return chosen


@kernel
def best_purview(
    mechanism: int,
    within: int,
    split: int,
    repertoires: Repertoires,
    sets: Subsets,
    search: Search,
    upper: NDArray[np.float64],
    exact: NDArray[np.float64],
    phi: float,
    winner: int,
) -> tuple[float, int]:
    """Finds the cause purview with the largest φ; among equal φ, the larger purview wins, then the earlier one in PyPhi's order.

    Args:
        mechanism: a mask, not 0.
        within: a mask; only purviews within this mask take part.
        split: a mask; if not 0, only purviews with nodes both inside and outside of this mask take part.
        repertoires: repertoires of the system, cut or uncut.
        sets: index tables.
        search: scratch and memory of the thread; mutated.
        upper: ``[2**n]``, an upper bound of φ for each purview, not rounded; lowered here.
        exact: ``[2**n]``, φ of each purview, rounded, or UNKNOWN; filled in here.
        phi: φ to beat; 0 if there is none.
        winner: the purview that has ``phi``; 0 if there is none.

    Returns:
        φ, rounded, and its purview: the best purview found, or ``phi`` and ``winner`` where no purview beats ``winner``.
    """
    first, count = search.last[mechanism], len(sets.order)
    for k in range(count):
        # the purview that won last time comes first: its φ is often so high that few other purviews are solved
        purview = first if k == 0 else k
        if purview == 0 or not _takes_part(purview, within, split):
            continue
        search.estimate[purview] = upper[purview]
        if exact[purview] == UNKNOWN and upper[purview] == np.inf:
            if connected(mechanism, purview, repertoires.inputs):
                upper[purview], search.estimate[purview] = hinted_bound(mechanism, purview, repertoires, sets, search, phi)
            else:
                exact[purview] = 0.0
        known = exact[purview]
        if known > phi or (known == phi and phi > 0.0 and _ahead(purview, winner, sets)):
            phi, winner = known, purview
        if k == 0:
            phi, winner = _refine(mechanism, purview, repertoires, sets, search, upper, exact, phi, winner)
    while True:
        purview = _most_promising(within, split, sets, search.estimate, upper, exact, phi, winner)
        if purview == 0:
            if split or within == count - 1:
                search.last[mechanism] = winner
            return phi, winner
        phi, winner = _refine(mechanism, purview, repertoires, sets, search, upper, exact, phi, winner)


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
    """Solves one purview, unless its upper bound shows that it cannot win; returns φ and purview of the best one so far."""
    wins_ties = _ahead(purview, winner, sets)
    if exact[purview] != UNKNOWN or not beats(upper[purview], phi, wins_ties):
        return phi, winner
    value, solved = cause_mip(mechanism, purview, repertoires, sets, search, upper[purview], phi, wins_ties)
    upper[purview] = min(value, upper[purview])
    if not solved:
        return phi, winner
    rounded = round_phi(value)
    exact[purview] = rounded
    if rounded > phi or (rounded == phi and phi > 0.0 and wins_ties):
        return rounded, purview
    return phi, winner
