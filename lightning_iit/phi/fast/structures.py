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

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.compiling import kernel
from lightning_iit.phi.fast.distance.emd import Transport, dual_bound, emd, new_transport
from lightning_iit.phi.fast.distance.small_emd import CLOSED_FORM
from lightning_iit.phi.fast.distance.transport import Shipping, carried, improve_basis, new_shipping, start_basis
from lightning_iit.phi.fast.mice import CAUSE, EFFECT, Mice
from lightning_iit.phi.fast.rounding import round_phi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.repertoires import Repertoires
    from lightning_iit.phi.fast.subsets import Subsets

SAME = 1e-12
"""The largest difference of two probabilities that count as equal."""

FROM_MARGINALS = 0
"""Marks a cost that is a lower bound from the marginals of the cause repertoires."""
FROM_DUALS = 1
"""Marks a cost that is a lower bound from earlier dual solutions, or from the marginals where this is larger."""
EXACT = 2
"""Marks a cost that is the exact distance."""

WHOLE = 0
"""The index of the uncut system on the first axis of the arrays of :class:`Space`."""
PARTITIONED = 1
"""The index of the system under the cut on the first axis of the arrays of :class:`Space`."""
NULL = 0
"""The mechanism, an empty set, that stands for the null concept.

The null concept has no purviews and φ = 0; its cause repertoire is uniform and its effect repertoire unconstrained."""


class Structure(NamedTuple):
    """Holds a cause-effect structure: the causes and effects of all mechanisms, and their repertoires."""

    mice: Mice
    repertoires: Repertoires


class Space(NamedTuple):
    """Holds the concepts of two structures whose φ is not matched at the same place; scratch of :func:`structure_distance`.

    Index 0 of a first axis of length 2 is the structure of the uncut system, index 1 that of the system under the cut. The second
    axis counts the concepts that were placed.

    Args:
        mechanism: ``[2, 2**n]``, the mechanism of each placed concept.
        row: ``[2, 2**n]``, the mechanism's row in the structure's ``mice``.
        mass: ``[2, 2**n]``, the part of the concept's φ that has to be moved.
        effect: ``[2, 2**n, n]``, the probability that each node will be ON under the effect repertoire, expanded to all nodes.
        cause: ``[2, 2**n, n]``, the probability that each node was ON under the cause repertoire, expanded to all nodes.
        known: ``[2**n, 2**n]``, what the cost from source i to sink j is: FROM_MARGINALS, FROM_DUALS or EXACT.
        difference: ``[2**n]``, scratch: a difference of two repertoires.
        shipping: the transportation problem.
        transport: scratch and memory of the distances of cause repertoires; other distances than those of partitions, so that the
            dual solutions that are remembered resemble these.
    """

    mechanism: NDArray[np.int64]
    row: NDArray[np.int64]
    mass: NDArray[np.float64]
    effect: NDArray[np.float64]
    cause: NDArray[np.float64]
    known: NDArray[np.int64]
    difference: NDArray[np.float64]
    shipping: Shipping
    transport: Transport


def new_space(n: int) -> Space:
    """Allocates the scratch for the structures of a system of ``n`` nodes."""
    count = 1 << n
    return Space(
        mechanism=np.zeros((2, count), np.int64),
        row=np.zeros((2, count), np.int64),
        mass=np.zeros((2, count)),
        effect=np.zeros((2, count, n)),
        cause=np.zeros((2, count, n)),
        known=np.zeros((count, count), np.int64),
        transport=new_transport(n),
        difference=np.zeros(count),
        shipping=new_shipping(count),
    )


@kernel
def concept_phi(mice: Mice, row: int) -> float:
    """Returns φ of the concept in a row: the smaller φ of cause and effect; 0 where there is no concept."""
    return float(max(0.0, min(mice.phi[CAUSE, row], mice.phi[EFFECT, row])))


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
def _place(which: int, place: int, mechanism: int, row: int, mass: float, structure: Structure, space: Space) -> None:
    """Writes the concept of a mechanism with its mass into ``space``, at ``place`` of the structure ``which``."""
    repertoires = structure.repertoires
    cause_purview, effect_purview = structure.mice.purview[CAUSE, row], structure.mice.purview[EFFECT, row]
    space.mechanism[which, place] = mechanism
    space.row[which, place] = row
    space.mass[which, place] = mass
    for node in range(repertoires.effect.shape[1]):
        given = mechanism if (effect_purview >> node) & 1 else NULL
        space.effect[which, place, node] = repertoires.effect[given, node]
        space.cause[which, place, node] = repertoires.marginal[mechanism, node, cause_purview]


