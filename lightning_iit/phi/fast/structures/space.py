"""Concept space: concepts as places with a mass, and the distances between them.

The distance of two concepts is that of their cause repertoires plus that of their effect repertoires, each expanded to the nodes of
both purviews (Oizumi, Albantakis and Tononi 2014, text S2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.compiling import kernel
from lightning_iit.phi.fast.distance.emd import Transport, dual_bound, emd, new_transport
from lightning_iit.phi.fast.distance.small_emd import CLOSED_FORM
from lightning_iit.phi.fast.distance.transport import Shipping, new_shipping
from lightning_iit.phi.fast.mice import CAUSE, EFFECT, Mice

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.repertoires import Repertoires
    from lightning_iit.phi.fast.subsets import Subsets

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
def expanded(side: int, mechanism: int, row: int, node: int, structure: Structure) -> float:
    """Returns the probability that a node was (side CAUSE) or will be (EFFECT) ON under a concept that is expanded to all nodes."""
    purview = structure.mice.purview[side, row]
    if side == CAUSE:
        return float(structure.repertoires.marginal[mechanism, node, purview])
    return float(structure.repertoires.effect[mechanism if (purview >> node) & 1 else NULL, node])


@kernel
def place_concept(which: int, place: int, mechanism: int, row: int, mass: float, structure: Structure, space: Space) -> None:
    """Writes the concept of a mechanism with its mass into ``space``, at ``place`` of the structure ``which``."""
    space.mechanism[which, place] = mechanism
    space.row[which, place] = row
    space.mass[which, place] = mass
    for node in range(structure.repertoires.effect.shape[1]):
        space.effect[which, place, node] = expanded(EFFECT, mechanism, row, node, structure)
        space.cause[which, place, node] = expanded(CAUSE, mechanism, row, node, structure)


@kernel
def cause_distance(
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
def effect_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Returns the distance of two products of node distributions: the sum of the differences of the nodes' ON probabilities."""
    total = 0.0
    for node in range(len(a)):
        total += abs(a[node] - b[node])
    return total


@kernel
def null_distance(which: int, place: int, structure: Structure, sets: Subsets, space: Space) -> float:
    """Returns the distance of a placed concept from the null concept: the distance of the causes plus that of the effects."""
    purview, causes = structure.mice.purview[CAUSE, space.row[which, place]], structure.repertoires.cause
    mechanism = space.mechanism[which, place]
    cause = cause_distance(mechanism, purview, causes, NULL, NULL, causes, sets, space.difference, space.transport, True)
    return cause + effect_distance(space.effect[which, place], structure.repertoires.effect[NULL])


@kernel
def null_distances(rows: NDArray[np.int64], whole: Structure, sets: Subsets, space: Space, far: NDArray[np.float64]) -> None:
    """Writes into ``far[row]`` the distance from the null concept of each concept of the uncut system."""
    for mechanism in range(1, len(rows)):
        if concept_phi(whole.mice, rows[mechanism]) > 0.0:
            place_concept(WHOLE, 0, mechanism, rows[mechanism], 0.0, whole, space)
            far[rows[mechanism]] = null_distance(WHOLE, 0, whole, sets, space)
