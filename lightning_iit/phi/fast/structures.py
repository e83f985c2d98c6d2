"""The distance between the cause-effect structures of a system and of the system under a cut.

It is an earth mover's distance between concepts in concept space (Oizumi, Albantakis and Tononi 2014, text S2). Since the distance of
concepts is a metric, φ that lies at the same place in both structures stays where it is and can be left out. Costs start as lower
bounds, from the marginals of the cause repertoires; only those that an optimal plan uses are made exact, until it uses exact ones only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_iit.phi.fast.compiling import kernel
from lightning_iit.phi.fast.emd import Transport, emd
from lightning_iit.phi.fast.mice import CAUSE, EFFECT, Mice
from lightning_iit.phi.fast.repertoires import Repertoires
from lightning_iit.phi.fast.rounding import round_numpy, round_python
from lightning_iit.phi.fast.subsets import Subsets
from lightning_iit.phi.fast.transport import Shipping, carried, improve_basis, new_shipping, start_basis

SAME = 1e-12
"""Repertoires that differ by less are equal."""

WHOLE = 0
PARTITIONED = 1
NULL = 0
"""The null concept's "mechanism": no purview, φ = 0; its cause repertoire is uniform, its effect repertoire unconstrained."""


class Space(NamedTuple):
    """Concepts of two structures that have no counterpart at the same place in the other; scratch of :func:`structure_distance`.

    Index 0 of the first axis is the whole system's structure, 1 that of the system under the cut.

    Args:
        mechanism: ``[2, 2**n]``.
        mass: ``[2, 2**n]``, what is left of φ.
        effect: ``[2, 2**n, n]``, the probability that each node will be ON under the effect repertoire, expanded to all nodes.
        cause: ``[2, 2**n, n]``, the probability that each node was ON under the cause repertoire, expanded to all nodes.
        is_exact: ``[2**n, 2**n]``, which costs are exact.
        difference: ``[2**n]``, a difference of two repertoires.
        shipping: the transportation problem.
    """

    mechanism: NDArray[np.int64]
    mass: NDArray[np.float64]
    effect: NDArray[np.float64]
    cause: NDArray[np.float64]
    is_exact: NDArray[np.bool_]
    difference: NDArray[np.float64]
    shipping: Shipping


def new_space(n: int) -> Space:
    """Room for the structures of a system of n nodes."""
    count = 1 << n
    return Space(
        mechanism=np.zeros((2, count), np.int64),
        mass=np.zeros((2, count)),
        effect=np.zeros((2, count, n)),
        cause=np.zeros((2, count, n)),
        is_exact=np.zeros((count, count), np.bool_),
        difference=np.zeros(count),
        shipping=new_shipping(count),
    )


@kernel
def concept_phi(mice: Mice, row: int) -> float:
    """φ of the concept in a row: the smaller of cause and effect; 0 where there is none."""
    return max(0.0, min(mice.phi[CAUSE, row], mice.phi[EFFECT, row]))


@kernel
def _same_place(
    mechanism: int, row: int, whole: Repertoires, cut: Repertoires, uncut_mice: Mice, mice: Mice, sets: Subsets
) -> bool:
    """Whether a mechanism's concepts in both structures have the same purviews and repertoires."""
    for side in (CAUSE, EFFECT):
        if uncut_mice.purview[side, row] != mice.purview[side, row]:
            return False
    purview = mice.purview[EFFECT, row]
    for node in range(whole.effect.shape[1]):
        if (purview >> node) & 1 and abs(whole.effect[mechanism, node] - cut.effect[mechanism, node]) > SAME:
            return False
    purview = mice.purview[CAUSE, row]
    start = sets.offset[purview]
    for y in range(start, start + (1 << sets.size[purview])):
        if abs(whole.cause[mechanism, y] - cut.cause[mechanism, y]) > SAME:
            return False
    return True


@kernel
def _place(
    structure: int,
    place: int,
    mechanism: int,
    mass: float,
    cause_purview: int,
    effect_purview: int,
    repertoires: Repertoires,
    space: Space,
) -> None:
    """Puts a concept into the space."""
    space.mechanism[structure, place] = mechanism
    space.mass[structure, place] = mass
    for node in range(repertoires.effect.shape[1]):
        given = mechanism if (effect_purview >> node) & 1 else 0
        space.effect[structure, place, node] = repertoires.effect[given, node]
        space.cause[structure, place, node] = repertoires.marginal[mechanism, cause_purview, node]


