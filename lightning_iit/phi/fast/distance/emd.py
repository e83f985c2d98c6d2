"""The Hamming earth mover's distance, with bounds that answer most problems without solving them.

A dual solution is a height function f (see :mod:`~lightning_iit.phi.fast.distance.cubes`): f . d is a lower bound of the distance
for any difference d of two distributions, and the exact distance for the d from which f was computed. The differences in one
analysis resemble each other, so an old f, from a pool, often gives a bound high enough to reject a new problem; where it does not,
single steps uphill from f (:func:`_climb`) often do. In the other direction, any plan that moves the mass is an upper bound:
:func:`greedy_bound` makes one without a search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.compiling import fast_sum_kernel, kernel
from lightning_iit.phi.fast.distance.simplex import Tree, new_tree, solve
from lightning_iit.phi.fast.distance.small_emd import CLOSED_FORM, small_emd

if TYPE_CHECKING:
    from numpy.typing import NDArray

POOL = 32
"""The number of dual solutions that are kept for each number of nodes."""
RECENT = 16
"""Where the ring of the latest solutions starts in ``slots``; places before hold the solutions that rejected a problem last."""

SMALLEST = 1e-12
"""The least difference of two probabilities that a step uphill is made for; smaller ones may be rounding errors."""

EXACT = 0
"""Status of a value that is the distance."""
REJECTED = 1
"""Status of a value that is a lower bound and has reached the reject bound."""
ACCEPTED = 2
"""Status of a value that is an upper bound and is below the accept bound."""


class Transport(NamedTuple):
    """Holds the scratch for solving distances and the memory of earlier solutions; each thread has its own.

    Args:
        tree: scratch of the network simplex.
        values: ``[100]``, scratch of the closed forms.
        rest: ``[2**n]``, scratch: the mass that is still to be moved, or a height function.
        heights: ``[n + 1, 2**n, POOL]``, the pool: height functions that were optimal for earlier problems, by number of nodes.
        products: ``[POOL]``, scratch: the dot products with all functions of a pool.
        trees: ``[n + 1, POOL, 2**n]``, the parents in the optimal trees of the same problems.
        slots: ``[n + 1, POOL]``, the order in which the pool is looked at.
        newest: ``[n + 1]``, the place in the ring that the next solution overwrites.
    """

    tree: Tree
    values: NDArray[np.float64]
    rest: NDArray[np.float64]
    heights: NDArray[np.float64]
    products: NDArray[np.float64]
    trees: NDArray[np.int64]
    slots: NDArray[np.int64]
    newest: NDArray[np.int64]


def new_transport(n: int) -> Transport:
    """Allocates scratch and memory for distances over up to ``n`` nodes.

    In the first tree, the parent of a state is the state without its lowest bit. The first height functions are 1 at the states
    with an odd number of ON nodes and 0 at the others.
    """
    states = np.arange(1 << n)
    heights = np.zeros((n + 1, 1 << n, POOL))
    heights[:, [state.bit_count() % 2 == 1 for state in range(1 << n)]] = 1.0
    trees = np.empty((n + 1, POOL, 1 << n), np.int64)
    trees[:] = states & (states - 1)
    slots = np.empty((n + 1, POOL), np.int64)
    slots[:] = np.arange(POOL)
    return Transport(
        tree=new_tree(n),
        values=np.zeros(100),
        rest=np.zeros(1 << n),
        heights=heights,
        products=np.zeros(POOL),
        trees=trees,
        slots=slots,
        newest=np.zeros(n + 1, np.int64),
    )


@fast_sum_kernel
def _multiply(heights: NDArray[np.float64], d: NDArray[np.float64], count: int, products: NDArray[np.float64]) -> None:
    """Writes the dot products of the first ``count`` entries (a multiple of 8) with each function ``heights[:, k]``."""
    for k in range(POOL):
        products[k] = 0.0
    for x in range(0, count, 8):
        d0, d1, d2, d3, d4, d5, d6, d7 = d[x], d[x + 1], d[x + 2], d[x + 3], d[x + 4], d[x + 5], d[x + 6], d[x + 7]
        for k in range(POOL):
            products[k] += (
                heights[x, k] * d0
                + heights[x + 1, k] * d1
                + heights[x + 2, k] * d2
                + heights[x + 3, k] * d3
                + heights[x + 4, k] * d4
                + heights[x + 5, k] * d5
                + heights[x + 6, k] * d6
                + heights[x + 7, k] * d7
            )


@kernel
def _move_to_front(slots: NDArray[np.int64], place: int) -> None:
    """Moves the slot at ``place`` to the front; a slot from the ring changes places with the front slot that was idle longest."""
    slot = slots[place]
    if place >= RECENT:
        slots[place] = slots[RECENT - 1]
        place = RECENT - 1
    for k in range(place, 0, -1):
        slots[k] = slots[k - 1]
    slots[0] = slot


@kernel
def _best_dual(d: NDArray[np.float64], p: int, transport: Transport) -> tuple[float, int]:
    """Returns the largest lower bound from the pool, and its place in ``slots``."""
    _multiply(transport.heights[p], d, 1 << p, transport.products)
    best, where = 0.0, 0
    for place in range(POOL):
        bound = abs(transport.products[transport.slots[p, place]])
        if bound > best:
            best, where = bound, place
    return best, where


@kernel
def _remember(p: int, transport: Transport) -> None:
    """Writes the solution in ``transport.tree`` into the ring, over the oldest one there."""
    place = RECENT + transport.newest[p]
    transport.newest[p] = (transport.newest[p] + 1) % (POOL - RECENT)
    slot = transport.slots[p, place]
    for x in range(1 << p):
        transport.heights[p, x, slot] = transport.tree.potential[x]
        transport.trees[p, slot, x] = transport.tree.parent[x]


def _directions() -> NDArray[np.int64]:
    """Returns the masks of up to 8 nodes, ``[9, 255]``: the first 2**p - 1 of row p are the masks of p nodes, the small first."""
    table = np.zeros((9, 255), np.int64)
    for p in range(9):
        table[p, : 2**p - 1] = sorted(range(1, 2**p), key=lambda mask: (mask.bit_count(), mask))
    return table


DIRECTIONS = _directions()
"""The differences between two states of p nodes, in the order in which :func:`greedy_bound` moves mass."""
LENGTHS = np.array([mask.bit_count() for mask in range(256)])
"""The number of nodes in a mask."""


@kernel
def greedy_bound(d: NDArray[np.float64], p: int, transport: Transport, accept: float) -> float:
    """Returns an upper bound of the distance: the cost of moving as much mass as possible between the nearest states first.

    Args:
        d: ``[>= 2**p]``, the difference of the distributions by state; sums to 0.
        p: the number of nodes.
        transport: scratch; mutated.
        accept: the search for a plan ends once an upper bound is below this value, or once no plan of this kind can be.
    """
    count, rest = 1 << p, transport.rest
    left, cost = 0.0, 0.0
    for x in range(count):
        rest[x] = d[x]
        left += 0.5 * abs(d[x])
    for k in range(count - 1):
        direction = DIRECTIONS[p, k]
        lowest = direction & -direction
        moved = 0.0
        for first in range(0, count, 2 * lowest):
            for x in range(first, first + lowest):
                more, less = rest[x], -rest[x ^ direction]
                amount = max(0.0, min(more, less)) + min(0.0, max(more, less))
                rest[x] -= amount
                rest[x ^ direction] += amount
                moved += abs(amount)
        cost += moved * LENGTHS[direction]
        left = max(0.0, left - moved)
        if cost + left * p < accept or cost > accept:
            break
    return cost + left * p


@kernel
def dual_bound(d: NDArray[np.float64], p: int, transport: Transport, reject: float) -> float:
    """Returns a lower bound of the distance over more than CLOSED_FORM nodes, from the pool of earlier dual solutions.

    Args:
        d: ``[>= 2**p]``, the difference of the distributions by state; sums to 0.
        p: the number of nodes, above CLOSED_FORM.
        transport: scratch and memory; the order of the pool may change.
        reject: the first lower bound that reaches this value is returned.
    """
    bound, place = _best_dual(d, p, transport)
    if bound >= reject:
        _move_to_front(transport.slots[p], place)
    return bound


@kernel
def _start_from(place: int, p: int, transport: Transport) -> None:
    """Writes the tree of the solution at ``place`` of the pool into ``transport.tree``, as a start of the simplex."""
    start = transport.trees[p, transport.slots[p, place]]
    for x in range(1 << p):
        transport.tree.parent[x] = start[x]


@kernel
def pool_bounds(d: NDArray[np.float64], p: int, transport: Transport) -> tuple[float, float]:
    """Returns a lower and an upper bound of the distance, both from the earlier solution whose dual bound is the largest.

    Args:
        d: ``[>= 2**p]``, the difference of the distributions by state; sums to 0.
        p: the number of nodes, above CLOSED_FORM.
        transport: scratch and memory.
    """
    bound, place = _best_dual(d, p, transport)
    _start_from(place, p, transport)
    return bound, solve(d, p, transport.tree, np.inf)[0]


@kernel
def _climb(d: NDArray[np.float64], p: int, transport: Transport, slot: int, bound: float, reject: float) -> float:
    """Returns a lower bound of the distance that is at least ``bound``, that of a solution in the pool.

    A height function stays one where its value at a state that all neighbours are above is raised by 2, or lowered by 2 where all
    are below. Such steps are made while they raise the bound and it has not reached ``reject``. They end, since states that are
    raised and states that are lowered hold each other: what sums to 0 has both, or neither.
    """
    count, height = 1 << p, transport.rest
    sign = 1.0 if transport.products[slot] > 0.0 else -1.0
    for x in range(count):
        height[x] = sign * transport.heights[p, x, slot]
    grown = True
    while grown and bound < reject:
        grown = False
        for x in range(count):
            if abs(d[x]) < SMALLEST:
                continue
            wanted = 1.0 if d[x] > 0.0 else -1.0
            free = True
            for k in range(p):
                if (height[x ^ (1 << k)] - height[x]) * wanted < 0.0:
                    free = False
                    break
            if free:
                height[x] += 2.0 * wanted
                bound += 2.0 * abs(d[x])
                grown = True
    return bound


@kernel
def emd(d: NDArray[np.float64], p: int, transport: Transport, reject: float, accept: float) -> tuple[float, int]:
    """Computes the Hamming earth mover's distance of two distributions over the states of ``p`` nodes.

    Args:
        d: ``[>= 2**p]``, the difference of the distributions by state; sums to 0.
        p: the number of nodes.
        transport: scratch and memory; mutated.
        reject: a lower bound that reaches this value may be returned instead of the distance; infinity for never.
        accept: an upper bound below this value may be returned instead of the distance; -1 for never.

    Returns:
        The value and its status: EXACT, REJECTED or ACCEPTED. Up to CLOSED_FORM nodes the status is always EXACT, although with
        four nodes a value that reaches ``reject`` may be a lower bound.
    """
    if p <= CLOSED_FORM:
        return small_emd(d, p, transport.values, reject), EXACT
    bound, place = _best_dual(d, p, transport)
    if bound >= reject:
        _move_to_front(transport.slots[p], place)
        return bound, REJECTED
    if reject < np.inf:
        climbed = _climb(d, p, transport, transport.slots[p, place], bound, reject)
        if climbed >= reject:
            return climbed, REJECTED
    _start_from(place, p, transport)
    value, solved = solve(d, p, transport.tree, accept)
    if not solved:
        return value, ACCEPTED
    _remember(p, transport)
    return value, EXACT
