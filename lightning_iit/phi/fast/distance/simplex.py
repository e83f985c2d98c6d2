"""The Hamming earth mover's distance by a primal network simplex on the hypercube graph.

Mass moves along the edges of the p-cube, each of cost 1. A basis is an *undirected* spanning tree: every tree is primal
feasible, since the flow of the edge above node v is the sum of d over the subtree of v and its direction is that sum's sign. So
any tree, such as that of an earlier problem, is a start without a phase 1. The potentials are integers that change by 1 along
tree edges (uphill against the flow); the tree is optimal once they change by at most 1, hence exactly 1, along all edges.

Two things make pivots cheap: subtrees are kept as bit sets, so the way between two nodes and the nodes that a pivot
moves are found without walking the tree; and the ratio test is a long step: a flow that is driven through zero turns round, at the
same cost, so the step ends only where the cost stops falling (the piecewise linear ratio test; see R. Fourer, Mathematical
Programming 33, 1985).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.fast.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLACK = 1e-9
"""More than the perturbation of the supplies can change a cost by."""
VIOLATED = 3
"""Potentials of neighbours differ by an odd number; 3 or more violates optimality."""


class Tree(NamedTuple):
    """A spanning tree of the p-cube, rooted at state 0, with its flows and potentials. All are scratch of :func:`solve`.

    Args:
        parent: ``[2**n]``, the node above each node; all that matters between two calls.
        flow: ``[2**n]``, the flow from each node to its parent (negative: from the parent).
        potential: ``[2**n]``, integers, higher where mass comes from.
        subtree: ``[2**n, words]``, the nodes at and below each node as a bit set.
        order: ``[2**n]``, nodes from the leaves to the root.
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
    """Room for trees of cubes of up to n dimensions."""
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
    """A fixed perturbation of the supplies against cycling, of about 1e-12 (the minimal standard generator, multiplier 48271)."""
    values, seed = np.empty(256), 1
    for k in range(values.size):
        seed = seed * 48271 % 2147483647
        values[k] = (seed / 2147483647 - 0.5) * 2e-12
    return values


NOISE = _noise()


@kernel
def _hang(d: NDArray[np.float64], p: int, tree: Tree) -> float:
    """Computes flows, subtrees and potentials of ``tree.parent`` for the supplies d; returns the cost of the flows."""
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
        # a node goes into the order as soon as all its children are in it; v <= x have been looked at before
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
    """Writes the nodes from x up to below the lowest common ancestor with y into ``tree.path[branch]``; returns how many."""
    word, bit = y >> 6, np.uint64(y & 63)
    length = 0
    while (tree.subtree[x, word] >> bit) & np.uint64(1) == 0:
        tree.path[branch, length] = x
        length += 1
        x = tree.parent[x]
    return length


@kernel
def _leaving(tree: Tree, branch: int, length: int, least: float) -> tuple[float, int]:
    """The smallest flow above ``least`` that the step reduces on a branch, and where it is (-1: there is none).

    A step goes from the higher end of the entering edge (branch 0) to the lower (branch 1), so it reduces the flows that run
    downhill along the cycle: those that leave a node of branch 0 and those that enter a node of branch 1.
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
    """Adds ``amount`` to the potentials of a bit set of nodes."""
    width = min(count, 64)
    for w in range(max(1, count >> 6)):
        bits = nodes[w]
        if bits != 0:
            for x in range(width):
                tree.potential[(w << 6) + x] += amount * np.int64((bits >> np.uint64(x)) & np.uint64(1))


@kernel
def _rehang(tree: Tree, branch: int, position: int, length: int, other: int, count: int) -> None:
    """Cuts the edge at ``position`` of a branch and hangs what was below it by the branch's end under that of the other branch.

    ``length`` and ``other`` are the lengths of the two branches. Mutates parent, flow, subtree and potential.
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
    """Makes the potentials follow the flows that a long step has turned round."""
    for k in range(length):
        v = tree.path[branch, k]
        rise = tree.potential[v] - tree.potential[tree.parent[v]]
        wanted = 1 if tree.flow[v] > 0.0 else -1
        if rise != wanted:
            _raise_potentials(tree, tree.subtree[v], wanted - rise, count)


@kernel
def _pivot(tree: Tree, high: int, low: int, count: int) -> float:
    """Brings the edge from ``high`` to ``low`` into the tree; returns by how much the cost falls."""
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
    """The distance of two distributions over p nodes, from the tree ``tree.parent``.

    Args:
        d: ``[>= 2**p]``, their difference by state; sums to 0.
        p: the number of nodes, at least 1.
        tree: its parents are the start and end as an optimal tree; the rest is scratch, its potentials the optimal dual.
        accept: the search ends with an upper bound as soon as that is below this.

    Returns:
        The distance and True, or an upper bound of it and False.
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
