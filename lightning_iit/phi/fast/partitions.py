"""The minimum-information partition of one mechanism over one cause purview."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.fast.compiling import kernel
from lightning_iit.phi.fast.distance.emd import EXACT, Transport, dual_bound, emd, new_transport
from lightning_iit.phi.fast.distance.small_emd import CLOSED_FORM
from lightning_iit.phi.fast.rounding import PRECISION, round_python

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.repertoires import Repertoires
    from lightning_iit.phi.fast.subsets import Subsets

NOISE = 1e-11
"""Lower bounds are sums of rounded numbers; nearer than this they say nothing."""


TIGHT = 1 << 32
"""Marks a listed partition whose bound has been raised to that of earlier dual solutions."""


class Search(NamedTuple):
    """Scratch and memory of a thread that looks for maximally irreducible causes.

    Args:
        transport: scratch and memory of the distances.
        difference: ``[2**n]``, a difference of two repertoires.
        part_bound: ``[4**n]``, a lower bound for each part (M1, P1), packed by the positions within M and P.
        bound: ``[2**(2n - 1)]``, the partitions that may be the minimum: their lower bounds, and
        partition: ``[2**(2n - 1)]``, their codes.
        hint: ``[2**n, 2**n]``, the partition that was last found minimal for (M, P), as a code; -1 where none was.
        last: ``[2**n]``, the purview that last won for M.
        upper: ``[2**n]``, an upper bound of φ for each purview, and
        exact: ``[2**n]``, its exact value or -1, where they are not kept for longer.
        estimate: ``[2**n]``, about what φ of each purview will be.
        effect: ``[2, 2**n]``, scratch of the effect side.
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
    """A thread's memory for systems of n nodes."""
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
    """Writes the difference between a cause repertoire and its partitioned repertoire.

    ``code`` packs the first part (M1, P1) by its positions in M and P: position of M1 * 2**|P| + position of P1.
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
    """Lower bounds of what each part (M1, P1) must move: the sum over P1's nodes of how far their marginals lie apart.

    The state of one node is a function of the state of all that changes by at most 1 along an edge of the cube, and so is a sum of
    such functions with signs; the distance is at least what any of them shows (Kantorovich and Rubinstein).
    """
    p = sets.size[purview]
    spread = sets.deposit[purview]
    for a in range(1 << sets.size[mechanism]):
        marginals = marginal[sets.deposit[mechanism, a]]
        bounds = part_bound[a << p : (a + 1) << p]
        bounds[:] = 0.0
        bit = 1
        for node in range(marginal.shape[2]):
            if (purview >> node) & 1 == 0:
                continue
            whole = marginal[mechanism, purview, node]
            for above in range(bit, 1 << p, 2 * bit):
                for b in range(above, above + bit):
                    bounds[b] += abs(whole - marginals[spread[b], node])
            bit *= 2


@kernel
def _sift_down(k: int, listed: int, search: Search) -> None:
    """Moves entry k of the list down to where the list is a heap again: no bound is above those of entries 2k + 1 and 2k + 2."""
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
def _list_partitions(m: int, p: int, upper: float, search: Search) -> int:
    """Lists the bipartitions of m mechanism and p purview nodes whose bound is below ``upper`` as a heap; returns how many."""
    listed = 0
    full = (1 << (m + p)) - 1
    # the first part never has the mechanism's last node, and is never empty on both sides
    for code in range(1, 1 << (m + p - 1)):
        bound = search.part_bound[code] + search.part_bound[full ^ code]
        if bound < upper - NOISE:
            search.bound[listed] = bound
            search.partition[listed] = code
            listed += 1
    for k in range(listed // 2 - 1, -1, -1):
        _sift_down(k, listed, search)
    return listed


@kernel
def possible(mechanism: int, purview: int, repertoires: Repertoires, sets: Subsets) -> bool:
    """Whether the mechanism can be in its state: its cause repertoire is not all zeros."""
    start = sets.offset[purview]
    for y in range(start, start + (1 << sets.size[purview])):  # noqa: SIM110  (numba knows no generators here)
        if repertoires.cause[mechanism, y] != 0.0:
            return True
    return False


@kernel
def hinted_bound(
    mechanism: int, purview: int, repertoires: Repertoires, sets: Subsets, search: Search, phi: float, enough: float
) -> tuple[float, float]:
    """An upper bound of φ from the partition that was last minimal for this pair, and an estimate; infinity where there is none.

    Both are the distance of that partition. Only where it is below ``phi`` or not below ``enough``, as bounds of it show, the first
    may be above it and the second below.
    """
    if not possible(mechanism, purview, repertoires, sets):
        return 0.0, 0.0
    code = search.hint[mechanism, purview]
    if code < 0:
        return np.inf, np.inf
    _write_difference(mechanism, purview, code, repertoires, sets, search.difference)
    p, accept = sets.size[purview], phi - PRECISION
    if p > CLOSED_FORM and enough < np.inf:
        estimate = dual_bound(search.difference, p, search.transport, np.inf)
        if estimate >= enough:
            return emd(search.difference, p, search.transport, np.inf, np.inf)[0], estimate
    distance = emd(search.difference, p, search.transport, np.inf, accept)[0]
    return distance, distance


@kernel
def beats(upper: float, phi: float, wins_ties: bool) -> bool:
    """Whether a φ of at most ``upper``, rounded, can beat ``phi``."""
    rounded = round_python(upper) if upper < 1e6 else upper
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
    """φ of the minimum-information partition of a mechanism over a cause purview.

    Args:
        mechanism: a mask, not 0.
        purview: a mask, not 0; the mechanism is possible under it.
        repertoires: of the system, cut or not.
        sets: index tables.
        search: scratch; its hint for the pair is renewed.
        upper: an upper bound that is known, not rounded; infinity if none is.
        phi: the φ (rounded) that another purview has.
        wins_ties: whether an equal φ would win against it.

    Returns:
        The exact distance, not rounded, and True; or an upper bound that cannot beat ``phi`` and False.
    """
    m, p = sets.size[mechanism], sets.size[purview]
    _bound_parts(mechanism, purview, repertoires.marginal, sets, search.part_bound)
    listed = _list_partitions(m, p, upper, search)
    while listed > 0 and search.bound[0] < upper - NOISE:
        code = search.partition[0]
        _write_difference(mechanism, purview, code & ~TIGHT, repertoires, sets, search.difference)
        if p > CLOSED_FORM and code & TIGHT == 0:
            search.bound[0] = max(search.bound[0], dual_bound(search.difference, p, search.transport, upper))
            search.partition[0] = code | TIGHT
        else:
            value, status = emd(search.difference, p, search.transport, upper, phi - PRECISION)
            if value < upper:
                upper = value
                search.hint[mechanism, purview] = code & ~TIGHT
                if not beats(upper, phi, wins_ties) or status != EXACT:
                    return upper, False
            listed -= 1
            search.bound[0], search.partition[0] = search.bound[listed], search.partition[listed]
        _sift_down(0, listed, search)
    return upper, True
