"""The maximally irreducible causes and effects of all mechanisms, of the uncut system and of the system under a cut.

A cut replaces the connections from A to B with noise; A and B are disjoint and together hold all nodes. Only those causes that a
cut can change are searched again:

* A mechanism within A keeps its cause: the cut touches only inputs of nodes in B.
* A mechanism within B loses the purviews with nodes in A, since A's nodes no longer influence the mechanism. Purviews within B keep
  their φ.
* A mechanism with nodes in A and in B (a split mechanism) keeps φ of the purviews within B. Purviews within A are reducible, since
  the mechanism's part in B does not depend on them. Only purviews that are split too have a new φ. This φ depends on which nodes of
  mechanism and purview are in A and which in B, and not on the side of all other nodes; so cuts can share the φ.

Effects are cheap and are computed anew under each cut.

Invariants. A row belongs to one mechanism in one state of the mechanism.

* ``mice.phi[CAUSE, row] == UNKNOWN`` before a row is complete; a cause is computed once. :func:`find_effects` writes the effects of
  all rows that are not complete, and :func:`find_cause` completes one row.
* In a complete row, φ of cause and effect are rounded and at least 0, and a purview is 0 exactly where its φ is 0. Where φ of the
  effect is 0, the cause is not searched: its φ and its purview are stored as 0.
* ``exact[row, P]`` is UNKNOWN or φ of P, rounded; ``upper[row, P]`` is never below φ of P before rounding. Both hold for the uncut
  system, in all states that share the row. Threads may overwrite each other's entries, but each value that is written is valid.
* ``split_upper`` and ``split_exact`` mean the same for split mechanisms over split purviews under a cut, but in one state of the
  system only: :func:`forget_splits` runs before each new state.

Example, with node 0 = AND of both nodes, node 1 = XOR of both nodes (from the states 00, 10, 01, 11, node 0 first, to 00, 01, 01,
10), in the state (1, 0):

=============  ===============  ===============  ===============
mechanism      {0}              {1}              {0, 1}
=============  ===============  ===============  ===============
uncut: cause   0.5 over {0, 1}  0.5 over {0, 1}  0
uncut: effect  0.25 over {0}    0.25 over {0}    0.5 over {1}
A={0}, B={1}   within A         within B         split
cause          0.5 over {0, 1}  0                0, not searched
effect         0.25 over {0}    0.25 over {0}    0
A={1}, B={0}   within B         within A         split
cause          0.5 over {0}     0, not searched  0.5 over {0, 1}
effect         0.25 over {0}    0                0.5 over {1}
=============  ===============  ===============  ===============

Under the cut A={0} B={1}, {0} keeps its cause, and {1} loses every purview with node 0, which leaves φ = 0. Under the cut A={1}
B={0}, {0} may use only the purview {0}, whose φ of 0.5 is that of the uncut system; the split mechanism {0, 1} gains a cause over
the split purview {0, 1}: a concept that the cut creates. This φ lies in ``split_exact[27]``: node 0 is in the mechanism, the
purview and B (digit 6), and node 1 in the mechanism and the purview (digit 3), so the entry is 6 + 3 * 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.compiling import kernel
from lightning_iit.phi.fast.causes import UNKNOWN, best_purview
from lightning_iit.phi.fast.effects import maximal_effect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.partitions import Search
    from lightning_iit.phi.fast.repertoires import Repertoires
    from lightning_iit.phi.fast.subsets import Subsets

CAUSE = 0
"""The index of causes on the first axis of :class:`Mice`."""
EFFECT = 1
"""The index of effects on the first axis of :class:`Mice`."""


class Mice(NamedTuple):
    """Holds the maximally irreducible cause and effect of each mechanism in its state, by row.

    :meth:`.CutSearch.rows` says which row belongs to a mechanism in a state.

    Args:
        phi: ``[2, rows]``, φ of cause and effect, rounded; UNKNOWN where not computed. Where φ of the effect is 0, φ of the cause
            is stored as 0 without a search.
        purview: ``[2, rows]``, the purviews of cause and effect; 0 where φ is 0.
    """

    phi: NDArray[np.float64]
    purview: NDArray[np.int64]


class Known(NamedTuple):
    """Holds the findings of earlier evaluations about causes; shared by threads, which write only valid values.

    Args:
        mice: the causes and effects of the uncut system.
        upper: ``[rows, 2**n]``, an upper bound of φ of each cause purview in the uncut system, not rounded.
        exact: ``[rows, 2**n]``, φ of each cause purview in the uncut system, rounded; UNKNOWN where not computed.
        split_upper: ``[7**n]``, an upper bound of φ of a split mechanism over a split purview under a cut, in the current state.
            The index has one digit to base 7 for each node: 0 outside of both; 1 in the mechanism only; 2 in the purview only; 3 in
            both; 4, 5 and 6 instead of 1, 2 and 3 where the node is in the cut's target.
        split_exact: ``[7**n]``, φ of the same pairs, rounded; UNKNOWN where not computed.
        far: ``[rows]``, the distance from the null concept of each concept of the uncut system.
    """

    mice: Mice
    upper: NDArray[np.float64]
    exact: NDArray[np.float64]
    split_upper: NDArray[np.float64]
    split_exact: NDArray[np.float64]
    far: NDArray[np.float64]


def new_mice(rows: int) -> Mice:
    """Allocates causes and effects for this many rows, all unknown."""
    return Mice(np.full((2, rows), UNKNOWN), np.zeros((2, rows), np.int64))


def new_known(rows: int, n: int) -> Known:
    """Allocates the findings about a system of ``n`` nodes, without any finding yet.

    ``split_upper`` and ``split_exact`` are not filled; :func:`forget_splits` fills them.
    """
    upper, exact = np.full((rows, 2**n), np.inf), np.full((rows, 2**n), UNKNOWN)
    return Known(new_mice(rows), upper, exact, np.empty(7**n), np.empty(7**n), np.zeros(rows))


def forget_mice(mice: Mice) -> None:
    """Marks all causes and effects as unknown."""
    mice.phi.fill(UNKNOWN)


def forget(known: Known) -> None:
    """Resets the findings about the uncut system, which hold for one TPM only; :func:`forget_splits` resets the others."""
    forget_mice(known.mice)
    known.upper.fill(np.inf)
    known.exact.fill(UNKNOWN)


def forget_splits(known: Known) -> None:
    """Resets the findings about split mechanisms, which hold for one state only."""
    known.split_upper.fill(np.inf)
    known.split_exact.fill(UNKNOWN)


def concept_phis(mice: Mice, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns φ of the concept in each of these rows: the smaller φ of cause and effect; 0 where there is no concept."""
    smaller: NDArray[np.float64] = mice.phi[:, rows].min(axis=0)
    return smaller.clip(0.0)


