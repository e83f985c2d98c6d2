"""The maximally irreducible causes and effects of all mechanisms, of the whole system and of the system under a cut.

Only what a cut can change is computed anew. With the connections from A to B noised,

* a mechanism within A keeps its cause, since only inputs of nodes in B are touched;
* a mechanism within B loses the purviews that touch A (A's nodes tell it nothing), and those within B stay as they are;
* for a mechanism with nodes on both sides, purviews within B stay as they are, purviews within A are reducible (B's part of the
  mechanism is independent of them), and only purviews that are split as well have a new φ. It depends on which of the two's nodes
  are in A and which in B, and not on where the other nodes are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.fast.causes import UNKNOWN, best_purview
from lightning_iit.phi.fast.compiling import kernel
from lightning_iit.phi.fast.effects import maximal_effect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.partitions import Search
    from lightning_iit.phi.fast.repertoires import Repertoires
    from lightning_iit.phi.fast.subsets import Subsets

CAUSE = 0
EFFECT = 1


class Mice(NamedTuple):
    """Maximally irreducible causes and effects by row; which row a mechanism has depends on its state (see ``Analysis``).

    Args:
        phi: ``[2, rows]``, φ of cause and effect, rounded; UNKNOWN where it was not computed. The cause is not looked for where
            the effect's φ is 0.
        purview: ``[2, rows]``, their purviews; 0 where φ is 0.
    """

    phi: NDArray[np.float64]
    purview: NDArray[np.int64]


class Known(NamedTuple):
    """What is known of causes; shared by threads, which write only what is valid.

    Args:
        mice: of the uncut system.
        upper: ``[rows, 2**n]``, upper bounds of φ of each cause purview in the uncut system.
        exact: ``[rows, 2**n]``, φ where it is known, or UNKNOWN.
        split_upper: ``[7**n]``, upper bounds of φ of split mechanisms over split purviews under a cut, in the current state. Each
            node has a digit: 0 in neither, 1 to 3 in the mechanism, in the purview and in both, and 3 more in the cut's target.
        split_exact: ``[7**n]``, φ where it is known, or UNKNOWN.
    """

    mice: Mice
    upper: NDArray[np.float64]
    exact: NDArray[np.float64]
    split_upper: NDArray[np.float64]
    split_exact: NDArray[np.float64]


def new_mice(rows: int) -> Mice:
    """Nothing known of so many mechanisms in their states."""
    return Mice(np.full((2, rows), UNKNOWN), np.zeros((2, rows), np.int64))


def new_known(rows: int, n: int) -> Known:
    """Nothing known of a system of n nodes."""
    upper, exact = np.full((rows, 2**n), np.inf), np.full((rows, 2**n), UNKNOWN)
    return Known(new_mice(rows), upper, exact, np.empty(7**n), np.empty(7**n))


def forget_splits(known: Known) -> None:
    """Makes ready for another state."""
    known.split_upper.fill(np.inf)
    known.split_exact.fill(UNKNOWN)


def concept_phis(mice: Mice, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """φ of the concepts in these rows: the smaller of cause and effect; 0 where there is none."""
    smaller: NDArray[np.float64] = mice.phi[:, rows].min(axis=0)
    return smaller.clip(0.0)


@kernel
def _cause_within(
    mechanism: int, row: int, within: int, repertoires: Repertoires, sets: Subsets, search: Search, known: Known
) -> tuple[float, int]:
    """The best cause purview within a mask, of the uncut system."""
    winner = known.mice.purview[CAUSE, row]
    phi = known.mice.phi[CAUSE, row]
    if phi > 0.0 and winner & ~within == 0:
        return phi, winner
    return best_purview(mechanism, within, 0, repertoires, sets, search, known.upper[row], known.exact[row], 0.0, 0)


@kernel
def _cause_across(
    mechanism: int,
    source: int,
    target: int,
    repertoires: Repertoires,
    sets: Subsets,
    search: Search,
    known: Known,
    phi: float,
    winner: int,
) -> tuple[float, int]:
    """The best cause purview of a split mechanism, given the best one of those that are not split and its φ."""
    upper, exact, sevens = search.upper, search.exact, sets.sevens
    everything = len(upper) - 1
    base = sevens[mechanism] + 3 * sevens[mechanism & target]
    for purview in range(1, everything + 1):
        split = base + 2 * sevens[purview] + 3 * sevens[purview & target & ~mechanism]
        upper[purview], exact[purview] = known.split_upper[split], known.split_exact[split]
    phi, winner = best_purview(mechanism, everything, source, repertoires, sets, search, upper, exact, phi, winner)
    for purview in range(1, everything + 1):
        if purview & source and purview & target:
            split = base + 2 * sevens[purview] + 3 * sevens[purview & target & ~mechanism]
            known.split_upper[split], known.split_exact[split] = upper[purview], exact[purview]
    return phi, winner


@kernel
def find_mice(
    first: int,
    stop: int,
    wanted: NDArray[np.bool_],
    rows: NDArray[np.int64],
    source: int,
    target: int,
    whole: Repertoires,
    cut: Repertoires,
    sets: Subsets,
    search: Search,
    known: Known,
    mice: Mice,
) -> None:
    """Fills in the causes and effects of the mechanisms from ``first`` to below ``stop`` under a cut.

    Args:
        first: the first mechanism, a mask, at least 1.
        stop: the mechanism after the last one.
        wanted: ``[2**n]``, which mechanisms may have concepts.
        rows: ``[2**n]``, the row of each mechanism in its state.
        source: the mask of the nodes whose connections to ``target`` are cut; 0 for the uncut system.
        target: the mask of the nodes at the other end.
        whole: the repertoires of the uncut system.
        cut: the repertoires under the cut.
        sets: index tables.
        search: the thread's memory.
        known: of causes; what is learnt is added.
        mice: of this cut; filled in where unknown.
    """
    everything = len(rows) - 1
    for mechanism in range(first, stop):
        row = rows[mechanism]
        if not wanted[mechanism] or mice.phi[CAUSE, row] != UNKNOWN:
            continue
        effect_phi, effect_purview = maximal_effect(mechanism, cut.effect, sets, search.effect)
        phi, winner = 0.0, 0
        if effect_phi > 0.0:
            within = target if mechanism & target else everything
            phi, winner = _cause_within(mechanism, row, within, whole, sets, search, known)
            if mechanism & source and mechanism & target:
                phi, winner = _cause_across(mechanism, source, target, cut, sets, search, known, phi, winner)
        mice.purview[CAUSE, row] = winner
        mice.purview[EFFECT, row] = effect_purview
        mice.phi[EFFECT, row] = effect_phi
        mice.phi[CAUSE, row] = phi
