"""The distance between the cause-effect structures of a system and of the system under a cut.

It is an earth mover's distance between concepts in concept space (Oizumi, Albantakis and Tononi 2014, text S2). Since the
distance of concepts is a metric, φ that lies at the same place in both structures stays where it is and can be left out. Costs
start as lower bounds, from the marginals of the cause repertoires; only those that an optimal plan uses are made exact, until it
uses exact ones only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.fast.compiling import kernel
from lightning_iit.phi.fast.distance.emd import Transport, emd
from lightning_iit.phi.fast.distance.transport import Shipping, carried, improve_basis, new_shipping, start_basis
from lightning_iit.phi.fast.mice import CAUSE, EFFECT, Mice
from lightning_iit.phi.fast.rounding import round_numpy, round_python

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.repertoires import Repertoires
    from lightning_iit.phi.fast.subsets import Subsets

SAME = 1e-12
"""Repertoires that differ by less are equal."""

WHOLE = 0
PARTITIONED = 1
NULL = 0
"""The null concept's "mechanism": no purview, φ = 0; its cause repertoire is uniform, its effect repertoire unconstrained."""


class Structure(NamedTuple):
    """A cause-effect structure: the causes and effects of all mechanisms and the repertoires they are made of."""

    mice: Mice
    repertoires: Repertoires


class Space(NamedTuple):
    """Concepts of two structures that have no counterpart at the same place in the other; scratch of :func:`structure_distance`.

    Index 0 of the first axis is the whole system's structure, 1 that of the system under the cut.

    Args:
        mechanism: ``[2, 2**n]``, and
        row: ``[2, 2**n]``, its row in the structure's ``mice``.
        mass: ``[2, 2**n]``, what is left of φ.
        effect: ``[2, 2**n, n]``, the probability that each node will be ON under the effect repertoire, expanded to all nodes.
        cause: ``[2, 2**n, n]``, the probability that each node was ON under the cause repertoire, expanded to all nodes.
        is_exact: ``[2**n, 2**n]``, which costs are exact.
        difference: ``[2**n]``, a difference of two repertoires.
        shipping: the transportation problem.
    """

    mechanism: NDArray[np.int64]
    row: NDArray[np.int64]
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
        row=np.zeros((2, count), np.int64),
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
    return float(max(0.0, min(mice.phi[CAUSE, row], mice.phi[EFFECT, row])))


@kernel
def _same_place(mechanism: int, row: int, whole: Structure, cut: Structure, sets: Subsets) -> bool:
    """Whether a mechanism's concepts in both structures have the same purviews and repertoires."""
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
    """Puts the concept of a mechanism into the space."""
    repertoires = structure.repertoires
    cause_purview, effect_purview = structure.mice.purview[CAUSE, row], structure.mice.purview[EFFECT, row]
    space.mechanism[which, place] = mechanism
    space.row[which, place] = row
    space.mass[which, place] = mass
    for node in range(repertoires.effect.shape[1]):
        given = mechanism if (effect_purview >> node) & 1 else NULL
        space.effect[which, place, node] = repertoires.effect[given, node]
        space.cause[which, place, node] = repertoires.marginal[mechanism, cause_purview, node]


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
) -> float:
    """The distance of two cause repertoires, each expanded uniformly to the union of their purviews."""
    union = purview1 | purview2
    u = sets.size[union]
    inside1, inside2 = sets.extract[union, purview1], sets.extract[union, purview2]
    spread1, spread2 = 1.0 / (1 << (u - sets.size[purview1])), 1.0 / (1 << (u - sets.size[purview2]))
    for y in range(1 << u):
        first = cause1[mechanism1, sets.offset[purview1] + sets.extract[inside1, y]]
        second = cause2[mechanism2, sets.offset[purview2] + sets.extract[inside2, y]]
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
def _null_distance(which: int, place: int, structure: Structure, sets: Subsets, space: Space, transport: Transport) -> float:
    """The distance of a concept from the null concept."""
    purview, causes = structure.mice.purview[CAUSE, space.row[which, place]], structure.repertoires.cause
    mechanism = space.mechanism[which, place]
    cause = _cause_distance(mechanism, purview, causes, NULL, NULL, causes, sets, space.difference, transport)
    return cause + _effect_distance(space.effect[which, place], structure.repertoires.effect[NULL])


