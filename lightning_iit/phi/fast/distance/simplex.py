"""The Hamming earth mover's distance by a primal network simplex on the hypercube graph.

Mass moves along the edges of the p-cube, each of cost 1. A basis is an *undirected* spanning tree. Every tree is primal feasible:
the flow of the edge above node v is the sum of d over the subtree of v, and the sign of the sum is the direction. So any tree, such
as the tree of an earlier problem, is a start without a phase 1. The potentials are integers that change by 1 along tree edges
(uphill against the flow); the tree is optimal once potentials change by at most 1, hence exactly 1, along all edges of the cube.

Two things make pivots cheap. Subtrees are kept as bit sets, so that the path between two nodes and the nodes that a pivot moves are
found without walking the tree. And the ratio test is a long step: a flow that is driven through zero is reversed at the same cost,
so the step ends only where the cost stops falling (the piecewise linear ratio test; see R. Fourer, Mathematical Programming 33,
1985).

Invariants, after :func:`_hang` and after each :func:`_pivot`, with d perturbed by ``NOISE``:

* ``parent`` is a spanning tree: node 0 is the root, and each other node differs from its parent in one bit.
* ``subtree[v]`` is the bit set of v and of all nodes below v; ``subtree[0]`` holds all nodes.
* ``flow[v]`` is the sum of d over ``subtree[v]``; ``flow[0]`` is 0 up to the perturbation and is not used.
* ``potential[v] - potential[parent[v]]`` is 1 where ``flow[v] > 0`` (mass leaves the subtree), else -1; ``potential[0]`` is 0.
* The sum of ``abs(flow[v])`` over v > 0 is the cost of the tree, an upper bound of the distance;
  each pivot lowers the cost, if only by the perturbation.

Within :func:`_pivot`: :func:`_branch` reads the tree only. :func:`_rehang` keeps the invariants of ``parent``, ``subtree`` and
``flow``, but for the parent of the node that the entering edge joins, which :func:`_pivot` sets next. The moved subtree then takes
one common shift of its potentials. After a long step the potentials are wrong along reversed flows, and :func:`_turn_flows` repairs
these.

When :func:`solve` ends with True, potentials of neighbours differ by exactly 1: they are a height function, and ``potential . d``
is the distance, without the perturbation.

Example, two nodes (states 0 to 3), from (0, 0.1, 0.9, 0) to (0.2, 0.7, 0, 0.1), so d = (-0.2, -0.6, 0.9, -0.1), with the parents
(0, 0, 0, 1) as start. The numbers leave out the perturbation.

==============  =============  ======================  ================  ====
step            parent[1..3]   flow[1..3]              potential[0..3]   cost
==============  =============  ======================  ================  ====
_hang           0, 0, 1        -0.7, 0.9, -0.1         0, -1, 1, -2      1.7
_pivot(2, 3)    0, 0, 2        -0.6, 0.8, -0.1         0, -1, 1, 0       1.5
==============  =============  ======================  ================  ====

At first the potentials of the neighbours 2 and 3 differ by 3, so the edge from 2 to 3 enters. The least flow that the step reduces
is the 0.1 from 1 to 3: that edge leaves, and the cost falls by 0.1 * (3 - 1). Then all neighbours differ by 1, and the distance is
0 * -0.2 + -1 * -0.6 + 1 * 0.9 + 0 * -0.1 = 1.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLACK = 1e-9
"""An upper limit of the change in cost that the perturbation of the supplies can cause."""
VIOLATED = 3
"""The smallest difference of neighbouring potentials that violates optimality; these differences are odd."""


class Tree(NamedTuple):
    """Holds a spanning tree of the p-cube, rooted at state 0, with its flows and potentials; scratch of :func:`solve`.

    Args:
        parent: ``[2**n]``, the node above each node; the only array whose values matter at the start of :func:`solve`.
        flow: ``[2**n]``, the flow from each node to its parent (negative: from the parent).
        potential: ``[2**n]``, the dual variable of each node, an integer; mass flows from higher to lower potentials.
        subtree: ``[2**n, words]``, the nodes at and below each node as a bit set.
        order: ``[2**n]``, the nodes below the root, from the leaves up.
        path: ``[2, 2**n]``, the two branches of the cycle that a pivot closes.
        moved: ``[words]``, the bit set of the nodes that a pivot moves.
    """

    parent: NDArray[np.int64]
    flow: NDArray[np.float64]
    potential: NDArray[np.int64]
    subtree: NDArray[np.uint64]
    order: NDArray[np.int64]
    path: NDArray[np.int64]
    moved: NDArray[np.uint64]


def new_tree(n: int) -> Tree:
    """Allocates a tree for hypercubes of up to ``n`` dimensions."""
    count = 1 << n
    words = max(1, count // 64)
    return Tree(
        parent=np.zeros(count, np.int64),
        flow=np.zeros(count),
        potential=np.zeros(count, np.int64),
        subtree=np.zeros((count, words), np.uint64),
        order=np.zeros(count, np.int64),
        path=np.zeros((2, count), np.int64),
        moved=np.zeros(words, np.uint64),
    )


def _noise() -> NDArray[np.float64]:
    """Returns a fixed perturbation of the supplies against cycling, between -1e-12 and 1e-12.

    The numbers come from the minimal standard generator with multiplier 48271.
    """
    values, seed = np.empty(256), 1
    for k in range(values.size):
        seed = seed * 48271 % 2147483647
        values[k] = (seed / 2147483647 - 0.5) * 2e-12
    return values


NOISE = _noise()
"""The mass that is added to the supply of each state, ``[256]``; never 0 and different for each state."""


@kernel
def _hang(d: NDArray[np.float64], p: int, tree: Tree) -> float:
    """Computes flows, subtrees and potentials of the tree ``tree.parent`` for the supplies ``d``; returns the cost of the flows."""
    count = 1 << p
    words = max(1, count >> 6)
    waiting = tree.path[0]
    for x in range(count):
        waiting[x] = 0
        tree.flow[x] = d[x] + NOISE[x]
        for w in range(words):
            tree.subtree[x, w] = np.uint64(0)
        tree.subtree[x, x >> 6] = np.uint64(1) << np.uint64(x & 63)
    for x in range(1, count):
        waiting[tree.parent[x]] += 1
    filled = 0
    for x in range(1, count):
        v = x
        # a node is put into the order once all its children are there; nodes up to x have been visited already
        while v != 0 and v <= x and waiting[v] == 0:
            waiting[v] = -1
            tree.order[filled] = v
            filled += 1
            above = tree.parent[v]
            tree.flow[above] += tree.flow[v]
            for w in range(words):
                tree.subtree[above, w] |= tree.subtree[v, w]
            waiting[above] -= 1
            v = above
    tree.potential[0] = 0
    cost = 0.0
    for k in range(filled - 1, -1, -1):
        v = tree.order[k]
        tree.potential[v] = tree.potential[tree.parent[v]] + (1 if tree.flow[v] > 0.0 else -1)
        cost += abs(tree.flow[v])
    return cost


@kernel
def _branch(tree: Tree, x: int, y: int, branch: int) -> int:
    """Writes the nodes from x up to below the lowest common ancestor of x and y into ``tree.path[branch]``; returns how many."""
    word, bit = y >> 6, np.uint64(y & 63)
    length = 0
    while (tree.subtree[x, word] >> bit) & np.uint64(1) == 0:
        tree.path[branch, length] = x
        length += 1
        x = tree.parent[x]
    return length


@kernel
def _leaving(tree: Tree, branch: int, length: int, least: float) -> tuple[float, int]:
    """Finds the smallest flow above ``least`` that the step reduces on a branch; returns flow and position (infinity and -1: none).

    A step moves mass from the higher end of the entering edge (branch 0) to the lower end (branch 1). This reduces the flows that
    run downhill along the cycle: flows that leave a node of branch 0, and flows that enter a node of branch 1.
    """
    found, position = np.inf, -1
    for k in range(length):
        v = tree.path[branch, k]
        rise = tree.potential[v] - tree.potential[tree.parent[v]]
        if (rise > 0) == (branch == 0):
            flow = abs(tree.flow[v])
            if least < flow < found:
                found, position = flow, k
    return found, position


@kernel
def _raise_potentials(tree: Tree, nodes: NDArray[np.uint64], amount: int, count: int) -> None:
    """Adds ``amount`` to the potentials of all nodes in a bit set."""
    width = min(count, 64)
    for w in range(max(1, count >> 6)):
        bits = nodes[w]
        if bits != 0:
            for x in range(width):
                tree.potential[(w << 6) + x] += amount * np.int64((bits >> np.uint64(x)) & np.uint64(1))


@kernel
def _rehang(tree: Tree, branch: int, position: int, length: int, other: int, count: int) -> None:
    """Cuts the tree edge at ``position`` of a branch and moves the subtree below under the end of the other branch.

    Updates flow, subtree and the parents within the moved subtree, and writes the moved nodes into ``tree.moved``; the caller sets
    the parent of ``tree.path[branch, 0]``, the node at which the moved subtree is attached.

    Args:
        tree: mutated.
        branch: the branch with the leaving edge, 0 or 1.
        position: the place on the branch of the node below the leaving edge.
        length: the number of nodes on the branch.
        other: the number of nodes on the other branch.
        count: the number of states.
    """
    words = max(1, count >> 6)
    path, across = tree.path[branch], tree.path[1 - branch]
    top = path[position]
    flow = tree.flow[top]
    for w in range(words):
        tree.moved[w] = tree.subtree[top, w]
    for k in range(position + 1, length):
        tree.flow[path[k]] -= flow
        for w in range(words):
            tree.subtree[path[k], w] &= ~tree.moved[w]
    for k in range(other):
        tree.flow[across[k]] += flow
        for w in range(words):
            tree.subtree[across[k], w] |= tree.moved[w]
    for k in range(position, 0, -1):
        below = path[k - 1]
        tree.flow[path[k]] = flow - tree.flow[below]
        tree.parent[path[k]] = below
        for w in range(words):
            tree.subtree[path[k], w] = tree.moved[w] & ~tree.subtree[below, w]
    tree.flow[path[0]] = flow
    for w in range(words):
        tree.subtree[path[0], w] = tree.moved[w]


@kernel
def _turn_flows(tree: Tree, branch: int, length: int, count: int) -> None:
    """Updates the node potentials (duals) on a branch where a long pivot reversed an edge's flow."""
    for k in range(length):
        v = tree.path[branch, k]
        rise = tree.potential[v] - tree.potential[tree.parent[v]]
        wanted = 1 if tree.flow[v] > 0.0 else -1
        if rise != wanted:
            _raise_potentials(tree, tree.subtree[v], wanted - rise, count)


