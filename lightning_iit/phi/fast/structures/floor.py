"""A lower bound of Φ of a cut from the causes that are known so far: most cuts end before most of their causes are searched.

Φ of a cut is an earth mover's distance, so it is at least what any function h on concept space shows that is 0 at the null concept
and whose values at two concepts differ by at most their distance (Kantorovich and Rubinstein)::

    Φ  >=  sum over the concepts c of the uncut system of φ(c) h(c)  -  sum over the concepts k under the cut of φ(k) h(k)

The functions used here have a height at each c, at most its distance from the null concept, and fall from there as fast as they may
(the extension of E. J. McShane, Bull. AMS 40, 1934); h(c) is then at least the height::

    h(x)  =  max(0, max over c of (height(c) - distance(x, c)))

Three things may stand for what is not known, since each makes h larger and the bound smaller: a lower bound of a distance; the
distance of the effects alone, where the cause of a mechanism under the cut is not known yet; and φ of its effect for φ.

The heights start as the distances from the null concept. A height is lowered where that raises the bound: where h takes its value
from c at concepts under the cut that hold more φ than c does (:func:`_lower`).

The mechanism whose cause may raise the bound most is searched next.

Example, the cut from {0} to {1} of the system in :mod:`~lightning_iit.phi.fast.structures.cut_phi`. Uncut, {0} and {1} have
φ = 0.25 and are 0.75 away from the null concept, so the first sum is 0.375. Under the cut, φ of the effects is 0.25 for {0} and for
{1}, and by their effects alone both are where they were: the bound is 0. {1} turns out to have no cause, so 0.25 * 0.75 is not
subtracted any more, and the bound is 0.1875, which is Φ of this cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.compiling import kernel
from lightning_iit.phi.fast.causes import UNKNOWN
from lightning_iit.phi.fast.mice import CAUSE, EFFECT
from lightning_iit.phi.fast.structures.space import (
    NULL,
    Space,
    Structure,
    cause_distance,
    concept_phi,
    expanded,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.subsets import Subsets

ABSENT = 0
"""Marks a mechanism without a concept under the cut."""
OPEN = 1
"""Marks a mechanism whose cause under the cut is not known yet."""
KNOWN = 2
"""Marks a mechanism whose concept under the cut is known."""

RAISED = 8
"""How many distances of one concept under the cut get a better lower bound, at most."""
PASSES = 2
"""How often all heights are gone through."""
EVERY = 8
"""After how many causes the heights are made anew."""


class Floor(NamedTuple):
    """Holds the lower bound of Φ of the cut that a thread evaluates, and what it is made of.

    The concepts of the uncut system have places from 0 on; what is under the cut lies by mechanism.

    Args:
        value: ``[1]``, the lower bound of Φ.
        counts: ``[2]``, the number of concepts of the uncut system, and of the causes that were found under the cut.
        mechanism: ``[2**n]``, the mechanism of each concept of the uncut system.
        phi: ``[2**n]``, its φ.
        far: ``[2**n]``, its distance from the null concept.
        height: ``[2**n]``, its height: what h is there at least.
        expanded: ``[2, n, 2**n]``, its cause and its effect, expanded to all nodes: the probability that each node is ON.
        cost: ``[2**n, 2**n]``, a lower bound of the distance of the concept of a mechanism under the cut from each of these.
        mass: ``[2**n]``, φ of a mechanism under the cut, or an upper bound.
        top: ``[2**n]``, h at the concept of a mechanism under the cut.
        under: ``[2**n]``, the concept of the uncut system from which ``top`` falls; -1 where it is 0.
        status: ``[2**n]``, ABSENT, OPEN or KNOWN, for each mechanism under the cut.
        gap: ``[2**n]``, scratch: by how much h at a concept falls before another height takes over.
    """

    value: NDArray[np.float64]
    counts: NDArray[np.int64]
    mechanism: NDArray[np.int64]
    phi: NDArray[np.float64]
    far: NDArray[np.float64]
    height: NDArray[np.float64]
    expanded: NDArray[np.float64]
    cost: NDArray[np.float64]
    mass: NDArray[np.float64]
    top: NDArray[np.float64]
    under: NDArray[np.int64]
    status: NDArray[np.int64]
    gap: NDArray[np.float64]


def new_floor(n: int) -> Floor:
    """Allocates the bound of one thread for systems of ``n`` nodes."""
    count = 1 << n
    return Floor(
        value=np.zeros(1),
        counts=np.zeros(2, np.int64),
        mechanism=np.zeros(count, np.int64),
        phi=np.zeros(count),
        far=np.zeros(count),
        height=np.zeros(count),
        expanded=np.zeros((2, n, count)),
        cost=np.zeros((count, count)),
        mass=np.zeros(count),
        top=np.zeros(count),
        under=np.zeros(count, np.int64),
        status=np.zeros(count, np.int64),
        gap=np.zeros(count),
    )


@kernel
def _add_costs(side: int, mechanism: int, row: int, cut: Structure, floor: Floor) -> None:
    """Adds the distances of a mechanism's cause (by marginals) or effect under the cut from those of the uncut concepts."""
    cost = floor.cost[mechanism]
    for node in range(floor.expanded.shape[1]):
        here, there = expanded(side, mechanism, row, node, cut), floor.expanded[side, node]
        for c in range(floor.counts[0]):
            cost[c] += abs(there[c] - here)


