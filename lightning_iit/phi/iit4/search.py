"""The search for the minimum partition of a system, in one thread or in several."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lightning_iit.phi.iit4.partitions import TARGETS, rank_partitions, search_sources
from lightning_iit.phi.iit4.tolerance import equal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

THREADS_FROM = 8
"""The number of units from which on the search is made in parts, which threads share."""
_PARTS = 64
"""The number of parts; it does not depend on the threads, so that what is found does not either."""


class Minimum(NamedTuple):
    """Holds the minimum partition of a system for one pair of cause and effect state.

    Args:
        cause: φ of the cause, negative where the cut raises the probability.
        effect: φ of the effect.
        severed: the severed connections (from, to), ascending; indices in the candidate system.
        margin: how much larger the normalised φ of the second-best partition is; None where there is one partition only.
        ties: how many other partitions have the same normalised φ.
        evaluated: how many partitions there are.
    """

    cause: float
    effect: float
    severed: tuple[tuple[int, int], ...]
    margin: float | None
    ties: int
    evaluated: int

    @property
    def signed(self) -> float:
        """Returns φ of the system before it is set to at least 0."""
        return min(self.cause, self.effect)


class _Found(NamedTuple):
    """Holds the best partition of one part of the search, as :func:`search_sources` fills it in."""

    normalized: float
    phi: float
    cause: float
    effect: float
    second: float
    sources: int
    code: int
    other: int
    connections: int
    ties: int
    evaluated: int

    def severed(self, n: int) -> tuple[tuple[int, int], ...]:
        """Returns the severed connections (from, to), ascending."""
        targets = self.other >> TARGETS

        def part(node: int) -> tuple[int, int]:
            inside = self.sources >> node & 1
            return inside, (self.code if inside else self.other) >> 4 * node & 15

        def severs(i: int, j: int) -> bool:
            return part(i) != part(j) and not (self.sources >> i & 1 and targets >> j & 1)

        return tuple((i, j) for i in range(n) for j in range(n) if severs(i, j))


def minimum(cause: NDArray[np.float64], effect: NDArray[np.float64], threads: int = 1) -> Minimum:
    """Finds the minimum partition: the smallest normalised φ, then the largest φ, then the smallest matrix of severed connections.

    Args:
        cause: the losses of the cause, ``[n, 2**n]``.
        effect: the losses of the effect.
        threads: how many threads search, from 8 nodes on; the result is the same for any number.
    """
    n = len(cause)
    if n == 1:
        return Minimum(float(cause[0, 1]), float(effect[0, 1]), ((0, 0),), None, 0, 1)
    best = _best(_search(cause, effect, threads), n)
    margin = max(0.0, best.second - best.normalized)
    return Minimum(best.cause, best.effect, best.severed(n), margin, best.ties, best.evaluated)


def ranked(cause: NDArray[np.float64], effect: NDArray[np.float64], k: int) -> tuple[list[Minimum], int]:
    """Returns the k partitions of smallest normalised φ in the order of :func:`minimum`, and how many there are in all.

    Args:
        cause: the losses of the cause, ``[n, 2**n]``.
        effect: the losses of the effect.
        k: how many; all of them where there are fewer.
    """
    n = len(cause)
    if n == 1:
        return [minimum(cause, effect)], 1
    numbers, counts = np.zeros((k, 5)), np.zeros((k, 6), np.int64)
    kept, evaluated = rank_partitions(cause, effect, numbers, counts, *_space(n))
    best = (_Found(*of.tolist(), *counted.tolist()) for of, counted in zip(numbers[:kept], counts[:kept], strict=True))
    return [Minimum(one.cause, one.effect, one.severed(n), None, 0, evaluated) for one in best], evaluated


def _search(cause: NDArray[np.float64], effect: NDArray[np.float64], threads: int) -> list[_Found]:
    """Searches all partitions, of few nodes at once, of more in parts; returns the best partition of each part."""
    n = len(cause)
    stop = (1 << n) - 1
    step = stop if n < THREADS_FROM else max(1, (stop + 1) // _PARTS)
    parts = range(0, stop, step)
    numbers, counts = np.zeros((len(parts), 5)), np.zeros((len(parts), 6), np.int64)
    waiting = iter(enumerate(parts))

    def work(_: int) -> None:
        space = _space(n)
        for part, first in waiting:
            search_sources(first, min(first + step, stop), cause, effect, numbers[part], counts[part], *space)

    threads = min(threads, len(parts))
    if threads == 1:
        work(0)
    else:
        with ThreadPoolExecutor(threads, thread_name_prefix="iit4-search") as pool:
            for _ in pool.map(work, range(threads)):
                pass
    return [_Found(*of_part.tolist(), *counted.tolist()) for of_part, counted in zip(numbers, counts, strict=True)]


def _space(n: int) -> tuple[Any, ...]:
    """Allocates the scratch arrays of one thread, in the order of :func:`search_sources`."""
    sources, others = _numbers_of_divisions(n)
    return (
        np.empty((2, 2, 1 << n)),
        np.empty((sources, 2)),
        np.empty((sources, 2), np.int64),
        np.empty((others, 2)),
        np.empty((others, 2), np.int64),
        np.empty((n + 1, 2)),
        np.empty((n + 1, 5), np.int64),
    )


def _best(parts: Sequence[_Found], n: int) -> _Found:
    """Returns the best partition of all parts, with what is second to it, its ties and the number of all partitions."""
    if len(parts) == 1:
        return parts[0]
    lowest = min(part.normalized for part in parts)
    tied = [part for part in parts if equal(part.normalized, lowest)]
    most = max(part.phi for part in tied)
    best = min((part for part in tied if equal(part.phi, most)), key=lambda part: _rows(part.severed(n), n))
    second = min([best.second, *(part.normalized for part in parts if part is not best)])
    ties = sum(part.ties + 1 for part in tied) - 1
    return best._replace(second=second, ties=ties, evaluated=sum(part.evaluated for part in parts))


def _rows(severed: Sequence[tuple[int, int]], n: int) -> bytes:
    """Returns the matrix of severed connections, row by row."""
    matrix = np.zeros((n, n), np.uint8)
    for pair in severed:
        matrix[pair] = 1
    return matrix.tobytes()


@cache
def _numbers_of_divisions(n: int) -> tuple[int, int]:
    """Returns how many divisions the sources have at most, and how many the others with two kinds of parts.

    By ``a(m + 1) = kinds * sum over k of C(m, k) a(k)``.
    """
    found = []
    for kinds in (1, 2):
        numbers = [1]
        for m in range(n):
            row = [1]
            for k in range(m):
                row.append(row[-1] * (m - k) // (k + 1))
            numbers.append(kinds * sum(ways * number for ways, number in zip(row, numbers, strict=True)))
        found.append(numbers)
    return found[0][n - 1], max(found[1][n - 1], found[0][n])