@kernel
def _cause_distance(
    mechanism1: int,
    purview1: int,
    repertoires1: Repertoires,
    mechanism2: int,
    purview2: int,
    repertoires2: Repertoires,
    sets: Subsets,
    difference: NDArray[np.float64],
    transport: Transport,
) -> float:
    """The distance of two cause repertoires, each expanded uniformly to the union of their purviews."""
    union = purview1 | purview2
    u = sets.size[union]
    to1, to2 = sets.extract[union], sets.extract[union]
    inside1, inside2 = to1[purview1], to2[purview2]
    spread1, spread2 = 1.0 / (1 << (u - sets.size[purview1])), 1.0 / (1 << (u - sets.size[purview2]))
    for y in range(1 << u):
        first = repertoires1.cause[mechanism1, sets.offset[purview1] + sets.extract[inside1, y]]
        second = repertoires2.cause[mechanism2, sets.offset[purview2] + sets.extract[inside2, y]]
        difference[y] = first * spread1 - second * spread2
    return emd(difference, u, transport, np.inf, -1.0)[0]


@kernel
def _effect_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The distance of two effect repertoires, products of their nodes' distributions."""
    total = 0.0
    for node in range(len(a)):
        total += abs(a[node] - b[node])
    return total


@kernel
def _null_distance(
    structure: int, place: int, purview: int, repertoires: Repertoires, sets: Subsets, space: Space, transport: Transport
) -> float:
    """The distance of a concept from the null concept."""
    mechanism = space.mechanism[structure, place]
    cause = _cause_distance(mechanism, purview, repertoires, NULL, NULL, repertoires, sets, space.difference, transport)
    return cause + _effect_distance(space.effect[structure, place], repertoires.effect[NULL])


@kernel
def _destroyed_distance(
    structure: int,
    size: int,
    rows: NDArray[np.int64],
    mice: Mice,
    repertoires: Repertoires,
    sets: Subsets,
    space: Space,
    transport: Transport,
) -> float:
    """Φ of a cut that only destroys concepts: what it takes to move each to the null concept.

    Summed and rounded as PyPhi does: its sum is a numpy number if any φ in it is, which is where the effect's φ is the smaller.
    """
    total, by_numpy = 0.0, False
    for place in range(size):
        row = rows[space.mechanism[structure, place]]
        by_numpy |= mice.phi[EFFECT, row] < mice.phi[CAUSE, row]
        distance = _null_distance(structure, place, mice.purview[CAUSE, row], repertoires, sets, space, transport)
        total += space.mass[structure, place] * distance
    return round_numpy(total) if by_numpy else round_python(total)


@kernel
def structure_distance(
    rows: NDArray[np.int64],
    whole: Repertoires,
    cut: Repertoires,
    uncut_mice: Mice,
    mice: Mice,
    sets: Subsets,
    space: Space,
    transport: Transport,
    bound: float,
) -> float:
    """Φ of a cut, rounded; or a lower bound of it that exceeds ``bound``.

    Args:
        rows: ``[2**n]``, the row of each mechanism in its state.
        whole: the repertoires of the uncut system.
        cut: the repertoires under the cut.
        uncut_mice: the causes and effects of the uncut system.
        mice: those under the cut.
        sets: index tables.
        space: scratch.
        transport: the thread's memory of distances.
        bound: values above this need not be exact.
    """
    sizes = (0, 0)
    moved = (False, False)
    for k in range(1, len(rows)):
        mechanism = sets.order[k]
        row = rows[mechanism]
        phi0, phi1 = concept_phi(uncut_mice, row), concept_phi(mice, row)
        stays = 0.0
        if phi0 > 0.0 and phi1 > 0.0 and _same_place(mechanism, row, whole, cut, uncut_mice, mice, sets):
            stays = min(phi0, phi1)
        unique = stays == 0.0 or phi0 != phi1
        moved = (moved[0] or (phi0 > 0.0 and unique), moved[1] or (phi1 > 0.0 and unique))
        if phi0 > stays:
            purviews = uncut_mice.purview[CAUSE, row], uncut_mice.purview[EFFECT, row]
            _place(WHOLE, sizes[0], mechanism, phi0 - stays, purviews[0], purviews[1], whole, space)
            sizes = (sizes[0] + 1, sizes[1])
        if phi1 > stays:
            purviews = mice.purview[CAUSE, row], mice.purview[EFFECT, row]
            _place(PARTITIONED, sizes[1], mechanism, phi1 - stays, purviews[0], purviews[1], cut, space)
            sizes = (sizes[0], sizes[1] + 1)
    if not moved[1]:
        return _destroyed_distance(WHOLE, sizes[0], rows, uncut_mice, whole, sets, space, transport)
    if not moved[0]:
        return _destroyed_distance(PARTITIONED, sizes[1], rows, mice, cut, sets, space, transport)
    return _transported(sizes[0], sizes[1], rows, whole, cut, uncut_mice, mice, sets, space, transport, bound)