@kernel
def _pivot(tree: Tree, high: int, low: int, count: int) -> float:
    """Brings the edge from node ``high`` to its neighbour ``low``, whose potential is lower, into the tree of ``count`` nodes.

    The edge that limits the flow on the cycle leaves the tree; flows and potentials of ``tree`` are changed in place.

    Returns:
        By how much the cost has decreased (0 or more).
    """
    excess = tree.potential[high] - tree.potential[low]
    up, down = _branch(tree, high, low, 0), _branch(tree, low, high, 1)
    step, gain, branch, position = 0.0, 0.0, 0, 0
    long_step = excess > VIOLATED
    least = -1.0
    while excess >= VIOLATED:
        first, at0 = _leaving(tree, 0, up, least)
        second, at1 = _leaving(tree, 1, down, least)
        branch, position, least = (0, at0, first) if first <= second else (1, at1, second)
        gain += (least - step) * (excess - 1)
        step = least
        excess -= 2
    length, other = (up, down) if branch == 0 else (down, up)
    _rehang(tree, branch, position, length, other, count)
    inner, outer = (high, low) if branch == 0 else (low, high)
    tree.parent[inner] = outer
    wanted = tree.potential[outer] + (1 if branch == 0 else -1)
    _raise_potentials(tree, tree.moved, wanted - tree.potential[inner], count)
    if long_step:
        _turn_flows(tree, branch, length, count)
        _turn_flows(tree, 1 - branch, other, count)
    return gain