@kernel
def _cause_distance(
    mechanism1: int,
    purview1: int,
    cause1: NDArray[np.float64],
    mechanism2: int,
    purview2: int,
    cause2: NDArray[np.float64],
    sets: Subsets,
    difference: NDArray[np.float64],
    transport: Transport,
    solved: bool,
) -> float:
    """Returns the earth mover's distance of two cause repertoires, each expanded uniformly to the union of the two purviews.

    Unless it is to be ``solved``, a lower bound from the dual solutions of earlier distances may stand for it.
    """
    union = purview1 | purview2
    u = sets.size[union]
    inside1, inside2 = sets.extract[union, purview1], sets.extract[union, purview2]
    spread1, spread2 = 1.0 / (1 << (u - sets.size[purview1])), 1.0 / (1 << (u - sets.size[purview2]))
    for y in range(1 << u):
        first = cause1[mechanism1, sets.offset[purview1] + sets.extract[inside1, y]]
        second = cause2[mechanism2, sets.offset[purview2] + sets.extract[inside2, y]]
        difference[y] = first * spread1 - second * spread2
    if u > CLOSED_FORM and not solved:
        return dual_bound(difference, u, transport, np.inf)
    return emd(difference, u, transport, np.inf, -1.0)[0]


@kernel
def _effect_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Returns the distance of two products of node distributions: the sum of the differences of the nodes' ON probabilities."""
    total = 0.0
    for node in range(len(a)):
        total += abs(a[node] - b[node])
    return total


@kernel
def _null_distance(which: int, place: int, structure: Structure, sets: Subsets, space: Space) -> float:
    """Returns the distance of a placed concept from the null concept: the distance of the causes plus that of the effects."""
    purview, causes = structure.mice.purview[CAUSE, space.row[which, place]], structure.repertoires.cause
    mechanism = space.mechanism[which, place]
    cause = _cause_distance(mechanism, purview, causes, NULL, NULL, causes, sets, space.difference, space.transport, True)
    return cause + _effect_distance(space.effect[which, place], structure.repertoires.effect[NULL])


@kernel
def null_distances(rows: NDArray[np.int64], whole: Structure, sets: Subsets, space: Space, height: NDArray[np.float64]) -> None:
    """Writes into ``height[row]`` the distance from the null concept of each concept of the uncut system."""
    for mechanism in range(1, len(rows)):
        if concept_phi(whole.mice, rows[mechanism]) > 0.0:
            _place(WHOLE, 0, mechanism, rows[mechanism], 0.0, whole, space)
            height[rows[mechanism]] = _null_distance(WHOLE, 0, whole, sets, space)


@kernel
def _destroyed_distance(which: int, size: int, structure: Structure, sets: Subsets, space: Space) -> float:
    """Returns Φ, rounded, where only one structure has φ to move: all of that φ moves to the null concept."""
    total = 0.0
    for place in range(size):
        total += space.mass[which, place] * _null_distance(which, place, structure, sets, space)
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
            _place(WHOLE, sources, mechanism, row, phi - stays, whole, space)
            sources += 1
        if phi_cut > stays:
            _place(PARTITIONED, sinks, mechanism, row, phi_cut - stays, cut, space)
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
        _place(PARTITIONED, sinks, NULL, NULL, balance, cut, space)
        return sources, sinks + 1
    _place(WHOLE, sources, NULL, NULL, -balance, whole, space)
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
            least = _effect_distance(space.cause[WHOLE, i], space.cause[PARTITIONED, j])
            shipping.cost[i, j] = least + _effect_distance(space.effect[WHOLE, i], space.effect[PARTITIONED, j])
            space.known[i, j] = FROM_MARGINALS


@kernel
def _raise_cost(i: int, j: int, whole: Structure, cut: Structure, sets: Subsets, space: Space, solved: bool) -> None:
    """Replaces a cost, so far a lower bound, by the distance of the two concepts or, unless ``solved``, a better lower bound."""
    purview1 = whole.mice.purview[CAUSE, space.row[WHOLE, i]]
    purview2 = cut.mice.purview[CAUSE, space.row[PARTITIONED, j]]
    mechanism1, mechanism2 = space.mechanism[WHOLE, i], space.mechanism[PARTITIONED, j]
    causes1, causes2 = whole.repertoires.cause, cut.repertoires.cause
    cause = _cause_distance(
        mechanism1, purview1, causes1, mechanism2, purview2, causes2, sets, space.difference, space.transport, solved
    )
    cost = cause + _effect_distance(space.effect[WHOLE, i], space.effect[PARTITIONED, j])
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
