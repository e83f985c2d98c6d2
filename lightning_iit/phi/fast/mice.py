"""The maximally irreducible causes and effects of all mechanisms, of the whole system and of the system under a cut.

Only what a cut can change is computed anew. With the connections from A to B noised,

* a mechanism within A keeps its cause, since only inputs of nodes in B are touched;
* a mechanism within B loses the purviews that touch A (A's nodes tell it nothing), and those within B stay as they are;
* for a mechanism with nodes on both sides, purviews within B stay as they are, purviews within A are reducible (B's part of the
  mechanism is independent of them), and only purviews that are split as well have a new φ.
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


class Uncut(NamedTuple):
    """What is known of the uncut system.

    Args:
        mice: of the uncut system.
        upper: ``[rows, 2**n]``, upper bounds of φ of each cause purview; shared by threads, which only write valid bounds.
        exact: ``[rows, 2**n]``, φ where it is known, or UNKNOWN.
    """

    mice: Mice
    upper: NDArray[np.float64]
    exact: NDArray[np.float64]


def new_mice(rows: int) -> Mice:
    """Nothing known of so many mechanisms in their states."""
    return Mice(np.full((2, rows), UNKNOWN), np.zeros((2, rows), np.int64))


def new_uncut(rows: int, n: int) -> Uncut:
    """Nothing known of an uncut system of n nodes."""
    return Uncut(new_mice(rows), np.full((rows, 2**n), np.inf), np.full((rows, 2**n), UNKNOWN))


def concept_phis(mice: Mice, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """φ of the concepts in these rows: the smaller of cause and effect; 0 where there is none."""
    smaller: NDArray[np.float64] = mice.phi[:, rows].min(axis=0)
    return smaller.clip(0.0)


@kernel
def _cause_within(
    mechanism: int, row: int, within: int, repertoires: Repertoires, sets: Subsets, search: Search, uncut: Uncut
) -> tuple[float, int]:
    """The best cause purview within a mask, of the uncut system."""
    winner = uncut.mice.purview[CAUSE, row]
    phi = uncut.mice.phi[CAUSE, row]
    if phi > 0.0 and winner & ~within == 0:
        return phi, winner
    return best_purview(mechanism, within, 0, repertoires, sets, search, uncut.upper[row], uncut.exact[row], 0.0, 0)


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
    uncut: Uncut,
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
        uncut: what is known of the uncut system; what is learnt is added.
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
            phi, winner = _cause_within(mechanism, row, within, whole, sets, search, uncut)
            if mechanism & source and mechanism & target:
                search.upper[:] = np.inf
                search.exact[:] = UNKNOWN
                phi, winner = best_purview(
                    mechanism, everything, source, cut, sets, search, search.upper, search.exact, phi, winner
                )
        mice.purview[CAUSE, row] = winner
        mice.purview[EFFECT, row] = effect_purview
        mice.phi[EFFECT, row] = effect_phi
        mice.phi[CAUSE, row] = phi