@kernel
def _find_top(mechanism: int, floor: Floor) -> None:
    """Computes h at the concept of a mechanism under the cut."""
    cost, height = floor.cost[mechanism], floor.height
    top, under = 0.0, -1
    for c in range(floor.counts[0]):
        left = height[c] - cost[c]
        if left > top:
            top, under = left, c
    floor.top[mechanism], floor.under[mechanism] = top, under


@kernel
def _tighten(
    mechanism: int, rows: NDArray[np.int64], whole: Structure, cut: Structure, sets: Subsets, floor: Floor, space: Space
) -> None:
    """Computes h at the concept of a mechanism whose cause is known; bounds from dual solutions raise the distances that matter."""
    row = rows[mechanism]
    purview = cut.mice.purview[CAUSE, row]
    for _ in range(RAISED):
        _find_top(mechanism, floor)
        c = floor.under[mechanism]
        if c < 0:
            return
        other = floor.mechanism[c]
        causes, other_purview = whole.repertoires.cause, whole.mice.purview[CAUSE, rows[other]]
        cost = cause_distance(
            other, other_purview, causes, mechanism, purview, cut.repertoires.cause, sets, space.difference, space.transport, False
        )
        for node in range(floor.expanded.shape[1]):
            cost += abs(floor.expanded[EFFECT, node, c] - expanded(EFFECT, mechanism, row, node, cut))
        if cost <= floor.cost[mechanism, c]:
            return
        floor.cost[mechanism, c] = cost
    _find_top(mechanism, floor)


@kernel
def _taken(c: int, step: float, floor: Floor) -> tuple[float, float]:
    """Returns φ of the concepts under the cut where h falls with the height of c beyond a step, and the smallest such gap."""
    taken, following = 0.0, np.inf
    for m in range(len(floor.top)):
        if floor.under[m] == c and floor.gap[m] > step:
            taken += floor.mass[m]
            following = min(following, floor.gap[m])
    return taken, following


@kernel
def _find_gaps(c: int, floor: Floor) -> None:
    """Writes, for the concepts under the cut where h falls from c, by how much it falls before another height takes over."""
    for m in range(len(floor.top)):
        if floor.under[m] == c:
            other = 0.0
            for k in range(floor.counts[0]):
                if k != c:
                    other = max(other, floor.height[k] - floor.cost[m, k])
            floor.gap[m] = floor.top[m] - other


@kernel
def _lower(c: int, floor: Floor) -> bool:
    """Lowers the height of a concept of the uncut system for as long as that raises the bound; says whether it was lowered."""
    under, top, gap = floor.under, floor.top, floor.gap
    if _taken(c, -np.inf, floor)[0] <= floor.phi[c]:
        return False
    _find_gaps(c, floor)
    step = 0.0
    taken, following = _taken(c, step, floor)
    while taken > floor.phi[c]:
        step = following
        taken, following = _taken(c, step, floor)
    floor.height[c] -= step
    for m in range(len(top)):
        if under[m] == c and gap[m] > step:
            top[m] -= step
        elif under[m] == c:
            _find_top(m, floor)
    return step > 0.0


@kernel
def _make_heights(floor: Floor) -> None:
    """Makes the heights anew and writes the lower bound of Φ that they show; it may be below that of the last heights."""
    for c in range(floor.counts[0]):
        floor.height[c] = floor.far[c]
    for m in range(len(floor.top)):
        if floor.status[m] != ABSENT:
            _find_top(m, floor)
    for _ in range(PASSES):
        lowered = False
        for c in range(floor.counts[0]):
            lowered |= _lower(c, floor)
        if not lowered:
            break
    value = 0.0
    for c in range(floor.counts[0]):
        value += floor.phi[c] * floor.height[c]
    for m in range(len(floor.top)):
        value -= floor.mass[m] * floor.top[m]
    floor.value[0] = value