@kernel
def _destroyed_distance(which: int, size: int, structure: Structure, sets: Subsets, space: Space, transport: Transport) -> float:
    """Φ of a cut that only destroys concepts: what it takes to move each to the null concept.

    Summed and rounded as PyPhi does: its sum is a numpy number if any φ in it is, which is where the effect's φ is the smaller.
    """
    total, by_numpy = 0.0, False
    for place in range(size):
        row = space.row[which, place]
        by_numpy |= structure.mice.phi[EFFECT, row] < structure.mice.phi[CAUSE, row]
        total += space.mass[which, place] * _null_distance(which, place, structure, sets, space, transport)
    return round_numpy(total) if by_numpy else round_python(total)


@kernel
def structure_distance(
    rows: NDArray[np.int64], whole: Structure, cut: Structure, sets: Subsets, space: Space, transport: Transport, bound: float
) -> float:
    """Φ of a cut, rounded; or a lower bound of it that exceeds ``bound``.

    Args:
        rows: ``[2**n]``, the row of each mechanism in its state.
        whole: the structure of the uncut system.
        cut: the structure under the cut.
        sets: index tables.
        space: scratch.
        transport: the thread's memory of distances.
        bound: values above this need not be exact.
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
        return _destroyed_distance(WHOLE, sources, whole, sets, space, transport)
    if not moved_whole:
        return _destroyed_distance(PARTITIONED, sinks, cut, sets, space, transport)
    return _transported(sources, sinks, whole, cut, sets, space, transport, bound)


@kernel
def _fill_costs(
    sources: int, sinks: int, whole: Structure, cut: Structure, sets: Subsets, space: Space, transport: Transport
) -> tuple[int, int]:
    """Writes masses and costs; returns the numbers of sources and sinks with the null concept on the side that lacks mass."""
    shipping = space.shipping
    balance = 0.0
    for i in range(sources):
        shipping.supply[i] = space.mass[WHOLE, i]
        balance += space.mass[WHOLE, i]
        for j in range(sinks):
            least = _effect_distance(space.cause[WHOLE, i], space.cause[PARTITIONED, j])
            shipping.cost[i, j] = least + _effect_distance(space.effect[WHOLE, i], space.effect[PARTITIONED, j])
            space.is_exact[i, j] = False
    for j in range(sinks):
        shipping.demand[j] = space.mass[PARTITIONED, j]
        balance -= space.mass[PARTITIONED, j]
    if balance >= 0.0:
        shipping.demand[sinks] = balance
        for i in range(sources):
            shipping.cost[i, sinks] = _null_distance(WHOLE, i, whole, sets, space, transport)
            space.is_exact[i, sinks] = True
        return sources, sinks + 1
    shipping.supply[sources] = -balance
    for j in range(sinks):
        shipping.cost[sources, j] = _null_distance(PARTITIONED, j, cut, sets, space, transport)
        space.is_exact[sources, j] = True
    return sources + 1, sinks


@kernel
def _make_exact(i: int, j: int, whole: Structure, cut: Structure, sets: Subsets, space: Space, transport: Transport) -> None:
    """Replaces the lower bound of a cost by the distance of the two concepts."""
    purview1 = whole.mice.purview[CAUSE, space.row[WHOLE, i]]
    purview2 = cut.mice.purview[CAUSE, space.row[PARTITIONED, j]]
    mechanism1, mechanism2 = space.mechanism[WHOLE, i], space.mechanism[PARTITIONED, j]
    causes1, causes2 = whole.repertoires.cause, cut.repertoires.cause
    cause = _cause_distance(mechanism1, purview1, causes1, mechanism2, purview2, causes2, sets, space.difference, transport)
    space.shipping.cost[i, j] = cause + _effect_distance(space.effect[WHOLE, i], space.effect[PARTITIONED, j])
    space.is_exact[i, j] = True


@kernel
def _transported(
    sources: int, sinks: int, whole: Structure, cut: Structure, sets: Subsets, space: Space, transport: Transport, bound: float
) -> float:
    """Φ of a cut that moves concepts, rounded; or a lower bound of it that exceeds ``bound``."""
    shipping = space.shipping
    sources, sinks = _fill_costs(sources, sinks, whole, cut, sets, space, transport)
    start_basis(sources, sinks, shipping)
    while True:
        total = improve_basis(sources, sinks, shipping)
        if total > bound:
            return total
        settled = True
        for edge in range(sources + sinks - 1):
            i, j = shipping.ends[0, edge], shipping.ends[1, edge]
            if carried(shipping, edge) > 0.0 and not space.is_exact[i, j]:
                _make_exact(i, j, whole, cut, sets, space, transport)
                settled = False
        if settled:
            return round_python(total)
