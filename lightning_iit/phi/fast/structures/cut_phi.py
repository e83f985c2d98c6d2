"""The distance between the cause-effect structures of the uncut system and of the system under a cut: Φ of the cut.

The distance is an earth mover's distance between concepts in concept space (Oizumi, Albantakis and Tononi 2014, text S2): φ of each
concept is a mass, and the cost of moving mass from one concept to another is the distance between their repertoires. The structure
with less φ gets the missing mass at the null concept. Since the distance of concepts is a metric, φ that lies at the same place in
both structures stays where it is and can be left out.

Costs start as lower bounds, from the marginals of the cause repertoires. Only the costs that an optimal plan uses are raised, first
to lower bounds from the dual solutions of earlier distances, then to the exact distances, and the plan is improved again, until a
plan uses exact costs only.

Invariants.

* After the loop of :func:`structure_distance`, ``space`` holds in its first ``sources`` places (first axis 0) the concepts of the
  uncut system whose φ is not matched at the same place, and in its first ``sinks`` places (first axis 1) those of the cut system.
  Their masses are above 0 and, as differences of rounded φ, whole multiples of 1e-6 up to rounding errors.
* After :func:`_fill_costs`, supplies and demands have the same sum, and no cost is above the exact distance of its two concepts, of
  which one may be the null concept. Where ``known`` is EXACT, the cost is the exact distance.
* :func:`_raise_cost` only raises costs, so the cost of the optimal plan never falls from one round to the next, and each is a lower
  bound of Φ. That is why :func:`_transported` may stop as soon as the plan costs more than ``bound``.
* Changed costs leave the basis feasible, since masses do not change; :func:`improve_basis` goes on from the last plan.

Example, with node 0 = AND of both nodes, node 1 = XOR of both nodes (from the states 00, 10, 01, 11, node 0 first, to 00, 01, 01,
10), in the state (1, 0); see
:mod:`~lightning_iit.phi.fast.mice` for the causes and effects. Uncut, {0} and {1} are concepts with φ = 0.25 each.

* Cut from {0} to {1}: the concept {0} stays where it is, and the concept {1} is destroyed. The distance from {1} to the null
  concept is 0.75, so Φ = 0.25 * 0.75 = 0.1875.
* Cut from {1} to {0}: the concept {0} has another cause purview, {1} is destroyed, and {0, 1} is created with φ = 0.5. Supplies:
  {0} 0.25, {1} 0.25, null concept 0.25. Demands: {0} 0.25, {0, 1} 0.5. Costs to {0} and to {0, 1}: from {0} 0.5 and 0.75, from {1}
  1 and 1.75, from the null concept 0.75 and 1.5. The best plan moves {1} to {0}, and {0} and the null concept to {0, 1}:
  Φ = 0.25 * 1 + 0.25 * 0.75 + 0.25 * 1.5 = 0.8125. Only the three costs of this plan were made exact.

The first cut has the smaller Φ, so Φ of the system is 0.1875.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.phi.compiling import kernel
from lightning_iit.phi.fast.distance.small_emd import CLOSED_FORM
from lightning_iit.phi.fast.distance.transport import carried, improve_basis, start_basis
from lightning_iit.phi.fast.mice import CAUSE, EFFECT
from lightning_iit.phi.fast.rounding import round_phi
from lightning_iit.phi.fast.structures.space import (
    NULL,
    PARTITIONED,
    WHOLE,
    Space,
    Structure,
    cause_distance,
    concept_phi,
    effect_distance,
    null_distance,
    place_concept,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.subsets import Subsets

SAME = 1e-12
"""The largest difference of two probabilities that count as equal."""

FROM_MARGINALS = 0
"""Marks a cost that is a lower bound from the marginals of the cause repertoires."""
FROM_DUALS = 1
"""Marks a cost that is a lower bound from earlier dual solutions, or from the marginals where this is larger."""
EXACT = 2
"""Marks a cost that is the exact distance."""


@kernel
def _same_place(mechanism: int, row: int, whole: Structure, cut: Structure, sets: Subsets) -> bool:
    """Says whether the concepts of a mechanism in both structures have the same purviews and the same repertoires."""
    for side in (CAUSE, EFFECT):
        if whole.mice.purview[side, row] != cut.mice.purview[side, row]:
            return False
    effect, effect_cut = whole.repertoires.effect[mechanism], cut.repertoires.effect[mechanism]
    purview = cut.mice.purview[EFFECT, row]
    for node in range(len(effect)):
        if (purview >> node) & 1 and abs(effect[node] - effect_cut[node]) > SAME:
            return False
    cause, cause_cut = whole.repertoires.cause[mechanism], cut.repertoires.cause[mechanism]
    purview = cut.mice.purview[CAUSE, row]
    start = sets.offset[purview]
    for y in range(start, start + (1 << sets.size[purview])):  # noqa: SIM110  (numba knows no generators here)
        if abs(cause[y] - cause_cut[y]) > SAME:
            return False
    return True


@kernel
def _destroyed_distance(which: int, size: int, structure: Structure, sets: Subsets, space: Space) -> float:
    """Returns Φ, rounded, where only one structure has φ to move: all of that φ moves to the null concept."""
    total = 0.0
    for place in range(size):
        total += space.mass[which, place] * null_distance(which, place, structure, sets, space)
    return round_phi(total)


@kernel
def structure_distance(
    rows: NDArray[np.int64], whole: Structure, cut: Structure, sets: Subsets, space: Space, bound: float
) -> float:
    """Computes Φ of a cut, rounded, or a lower bound of Φ that exceeds ``bound``.

    Args:
        rows: ``[2**n]``, the row of each mechanism in ``mice``.
        whole: the structure of the uncut system.
        cut: the structure under the cut.
        sets: index tables.
        space: scratch; overwritten.
        bound: a Φ above this value need not be exact.
    """
    sources, sinks = 0, 0
    moved_whole, moved_cut = False, False
    for k in range(1, len(rows)):
        mechanism = sets.order[k]
        row = rows[mechanism]
        phi, phi_cut = concept_phi(whole.mice, row), concept_phi(cut.mice, row)
        stays = 0.0
        if phi > 0.0 and phi_cut > 0.0 and _same_place(mechanism, row, whole, cut, sets):
            stays = min(phi, phi_cut)
        if stays == 0.0 or phi != phi_cut:
            moved_whole |= phi > 0.0
            moved_cut |= phi_cut > 0.0
        if phi > stays:
            place_concept(WHOLE, sources, mechanism, row, phi - stays, whole, space)
            sources += 1
        if phi_cut > stays:
            place_concept(PARTITIONED, sinks, mechanism, row, phi_cut - stays, cut, space)
            sinks += 1
    if not moved_cut:
        return _destroyed_distance(WHOLE, sources, whole, sets, space)
    if not moved_whole:
        return _destroyed_distance(PARTITIONED, sinks, cut, sets, space)
    return _transported(sources, sinks, whole, cut, sets, space, bound)


@kernel
def _place_null(sources: int, sinks: int, whole: Structure, cut: Structure, space: Space) -> tuple[int, int]:
    """Places the null concept, with the mass that one side lacks, on that side; returns the numbers of sources and sinks."""
    balance = 0.0
    for i in range(sources):
        balance += space.mass[WHOLE, i]
    for j in range(sinks):
        balance -= space.mass[PARTITIONED, j]
    if balance >= 0.0:
        place_concept(PARTITIONED, sinks, NULL, NULL, balance, cut, space)
        return sources, sinks + 1
    place_concept(WHOLE, sources, NULL, NULL, -balance, whole, space)
    return sources + 1, sinks


@kernel
def _fill_costs(sources: int, sinks: int, space: Space) -> None:
    """Writes masses, and lower bounds of the costs: the marginals of the cause repertoires stand for these."""
    shipping = space.shipping
    for j in range(sinks):
        shipping.demand[j] = space.mass[PARTITIONED, j]
    for i in range(sources):
        shipping.supply[i] = space.mass[WHOLE, i]
        for j in range(sinks):
            least = effect_distance(space.cause[WHOLE, i], space.cause[PARTITIONED, j])
            shipping.cost[i, j] = least + effect_distance(space.effect[WHOLE, i], space.effect[PARTITIONED, j])
            space.known[i, j] = FROM_MARGINALS


@kernel
def _raise_cost(i: int, j: int, whole: Structure, cut: Structure, sets: Subsets, space: Space, solved: bool) -> None:
    """Replaces a cost, so far a lower bound, by the distance of the two concepts or, unless ``solved``, a better lower bound."""
    purview1 = whole.mice.purview[CAUSE, space.row[WHOLE, i]]
    purview2 = cut.mice.purview[CAUSE, space.row[PARTITIONED, j]]
    mechanism1, mechanism2 = space.mechanism[WHOLE, i], space.mechanism[PARTITIONED, j]
    causes1, causes2 = whole.repertoires.cause, cut.repertoires.cause
    cause = cause_distance(
        mechanism1, purview1, causes1, mechanism2, purview2, causes2, sets, space.difference, space.transport, solved
    )
    cost = cause + effect_distance(space.effect[WHOLE, i], space.effect[PARTITIONED, j])
    space.shipping.cost[i, j] = cost if solved else max(cost, space.shipping.cost[i, j])
    space.known[i, j] = EXACT if solved or sets.size[purview1 | purview2] <= CLOSED_FORM else FROM_DUALS


@kernel
def _transported(sources: int, sinks: int, whole: Structure, cut: Structure, sets: Subsets, space: Space, bound: float) -> float:
    """Computes Φ of a cut where both structures have φ to move, rounded, or a lower bound of Φ that exceeds ``bound``."""
    shipping = space.shipping
    sources, sinks = _place_null(sources, sinks, whole, cut, space)
    _fill_costs(sources, sinks, space)
    start_basis(sources, sinks, shipping)
    while True:
        total = improve_basis(sources, sinks, shipping)
        if total > bound:
            return total
        least = EXACT
        for edge in range(sources + sinks - 1):
            i, j = shipping.ends[0, edge], shipping.ends[1, edge]
            if carried(shipping, edge) > 0.0:
                least = min(least, space.known[i, j])
        if least == EXACT:
            return round_phi(total)
        for edge in range(sources + sinks - 1):
            i, j = shipping.ends[0, edge], shipping.ends[1, edge]
            if carried(shipping, edge) > 0.0 and space.known[i, j] == least:
                _raise_cost(i, j, whole, cut, sets, space, least == FROM_DUALS)
