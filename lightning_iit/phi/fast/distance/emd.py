"""The Hamming earth mover's distance, with a pool of earlier dual solutions that rejects most problems without solving them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.fast.compiling import fast_sum_kernel, kernel
from lightning_iit.phi.fast.distance.simplex import Tree, new_tree, solve
from lightning_iit.phi.fast.distance.small_emd import CLOSED_FORM, small_emd

if TYPE_CHECKING:
    from numpy.typing import NDArray

POOL = 16
RECENT = 8
"""Of the pool, the slots from RECENT on are a ring of the latest solutions; those before hold the ones that rejected last."""

EXACT = 0
REJECTED = 1
"""The value is a lower bound that has reached the reject bound."""
ACCEPTED = 2
"""The value is an upper bound that is below the accept bound."""


class Transport(NamedTuple):
    """What solving distances needs and remembers; private to a thread.

    Args:
        tree: scratch of the network simplex.
        values: ``[100]``, scratch of the closed forms.
        heights: ``[n + 1, POOL, 2**n]``, height functions that were optimal for earlier problems, by number of nodes.
        trees: ``[n + 1, POOL, 2**n]``, the parents of the optimal trees they belong to.
        slots: ``[n + 1, POOL]``, the order in which the pool is looked at.
        newest: ``[n + 1]``, where the ring stands.
    """

    tree: Tree
    values: NDArray[np.float64]
    heights: NDArray[np.float64]
    trees: NDArray[np.int64]
    slots: NDArray[np.int64]
    newest: NDArray[np.int64]


def new_transport(n: int) -> Transport:
    """Room for distances over up to n nodes; the first tree clears the lowest bit of a state."""
    states = np.arange(1 << n)
    trees = np.empty((n + 1, POOL, 1 << n), np.int64)
    trees[:] = states & (states - 1)
    slots = np.empty((n + 1, POOL), np.int64)
    slots[:] = np.arange(POOL)
    return Transport(
        tree=new_tree(n),
        values=np.zeros(100),
        heights=np.zeros((n + 1, POOL, 1 << n)),
        trees=trees,
        slots=slots,
        newest=np.zeros(n + 1, np.int64),
    )


@fast_sum_kernel
def _dot(a: NDArray[np.float64], b: NDArray[np.float64], count: int) -> float:
    total = 0.0
    for x in range(count):
        total += a[x] * b[x]
    return total


@kernel
def _move_to_front(slots: NDArray[np.int64], place: int) -> None:
    """Puts the slot at ``place`` first; from the ring it changes places with the one that has been idle longest."""
    slot = slots[place]
    if place >= RECENT:
        slots[place] = slots[RECENT - 1]
        place = RECENT - 1
    for k in range(place, 0, -1):
        slots[k] = slots[k - 1]
    slots[0] = slot


@kernel
def _best_dual(d: NDArray[np.float64], p: int, transport: Transport, reject: float) -> tuple[float, int]:
    """The largest lower bound that the pool gives (or the first that reaches ``reject``) and its place."""
    best, where = 0.0, 0
    for place in range(POOL):
        bound = abs(_dot(transport.heights[p, transport.slots[p, place]], d, 1 << p))
        if bound > best:
            best, where = bound, place
            if bound >= reject:
                break
    return best, where


@kernel
def _remember(p: int, transport: Transport) -> None:
    """Puts the solution that ``transport.tree`` holds into the ring."""
    place = RECENT + transport.newest[p]
    transport.newest[p] = (transport.newest[p] + 1) % (POOL - RECENT)
    slot = transport.slots[p, place]
    for x in range(1 << p):
        transport.heights[p, slot, x] = transport.tree.potential[x]
        transport.trees[p, slot, x] = transport.tree.parent[x]


@kernel
def dual_bound(d: NDArray[np.float64], p: int, transport: Transport, reject: float) -> float:
    """A lower bound of the distance over more than CLOSED_FORM nodes, from the pool; it stops at one that reaches ``reject``."""
    bound, place = _best_dual(d, p, transport, reject)
    if bound >= reject:
        _move_to_front(transport.slots[p], place)
    return bound


@kernel
def emd(d: NDArray[np.float64], p: int, transport: Transport, reject: float, accept: float) -> tuple[float, int]:
    """The Hamming earth mover's distance of two distributions over p nodes.

    Args:
        d: ``[>= 2**p]``, their difference by state; sums to 0.
        p: the number of nodes.
        transport: scratch and memory; mutated.
        reject: a lower bound that reaches this is as good as the distance.
        accept: an upper bound below this is as good as the distance.

    Returns:
        The value and EXACT, REJECTED or ACCEPTED.
    """
    if p <= CLOSED_FORM:
        return small_emd(d, p, transport.values, reject), EXACT
    bound, place = _best_dual(d, p, transport, reject)
    if bound >= reject:
        _move_to_front(transport.slots[p], place)
        return bound, REJECTED
    start = transport.trees[p, transport.slots[p, place]]
    for x in range(1 << p):
        transport.tree.parent[x] = start[x]
    value, solved = solve(d, p, transport.tree, accept)
    if not solved:
        return value, ACCEPTED
    _remember(p, transport)
    return value, EXACT