@kernel
def _fill_costs(
    sources: int,
    sinks: int,
    rows: NDArray[np.int64],
    whole: Repertoires,
    cut: Repertoires,
    uncut_mice: Mice,
    mice: Mice,
    sets: Subsets,
    space: Space,
    transport: Transport,
) -> tuple[int, int]:
    """Writes masses and costs; returns the numbers of sources and sinks with the null concept on the side that lacks mass."""
    shipping = space.shipping
    balance = 0.0
    for i in range(sources):
        shipping.supply[i] = space.mass[WHOLE, i]
        balance += space.mass[WHOLE, i]
        for j in range(sinks):
            shipping.cost[i, j] = _effect_distance(space.effect[WHOLE, i], space.effect[PARTITIONED, j]) + _effect_distance(
                space.cause[WHOLE, i], space.cause[PARTITIONED, j]
            )
            space.is_exact[i, j] = False
    for j in range(sinks):
        shipping.demand[j] = space.mass[PARTITIONED, j]
        balance -= space.mass[PARTITIONED, j]
    if balance >= 0.0:
        shipping.demand[sinks] = balance
        for i in range(sources):
            purview = uncut_mice.purview[CAUSE, rows[space.mechanism[WHOLE, i]]]
            shipping.cost[i, sinks] = _null_distance(WHOLE, i, purview, whole, sets, space, transport)
            space.is_exact[i, sinks] = True
        return sources, sinks + 1
    shipping.supply[sources] = -balance
    for j in range(sinks):
        purview = mice.purview[CAUSE, rows[space.mechanism[PARTITIONED, j]]]
        shipping.cost[sources, j] = _null_distance(PARTITIONED, j, purview, cut, sets, space, transport)
        space.is_exact[sources, j] = True
    return sources + 1, sinks


@kernel
def _transported(
    sources: int,
    sinks: int,
    rows: NDArray[np.int64],
    whole: Repertoires,
    cut: Repertoires,
    uncut_mice: Mice,
    mice: Mice,
    sets: Subsets,
    space: Space,
    transport: Transport,
    bound: float,
) -> float:
    """Φ of a cut that moves concepts, rounded; or a lower bound of it that exceeds ``bound``."""
    shipping = space.shipping
    sources, sinks = _fill_costs(sources, sinks, rows, whole, cut, uncut_mice, mice, sets, space, transport)
    start_basis(sources, sinks, shipping)
    while True:
        total = improve_basis(sources, sinks, shipping)
        if total > bound:
            return total
        settled = True
        for edge in range(sources + sinks - 1):
            i, j = shipping.ends[0, edge], shipping.ends[1, edge]
            if carried(shipping, edge) > 0.0 and not space.is_exact[i, j]:
                mechanism1, mechanism2 = space.mechanism[WHOLE, i], space.mechanism[PARTITIONED, j]
                purview1 = uncut_mice.purview[CAUSE, rows[mechanism1]]
                purview2 = mice.purview[CAUSE, rows[mechanism2]]
                distance = _cause_distance(
                    mechanism1, purview1, whole, mechanism2, purview2, cut, sets, space.difference, transport
                )
                shipping.cost[i, j] = distance + _effect_distance(space.effect[WHOLE, i], space.effect[PARTITIONED, j])
                space.is_exact[i, j] = True
                settled = False
        if settled:
            return round_python(total)