@kernel
def _cause_within(
    mechanism: int, row: int, within: int, repertoires: Repertoires, sets: Subsets, search: Search, known: Known
) -> tuple[float, int]:
    """Returns φ and purview of the best cause in the uncut system among the purviews within a mask."""
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
    """Returns φ and purview of the best cause of a split mechanism, given the best purview that is not split and its φ."""
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
def find_effects(
    wanted: NDArray[np.bool_], rows: NDArray[np.int64], cut: Repertoires, sets: Subsets, search: Search, mice: Mice
) -> None:
    """Computes the effects under a cut of all mechanisms whose row is unknown; a row whose effect has φ = 0 is then complete.

    Args:
        wanted: ``[2**n]``, which mechanisms may have concepts; other mechanisms stay unknown.
        rows: ``[2**n]``, the row of each mechanism in ``mice``.
        cut: the repertoires under the cut.
        sets: index tables.
        search: scratch of the thread; mutated.
        mice: effects of unknown rows are filled in.
    """
    for mechanism in range(1, len(rows)):
        row = rows[mechanism]
        if not wanted[mechanism] or mice.phi[CAUSE, row] != UNKNOWN:
            continue
        mice.phi[EFFECT, row], mice.purview[EFFECT, row] = maximal_effect(mechanism, cut.effect, sets, search.effect)
        if mice.phi[EFFECT, row] == 0.0:
            mice.purview[CAUSE, row] = 0
            mice.phi[CAUSE, row] = 0.0


@kernel
def find_cause(
    mechanism: int,
    row: int,
    source: int,
    target: int,
    whole: Repertoires,
    cut: Repertoires,
    sets: Subsets,
    search: Search,
    known: Known,
    mice: Mice,
) -> None:
    """Computes the cause of a mechanism under a cut, which completes its row.

    Args:
        mechanism: a mask, not 0.
        row: the row of the mechanism, with an effect but no cause.
        source: the mask of the nodes whose connections to ``target`` are cut (A); 0 for the uncut system.
        target: the mask of the nodes at the other end of the cut connections (B); 0 for the uncut system.
        whole: the repertoires of the uncut system.
        cut: the repertoires under the cut.
        sets: index tables.
        search: scratch and memory of the thread; mutated.
        known: causes and effects of the uncut system and bounds of φ; new knowledge is added.
        mice: causes and effects under this cut; the row is completed.
    """
    within = target if mechanism & target else len(sets.order) - 1
    phi, winner = _cause_within(mechanism, row, within, whole, sets, search, known)
    if mechanism & source and mechanism & target:
        phi, winner = _cause_across(mechanism, source, target, cut, sets, search, known, phi, winner)
    mice.purview[CAUSE, row] = winner
    mice.phi[CAUSE, row] = phi
