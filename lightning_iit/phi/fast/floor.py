"""A lower bound of Φ of a cut from the causes that are known so far, so that most cuts end before most of their causes are searched.

Φ of a cut is an earth mover's distance, so it is at least what any function h on concept space shows that is 0 at the null concept
and whose values at two concepts differ by at most their distance (Kantorovich and Rubinstein)::

    Φ  >=  sum over the concepts c of the uncut system of φ(c) h(c)  -  sum over the concepts k under the cut of φ(k) h(k)

The function used here rises as fast as it may from the null concept to the concepts of the uncut system: at each of those, it is the
distance from the null concept, and elsewhere the least that this leaves room for (the extension of E. J. McShane, Bull. AMS 40,
1934)::

    h(x)  =  max(0, max over c of (distance(c, null) - distance(x, c)))

Lower bounds of the distances make h larger, and the bound of Φ smaller, so they may stand for the distances. Of a mechanism whose
cause under the cut is not known yet, φ is at most φ of its effect, and its distance from c is at least that of the effects.

The order of the search for causes follows from this: the mechanism whose cause may raise the bound most comes next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.compiling import kernel
from lightning_iit.phi.fast.causes import UNKNOWN
from lightning_iit.phi.fast.mice import CAUSE, EFFECT
from lightning_iit.phi.fast.structures import NULL, Structure, concept_phi

if TYPE_CHECKING:
    from numpy.typing import NDArray

DONE = -1.0
"""Marks a mechanism whose cause under the cut is known."""


class Floor(NamedTuple):
    """Holds the lower bound of Φ of the cut that a thread evaluates, and what it is made of.

    Args:
        value: ``[1]``, the lower bound.
        concepts: ``[1]``, the number of concepts of the uncut system.
        open: ``[2**n]``, what is subtracted for each mechanism as long as its cause is not known; DONE where it is known.
        height: ``[2**n]``, the distance from the null concept of each concept of the uncut system; a place for each concept.
        place: ``[2, n, 2**n]``, where these concepts are: the probability that each node was ON under the cause repertoire and that
            it will be ON under the effect repertoire, both expanded to all nodes.
        room: ``[2**n]``, scratch: how much of each height the distance from a concept leaves.
    """

    value: NDArray[np.float64]
    concepts: NDArray[np.int64]
    open: NDArray[np.float64]
    height: NDArray[np.float64]
    place: NDArray[np.float64]
    room: NDArray[np.float64]


def new_floor(n: int) -> Floor:
    """Allocates the bound of one thread for systems of ``n`` nodes."""
    count = 1 << n
    return Floor(np.zeros(1), np.zeros(1, np.int64), np.full(count, DONE), np.zeros(count), np.zeros((2, n, count)), np.zeros(count))


@kernel
def _position(side: int, mechanism: int, row: int, node: int, structure: Structure) -> float:
    """Returns the probability that a node was (side CAUSE) or will be (EFFECT) ON under a concept expanded to all nodes."""
    purview = structure.mice.purview[side, row]
    if side == CAUSE:
        return float(structure.repertoires.marginal[mechanism, node, purview])
    return float(structure.repertoires.effect[mechanism if (purview >> node) & 1 else NULL, node])


@kernel
def _highest(mechanism: int, row: int, cut: Structure, floor: Floor, known: bool) -> float:
    """Returns an upper bound of h at the concept of a mechanism under the cut; by its effect alone unless its cause is ``known``."""
    room, concepts = floor.room, floor.concepts[0]
    for c in range(concepts):
        room[c] = floor.height[c]
    for side in (CAUSE, EFFECT):
        if side == CAUSE and not known:
            continue
        for node in range(floor.place.shape[1]):
            here, there = _position(side, mechanism, row, node, cut), floor.place[side, node]
            for c in range(concepts):
                room[c] -= abs(there[c] - here)
    highest = 0.0
    for c in range(concepts):
        highest = max(highest, room[c])
    return highest


@kernel
def begin_floor(
    wanted: NDArray[np.bool_], rows: NDArray[np.int64], height: NDArray[np.float64], whole: Structure, cut: Structure, floor: Floor
) -> None:
    """Writes the lower bound of Φ before any cause under the cut is searched.

    Args:
        wanted: ``[2**n]``, which mechanisms may have concepts.
        rows: ``[2**n]``, the row of each mechanism.
        height: ``[rows]``, the distance from the null concept of each concept of the uncut system.
        whole: the structure of the uncut system.
        cut: the structure under the cut, with all effects.
        floor: overwritten.
    """
    concepts, value = 0, 0.0
    for mechanism in range(1, len(rows)):
        row = rows[mechanism]
        phi = concept_phi(whole.mice, row)
        if phi > 0.0:
            floor.height[concepts] = height[row]
            value += phi * height[row]
            for side in (CAUSE, EFFECT):
                for node in range(floor.place.shape[1]):
                    floor.place[side, node, concepts] = _position(side, mechanism, row, node, whole)
            concepts += 1
    floor.concepts[0] = concepts
    floor.open[0] = DONE
    for mechanism in range(1, len(rows)):
        row = rows[mechanism]
        known = not wanted[mechanism] or cut.mice.phi[CAUSE, row] != UNKNOWN
        phi = concept_phi(cut.mice, row) if known else cut.mice.phi[EFFECT, row]
        taken = phi * _highest(mechanism, row, cut, floor, known) if phi > 0.0 else 0.0
        value -= taken
        floor.open[mechanism] = DONE if known else taken
    floor.value[0] = value


@kernel
def next_mechanism(source: int, target: int, floor: Floor) -> int:
    """Returns the mechanism whose cause is to be searched next; 0 where all are known.

    Causes of mechanisms that are not split cost little and come first, then those that may raise the bound most.
    """
    chosen, most = 0, DONE
    for mechanism in range(1, len(floor.open)):
        taken = floor.open[mechanism]
        if taken != DONE and not (mechanism & source and mechanism & target):
            return mechanism
        if taken > most:
            chosen, most = mechanism, taken
    return chosen


@kernel
def raise_floor(mechanism: int, row: int, cut: Structure, floor: Floor) -> None:
    """Raises the lower bound of Φ by what the cause of a mechanism, now known, has shown."""
    phi = concept_phi(cut.mice, row)
    taken = phi * _highest(mechanism, row, cut, floor, True) if phi > 0.0 else 0.0
    floor.value[0] += floor.open[mechanism] - taken
    floor.open[mechanism] = DONE