@kernel
def _set_absent(mechanism: int, floor: Floor) -> None:
    """Takes over that a mechanism has no concept under the cut."""
    floor.status[mechanism], floor.mass[mechanism], floor.top[mechanism], floor.under[mechanism] = ABSENT, 0.0, 0.0, -1


@kernel
def _set_known(
    mechanism: int, rows: NDArray[np.int64], whole: Structure, cut: Structure, sets: Subsets, floor: Floor, space: Space
) -> None:
    """Takes over the concept of a mechanism whose cause under the cut is known."""
    row = rows[mechanism]
    floor.mass[mechanism] = concept_phi(cut.mice, row)
    if floor.mass[mechanism] == 0.0:
        _set_absent(mechanism, floor)
        return
    floor.status[mechanism] = KNOWN
    _add_costs(CAUSE, mechanism, row, cut, floor)
    _tighten(mechanism, rows, whole, cut, sets, floor, space)


@kernel
def begin_floor(
    wanted: NDArray[np.bool_],
    rows: NDArray[np.int64],
    far: NDArray[np.float64],
    whole: Structure,
    cut: Structure,
    sets: Subsets,
    floor: Floor,
    space: Space,
) -> None:
    """Computes the lower bound of Φ of a cut from all effects, and from the causes that are known already.

    Args:
        wanted: ``[2**n]``, which mechanisms may have concepts.
        rows: ``[2**n]``, the row of each mechanism.
        far: ``[rows]``, the distance from the null concept of each concept of the uncut system.
        whole: the structure of the uncut system.
        cut: the structure under the cut, with all effects.
        sets: index tables.
        floor: overwritten.
        space: scratch.
    """
    concepts = 0
    for mechanism in range(1, len(rows)):
        row = rows[mechanism]
        phi = concept_phi(whole.mice, row)
        if phi > 0.0:
            floor.mechanism[concepts], floor.phi[concepts] = mechanism, phi
            floor.far[concepts] = floor.height[concepts] = far[row]
            for side in (CAUSE, EFFECT):
                for node in range(floor.expanded.shape[1]):
                    floor.expanded[side, node, concepts] = expanded(side, mechanism, row, node, whole)
            concepts += 1
    floor.counts[0], floor.counts[1] = concepts, 0
    for mechanism in range(len(rows)):
        row = rows[mechanism]
        _set_absent(mechanism, floor)
        if mechanism == NULL or not wanted[mechanism] or cut.mice.phi[EFFECT, row] <= 0.0:
            continue
        for c in range(concepts):
            floor.cost[mechanism, c] = 0.0
        _add_costs(EFFECT, mechanism, row, cut, floor)
        if cut.mice.phi[CAUSE, row] == UNKNOWN:
            floor.status[mechanism], floor.mass[mechanism] = OPEN, cut.mice.phi[EFFECT, row]
        else:
            _set_known(mechanism, rows, whole, cut, sets, floor, space)
    _make_heights(floor)


@kernel
def next_mechanism(source: int, target: int, floor: Floor) -> int:
    """Returns the mechanism whose cause under the cut is to be searched next; 0 where all are known.

    Causes of mechanisms that are not split cost little and come first, then the one that may raise the bound most.
    """
    chosen, most = 0, -1.0
    for mechanism in range(1, len(floor.top)):
        if floor.status[mechanism] != OPEN:
            continue
        if not (mechanism & source and mechanism & target):
            return mechanism
        taken = floor.mass[mechanism] * floor.top[mechanism]
        if taken > most:
            chosen, most = mechanism, taken
    return chosen


@kernel
def raise_floor(
    mechanism: int, rows: NDArray[np.int64], whole: Structure, cut: Structure, sets: Subsets, floor: Floor, space: Space
) -> None:
    """Raises the lower bound of Φ by what the cause of a mechanism, now known, has shown."""
    before = floor.mass[mechanism] * floor.top[mechanism]
    _set_known(mechanism, rows, whole, cut, sets, floor, space)
    floor.value[0] += before - floor.mass[mechanism] * floor.top[mechanism]
    floor.counts[1] += 1
    if floor.counts[1] % EVERY == 0:
        _make_heights(floor)
