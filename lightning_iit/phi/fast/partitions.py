"""The minimum-information partition of one mechanism over one cause purview.

A partition splits the mechanism M into M1 and M2 and the purview P into P1 and P2; its distance is the earth mover's distance
between the cause repertoire of M over P and the product of the cause repertoires of M1 over P1 and M2 over P2. φ is the smallest
distance of any partition. Each partition first gets a cheap lower bound of its distance; partitions are solved by ascending lower
bound, until no lower bound is below the smallest distance found.

A partition is stored as a code: position of M1 among the subsets of M, times 2**|P|, plus position of P1 among the subsets of P.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.compiling import kernel
from lightning_iit.phi.fast.distance.emd import EXACT, Transport, dual_bound, emd, greedy_bound, new_transport, pool_bounds
from lightning_iit.phi.fast.distance.small_emd import CLOSED_FORM
from lightning_iit.phi.fast.rounding import PRECISION, round_phi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.repertoires import Repertoires
    from lightning_iit.phi.fast.subsets import Subsets

NOISE = 1e-11
"""The rounding error that a lower bound, a sum of rounded numbers, may carry: a difference below this counts as none."""


AT_ONCE = 0.25
"""Which part of the way from the lowest bound to the upper bound of φ the partitions lie that are looked at first."""
TIGHT = 1 << 32
"""A bit that marks a listed partition whose lower bound has already been raised with the dual solutions of earlier problems."""


class Search(NamedTuple):
    """Holds the scratch and the memory of one thread that looks for maximally irreducible causes.

    Args:
        transport: scratch and memory of the earth mover's distances.
        difference: ``[2**n]``, scratch: a difference of two repertoires.
        part_bound: ``[4**n]``, scratch: a lower bound for each part (M1, P1), by the part's code.
        bound: ``[2**(2n - 1)]``, scratch: the heap of partitions that may be the minimum, by lower bound.
        partition: ``[2**(2n - 1)]``, scratch: the code of each partition in the heap.
        hint: ``[2**n, 2**n]``, memory: the code of the partition that was last found minimal for (M, P); -1 where there is none.
        last: ``[2**n]``, memory: the purview that last won for M; 0 where there is none.
        upper: ``[2**n]``, scratch: an upper bound of φ for each purview of a split mechanism.
        exact: ``[2**n]``, scratch: φ of each purview of a split mechanism, rounded; -1 where unknown.
        estimate: ``[2**n]``, scratch: a guess of φ of each purview; the purview with the highest guess is solved next.
        effect: ``[2, 2**n]``, scratch of the search for the maximally irreducible effect.
    """

    transport: Transport
    difference: NDArray[np.float64]
    part_bound: NDArray[np.float64]
    bound: NDArray[np.float64]
    partition: NDArray[np.int64]
    hint: NDArray[np.int64]
    last: NDArray[np.int64]
    upper: NDArray[np.float64]
    exact: NDArray[np.float64]
    estimate: NDArray[np.float64]
    effect: NDArray[np.float64]


def new_search(n: int) -> Search:
    """Allocates the scratch and the empty memory of one thread, for systems of ``n`` nodes."""
    count = 1 << n
    return Search(
        transport=new_transport(n),
        difference=np.zeros(count),
        part_bound=np.empty(count * count),
        bound=np.empty(count * count // 2),
        partition=np.empty(count * count // 2, np.int64),
        hint=np.full((count, count), -1),
        last=np.zeros(count, np.int64),
        upper=np.empty(count),
        exact=np.empty(count),
        estimate=np.empty(count),
        effect=np.empty((2, count)),
    )


@kernel
def _write_difference(
    mechanism: int, purview: int, code: int, repertoires: Repertoires, sets: Subsets, difference: NDArray[np.float64]
) -> None:
    """Writes "cause repertoire minus partitioned cause repertoire" into ``difference[: 2**|P|]``, an entry for each state of P.

    Args:
        mechanism: M as a bit mask of nodes.
        purview: P as a bit mask of nodes.
        code: the partition: the position of M1 among the subsets of M, times ``2**|P|``, plus the position of P1 among those of P.
        repertoires: the cause repertoires of all mechanisms and purviews.
        sets: the index tables of the subsets.
        difference: is written to.
    """
    cause = repertoires.cause
    p = sets.size[purview]
    near = code & ((1 << p) - 1)
    far = near ^ ((1 << p) - 1)
    mechanism1, purview1 = sets.deposit[mechanism, code >> p], sets.deposit[purview, near]
    whole = cause[mechanism, sets.offset[purview] :]
    first = cause[mechanism1, sets.offset[purview1] :]
    second = cause[mechanism ^ mechanism1, sets.offset[purview ^ purview1] :]
    to_first, to_second = sets.extract[near], sets.extract[far]
    for y in range(1 << p):
        difference[y] = whole[y] - first[to_first[y]] * second[to_second[y]]


@kernel
def _bound_parts(
    mechanism: int, purview: int, marginal: NDArray[np.float64], sets: Subsets, part_bound: NDArray[np.float64]
) -> None:
    """Writes for each part (M1, P1) a lower bound of the distance that the part contributes to a partition.

    The bound is the sum, over the nodes of P1, of the difference between the probabilities that the node was ON under M and under
    M1. The state of one node, as a function of the state of all nodes, changes by at most 1 along an edge of the hypercube, and so
    does a signed sum of such functions; the earth mover's distance is at least the difference that any such function shows
    (Kantorovich and Rubinstein). The bounds of the two parts of a partition add up to a bound of the partition.
    """
    p = sets.size[purview]
    spread = sets.deposit[purview]
    for a in range(1 << sets.size[mechanism]):
        marginals = marginal[sets.deposit[mechanism, a]]
        bounds = part_bound[a << p : (a + 1) << p]
        bounds[:] = 0.0
        position = 0
        for node in range(marginal.shape[1]):
            if (purview >> node) & 1 == 0:
                continue
            whole, parts = marginal[mechanism, node, purview], marginals[node]
            for b in range(1 << p):  # all b, so that the loop runs in vector registers; P1 without the node adds nothing
                bounds[b] += abs(whole - parts[spread[b]]) * ((b >> position) & 1)
            position += 1


@kernel
def _sift_down(k: int, listed: int, search: Search) -> None:
    """Moves entry k of the list down until the list is a heap again: no bound is above the bounds of entries 2k + 1 and 2k + 2."""
    bound, partition = search.bound, search.partition
    moved, code = bound[k], partition[k]
    while 2 * k + 1 < listed:
        child = 2 * k + 1
        if child + 1 < listed and bound[child + 1] < bound[child]:
            child += 1
        if bound[child] >= moved:
            break
        bound[k], partition[k] = bound[child], partition[child]
        k = child
    bound[k], partition[k] = moved, code


@kernel
def _list_partitions(m: int, p: int, upper: float, search: Search) -> tuple[int, float]:
    """Lists the partitions whose lower bound is below ``upper``; returns how many were listed, and their lowest bound.

    Args:
        m: the number of nodes of the mechanism.
        p: the number of nodes of the purview.
        upper: an upper bound of φ.
        search: ``part_bound`` is read; ``bound`` and ``partition`` are overwritten.
    """
    listed, lowest = 0, np.inf
    full = (1 << (m + p)) - 1
    # the first part never has the mechanism's last node, so each partition is listed once; code 0 would be no partition
    for code in range(1, 1 << (m + p - 1)):
        bound = search.part_bound[code] + search.part_bound[full ^ code]
        if bound < upper - NOISE:
            search.bound[listed] = bound
            search.partition[listed] = code
            listed += 1
            lowest = min(lowest, bound)
    return listed, lowest


@kernel
def _heap(listed: int, limit: float, search: Search) -> tuple[int, float]:
    """Moves the listed partitions with a bound up to ``limit`` to the front, as a heap; few of a list are ever looked at.

    Returns:
        The size of the heap, and the lowest bound of the others.
    """
    bound, partition = search.bound, search.partition
    size, lowest = 0, np.inf
    for k in range(listed):
        here = bound[k]
        if here <= limit:
            code = partition[k]
            bound[k], partition[k] = bound[size], partition[size]
            bound[size], partition[size] = here, code
            size += 1
        else:
            lowest = min(lowest, here)
    for k in range(size // 2 - 1, -1, -1):
        _sift_down(k, size, search)
    return size, lowest


@kernel
def possible(mechanism: int, purview: int, repertoires: Repertoires, sets: Subsets) -> bool:
    """Says whether the mechanism can be in its state: the cause repertoire over the purview is not all zeros."""
    start = sets.offset[purview]
    for y in range(start, start + (1 << sets.size[purview])):  # noqa: SIM110  (numba knows no generators here)
        if repertoires.cause[mechanism, y] != 0.0:
            return True
    return False


@kernel
def _cost_below(accept: float, bound: float, p: int, search: Search) -> float:
    """Returns an upper bound of the distance in ``search.difference`` that is below ``accept``; infinity where none is at hand.

    Args:
        accept: the value to be below.
        bound: a lower bound of the distance.
        p: the number of nodes of the purview.
        search: scratch; mutated.
    """
    if bound >= accept:
        return np.inf
    cost = greedy_bound(search.difference, p, search.transport, accept)
    return cost if cost < accept else np.inf


@kernel
def hinted_bound(
    mechanism: int, purview: int, repertoires: Repertoires, sets: Subsets, search: Search, phi: float
) -> tuple[float, float]:
    """Returns an upper bound of φ and an estimate of φ, from the partition that was last found minimal for this pair.

    The distance of any one partition is an upper bound of φ.

    Args:
        mechanism: a mask, not 0.
        purview: a mask, not 0.
        repertoires: repertoires of the system, cut or uncut.
        sets: index tables.
        search: scratch and memory of the thread; mutated.
        phi: φ, rounded, of the best purview so far.

    Returns:
        The upper bound and the estimate: an upper bound of the distance of the remembered partition, and that distance or a lower
        bound of it. Both are the same upper bound where it is certainly below ``phi``. Both are 0 where the mechanism cannot be in
        its state, and both are infinity where no partition is remembered.
    """
    if not possible(mechanism, purview, repertoires, sets):
        return 0.0, 0.0
    code = search.hint[mechanism, purview]
    if code < 0:
        return np.inf, np.inf
    _write_difference(mechanism, purview, code, repertoires, sets, search.difference)
    p, accept = sets.size[purview], phi - PRECISION
    if p <= CLOSED_FORM:
        distance = emd(search.difference, p, search.transport, np.inf, accept)[0]
        return distance, distance
    estimate, upper = pool_bounds(search.difference, p, search.transport)
    cost = _cost_below(accept, estimate, p, search)
    return (cost, cost) if cost < accept else (upper, estimate)


@kernel
def beats(upper: float, phi: float, wins_ties: bool) -> bool:
    """Says whether a purview whose φ is at most ``upper`` can still replace the best purview so far, whose φ is ``phi``.

    The larger φ, rounded, wins. An equal φ wins only where ``wins_ties`` is true (the purview comes first in PyPhi's order of
    equal ones) and ``phi`` is above 0.
    """
    rounded = round_phi(upper)
    return rounded > phi or (wins_ties and rounded == phi and phi > 0.0)


@kernel
def cause_mip(
    mechanism: int,
    purview: int,
    repertoires: Repertoires,
    sets: Subsets,
    search: Search,
    upper: float,
    phi: float,
    wins_ties: bool,
) -> tuple[float, bool]:
    """Finds the minimum-information partition of a mechanism over a cause purview and returns its distance, which is φ.

    Args:
        mechanism: a mask, not 0.
        purview: a mask, not 0; the mechanism can be in its state (see :func:`possible`).
        repertoires: repertoires of the system, cut or uncut.
        sets: index tables.
        search: scratch and memory of the thread; the remembered partition of this pair is renewed.
        upper: an upper bound of φ that is already known, not rounded; infinity if there is none.
        phi: φ (rounded) of another purview, to be beaten.
        wins_ties: whether this purview would win with a φ equal to ``phi``.

    Returns:
        φ, not rounded, and True; or an upper bound of φ that cannot beat ``phi``, and False.
    """
    m, p = sets.size[mechanism], sets.size[purview]
    _bound_parts(mechanism, purview, repertoires.marginal, sets, search.part_bound)
    listed, lowest = _list_partitions(m, p, upper, search)
    size, limit = 0, 0.0
    while True:
        if size == 0:
            if lowest >= upper - NOISE:
                return upper, True
            limit = lowest + AT_ONCE * (upper - lowest)
            size, lowest = _heap(listed, limit, search)
        if search.bound[0] >= upper - NOISE:
            size = 0
            continue
        code = search.partition[0]
        _write_difference(mechanism, purview, code & ~TIGHT, repertoires, sets, search.difference)
        raised = np.inf
        if p > CLOSED_FORM and code & TIGHT == 0:
            raised = max(search.bound[0], dual_bound(search.difference, p, search.transport, upper))
            code |= TIGHT
            cost = _cost_below(phi - PRECISION, raised, p, search)
            if cost < phi - PRECISION:
                search.hint[mechanism, purview] = code & ~TIGHT
                return min(cost, upper), False
        else:
            value, status = emd(search.difference, p, search.transport, upper, phi - PRECISION)
            if value < upper:
                upper = value
                search.hint[mechanism, purview] = code & ~TIGHT
                if not beats(upper, phi, wins_ties) or status != EXACT:
                    return upper, False
        if raised <= limit:
            search.bound[0], search.partition[0] = raised, code
        else:  # behind the heap
            size -= 1
            search.bound[0], search.partition[0] = search.bound[size], search.partition[size]
            search.bound[size], search.partition[size] = raised, code
            lowest = min(lowest, raised)
        _sift_down(0, size, search)
