"""The transportation problem between two sets of masses, solved by the transportation simplex.

G. B. Dantzig, Linear Programming and Extensions (1963), chapter 14. A basis is a spanning tree of sources and sinks. The masses are
perturbed by less than their precision, so that no basis is degenerate and no basis comes twice. The flows of the last basis are
rounded back, which is exact because all masses are whole multiples of the precision of φ (1e-6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

PERTURBATION = 1e-10
"""The mass that is added to each supply, times a factor between 1 and 2 that differs between the sources."""
TOLERANCE = 1e-12
"""The smallest saving per unit of mass for which an edge enters the basis."""
ROWS = 8
"""The number of sources whose edges are searched for an entering edge at a time."""


class Shipping(NamedTuple):
    """Holds a transportation problem of up to k sources and k sinks, and its basis tree.

    Node i of the tree is source i, and node ``sources + j`` is sink j. Edge e has two ends, numbered 2e (at its source) and 2e + 1
    (at its sink).

    Args:
        supply: ``[k]``, the mass of each source.
        demand: ``[k]``, the mass that each sink takes.
        cost: ``[k, k]``, the cost of moving a unit of mass from source i to sink j.
        ends: ``[2, 2k]``, source and sink of each basis edge.
        flow: ``[2k]``, the mass that each basis edge moves.
        first: ``[2k]``, the first edge end at each node; -1 where there is none.
        following: ``[4k]``, the next edge end at the same node, for each edge end; -1 after the last.
        parent: ``[2k]``, the node above each node in the tree; -1 for the root.
        parent_edge: ``[2k]``, the edge between each node and its parent.
        depth: ``[2k]``, the number of edges between each node and the root.
        dual: ``[2k]``, the potential of each node.
        queue: ``[2k]``, scratch.
    """

    supply: NDArray[np.float64]
    demand: NDArray[np.float64]
    cost: NDArray[np.float64]
    ends: NDArray[np.int64]
    flow: NDArray[np.float64]
    first: NDArray[np.int64]
    following: NDArray[np.int64]
    parent: NDArray[np.int64]
    parent_edge: NDArray[np.int64]
    depth: NDArray[np.int64]
    dual: NDArray[np.float64]
    queue: NDArray[np.int64]


def new_shipping(k: int) -> Shipping:
    """Allocates a problem of up to ``k`` sources and ``k`` sinks."""
    integers = [np.zeros(2 * k, np.int64) for _ in range(5)]
    return Shipping(
        supply=np.zeros(k),
        demand=np.zeros(k),
        cost=np.zeros((k, k)),
        ends=np.zeros((2, 2 * k), np.int64),
        flow=np.zeros(2 * k),
        first=integers[0],
        following=np.zeros(4 * k, np.int64),
        parent=integers[1],
        parent_edge=integers[2],
        depth=integers[3],
        dual=np.zeros(2 * k),
        queue=integers[4],
    )


@kernel
def start_basis(sources: int, sinks: int, shipping: Shipping) -> None:
    """Writes a first basis, by sending the mass of each source to the nearest sinks that still take mass.

    The supplies are perturbed before, and the last sink's demand takes the mass that the perturbation adds.

    Args:
        sources: the number of sources.
        sinks: the number of sinks.
        shipping: supplies, demands (with the same sum) and costs are given; ``ends`` and ``flow`` are written, ``supply`` and
            ``demand`` are used up.
    """
    supply, demand = shipping.supply, shipping.demand
    for i in range(sources):
        extra = PERTURBATION * (1.0 + (i * 48271 % 1009) / 1009.0)
        supply[i] += extra
        demand[sinks - 1] += extra
    edges, open_sinks = 0, sinks
    for i in range(sources):
        while True:
            nearest, cost = -1, np.inf
            for j in range(sinks):
                if demand[j] >= 0.0 and shipping.cost[i, j] < cost:
                    nearest, cost = j, shipping.cost[i, j]
            shipping.ends[0, edges], shipping.ends[1, edges] = i, nearest
            takes_all = open_sinks == 1 or (i < sources - 1 and supply[i] < demand[nearest])
            shipping.flow[edges] = supply[i] if takes_all else demand[nearest]
            edges += 1
            if takes_all:
                demand[nearest] = max(0.0, demand[nearest] - supply[i])
                break
            supply[i] = max(0.0, supply[i] - demand[nearest])
            demand[nearest] = -1.0
            open_sinks -= 1


@kernel
def _span(sources: int, sinks: int, shipping: Shipping) -> None:
    """Computes parents, depths and potentials of the basis tree, from the root (source 0) outwards."""
    nodes = sources + sinks
    for node in range(nodes):
        shipping.first[node] = -1
    for edge in range(nodes - 1):
        i, j = shipping.ends[0, edge], sources + shipping.ends[1, edge]
        shipping.following[2 * edge], shipping.first[i] = shipping.first[i], 2 * edge
        shipping.following[2 * edge + 1], shipping.first[j] = shipping.first[j], 2 * edge + 1
    shipping.parent[0], shipping.parent_edge[0], shipping.depth[0], shipping.dual[0] = -1, -1, 0, 0.0
    shipping.queue[0] = 0
    filled, at = 1, 0
    while at < filled:
        node = shipping.queue[at]
        at += 1
        link = shipping.first[node]
        while link >= 0:
            edge = link >> 1
            if edge != shipping.parent_edge[node]:
                i, j = shipping.ends[0, edge], shipping.ends[1, edge]
                other = i if node >= sources else sources + j
                shipping.parent[other], shipping.parent_edge[other] = node, edge
                shipping.depth[other] = shipping.depth[node] + 1
                shipping.dual[other] = shipping.cost[i, j] - shipping.dual[node]
                shipping.queue[filled] = other
                filled += 1
            link = shipping.following[link]


@kernel
def _enter(source: int, sink: int, sources: int, shipping: Shipping) -> None:
    """Brings an edge into the basis: mass moves round the cycle that the edge closes until another edge is empty and leaves."""
    a, b = source, sources + sink
    least, leaving = np.inf, -1
    # flow falls on an edge whose lower end is a source on a's side or a sink on b's side, and rises on all others
    while a != b:
        if shipping.depth[a] >= shipping.depth[b]:
            edge, gives = shipping.parent_edge[a], a < sources
            a = shipping.parent[a]
        else:
            edge, gives = shipping.parent_edge[b], b >= sources
            b = shipping.parent[b]
        if gives and shipping.flow[edge] < least:
            least, leaving = shipping.flow[edge], edge
    a, b = source, sources + sink
    while a != b:
        if shipping.depth[a] >= shipping.depth[b]:
            edge, gives = shipping.parent_edge[a], a < sources
            a = shipping.parent[a]
        else:
            edge, gives = shipping.parent_edge[b], b >= sources
            b = shipping.parent[b]
        shipping.flow[edge] += -least if gives else least
    shipping.ends[0, leaving], shipping.ends[1, leaving], shipping.flow[leaving] = source, sink, least


@kernel
def improve_basis(sources: int, sinks: int, shipping: Shipping) -> float:
    """Pivots from the current basis to an optimal basis and returns the cost of the optimal plan, without the perturbation.

    Args:
        sources: the number of sources.
        sinks: the number of sinks.
        shipping: a problem with a basis; costs may have changed since the basis was made.
    """
    _span(sources, sinks, shipping)
    row, idle = 0, 0
    while idle < sources:
        best, source, sink = -TOLERANCE, -1, -1
        for _ in range(ROWS):
            for j in range(sinks):
                reduced = shipping.cost[row, j] - shipping.dual[row] - shipping.dual[sources + j]
                if reduced < best:
                    best, source, sink = reduced, row, j
            row = row + 1 if row + 1 < sources else 0
            idle += 1
        if source >= 0:
            _enter(source, sink, sources, shipping)
            _span(sources, sinks, shipping)
            idle = 0
    total = 0.0
    for edge in range(sources + sinks - 1):
        total += carried(shipping, edge) * shipping.cost[shipping.ends[0, edge], shipping.ends[1, edge]]
    return total


@kernel
def carried(shipping: Shipping, edge: int) -> float:
    """Returns the mass that a basis edge moves, with the perturbation rounded off."""
    return float(np.rint(shipping.flow[edge] * 1e6) / 1e6)