@kernel
def solve(d: NDArray[np.float64], p: int, tree: Tree, accept: float) -> tuple[float, bool]:
    """Computes the distance of two distributions over the states of ``p`` nodes, starting from the tree ``tree.parent``.

    Args:
        d: ``[>= 2**p]``, the difference of the distributions by state; sums to 0.
        p: the number of nodes, from 1 to 8.
        tree: its parents are the start; at the end, an optimal tree with the optimal potentials. Everything else is scratch.
        accept: an upper bound of the distance that is below this value ends the search; -1 for never.

    Returns:
        The distance and True, or an upper bound of the distance that is below ``accept`` and False.
    """
    count = 1 << p
    cost = _hang(d, p, tree)
    dimension, idle = 0, 0
    while idle < p:
        if cost + SLACK < accept:
            return cost + SLACK, False
        bit = 1 << dimension
        best, where = 1, 0
        for k in range(count >> 1):
            x = ((k >> dimension) << (dimension + 1)) | (k & (bit - 1))
            difference = abs(tree.potential[x] - tree.potential[x | bit])
            if difference > best:
                best, where = difference, x
        if best >= VIOLATED:
            across = where | bit
            if tree.potential[where] > tree.potential[across]:
                cost -= _pivot(tree, where, across, count)
            else:
                cost -= _pivot(tree, across, where, count)
            idle = 0
        else:
            idle += 1
        dimension = dimension + 1 if dimension + 1 < p else 0
    value = 0.0
    for x in range(count):
        value += tree.potential[x] * d[x]
    return value, True
