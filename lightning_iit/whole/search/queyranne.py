"""Queyranne's algorithm: the bipartition with the smallest value of a symmetric submodular function, by O(N^3) of its values.

Queyranne (1998), Mathematical Programming 82; for integrated information Hidaka and Oizumi (2018), PLoS ONE 13:e0201126. Where the
function is not submodular, the value that is found is an upper bound of the minimum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from lightning_iit.errors import UnusableSeriesError
from lightning_iit.whole.values.covariances import log_det

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Float

    from lightning_iit.whole.values.partitions import Part
    from lightning_iit.whole.values.set_functions import LogDetFunction, LogDetTerm

Ordering: TypeAlias = "Callable[[list[Part]], list[int]]"
"""Orders nodes so that the last one is a candidate; returns their positions."""


def queyranne(elements: Sequence[Part], value: Callable[[Part], float], order: Ordering) -> tuple[float, Part]:
    """Returns the smallest value that Queyranne's algorithm meets, and one side of its bipartition.

    Args:
        elements: what is not divided: single units, or groups of units. At least two.
        value: the function of one side of a bipartition.
        order: :class:`LogDetOrdering`, or :func:`ordering_by_values` for any function.
    """
    nodes = sorted(elements)
    best: tuple[float, Part] = (np.inf, nodes[0])
    while len(nodes) > 1:
        ordered = [nodes[position] for position in order(nodes)]
        best = min(best, (value(ordered[-1]), ordered[-1]), key=lambda found: found[0])
        nodes = [*ordered[:-2], tuple(sorted(ordered[-2] + ordered[-1]))]
    return best


def ordering_by_values(value: Callable[[Part], float], units: int) -> Ordering:
    """Returns the ordering for any function, by its values: about N^2 of them for each candidate."""
    known: dict[Part, float] = {}

    def known_value(side: Part) -> float:
        if len(side) == units:
            return 0.0
        if side not in known:
            known[side] = value(side)
        return known[side]

    def order(nodes: list[Part]) -> list[int]:
        found, left = [0], list(range(1, len(nodes)))
        within = nodes[0]
        while left:
            keys = [known_value(tuple(sorted(within + nodes[one]))) - known_value(nodes[one]) for one in left]
            chosen = left.pop(int(np.argmin(keys)))
            within = tuple(sorted(within + nodes[chosen]))
            found.append(chosen)
        return found

    return order


class LogDetOrdering:
    """Orders nodes for a function of determinants, in O(N^3) for each ordering.

    For W the nodes that are ordered already, the key of a node u is ``h(W u) - h(W) + h(others without u) - h(others)`` less what u
    has by itself. The first difference is the log-determinant of u in the matrix given W, the second that of u in the inverse of
    the matrix of the others; one Schur step over u brings both matrices to the next W.
    """

    def __init__(self, function: LogDetFunction) -> None:
        self._terms = [(term, _pair(term)) for term in function.terms]
        self._alone: dict[Part, float] = {}

    def __call__(self, nodes: list[Part]) -> list[int]:
        """Returns the positions of the nodes in Queyranne's order."""
        alone = np.array([self._by_itself(node) for node in nodes])
        eliminations = [_Elimination(term, pair, nodes) for term, pair in self._terms]
        found, left = [0], np.arange(1, len(nodes))
        while len(left):
            keys = -alone[left]
            for elimination in eliminations:
                elimination.take(found[-1])
                keys += elimination.term.sign * elimination.log_dets(left)
            chosen = int(np.argmin(keys))
            found.append(int(left[chosen]))
            left = np.delete(left, chosen)
        return found

    def _by_itself(self, node: Part) -> float:
        """Returns what a node's key is less by: its log-determinants in the whole matrices and their inverses."""
        if node not in self._alone:
            self._alone[node] = sum(
                term.sign * float(sum(log_det(one[np.ix_(rows, rows)]) for one in pair))
                for term, pair in self._terms
                for rows in (term.rows(node),)
            )
        return self._alone[node]


def _pair(term: LogDetTerm) -> Float[np.ndarray, "two row row"]:
    """Returns a matrix and its inverse."""
    inverse = np.linalg.inv(term.matrix)
    return np.stack([term.matrix, (inverse + inverse.T) / 2])


class _Elimination:
    """Holds a matrix given the nodes that were taken, and the inverse of the matrix of those that were not.

    Args:
        term: the matrix.
        pair: the matrix and its inverse.
        nodes: the nodes.
    """

    def __init__(self, term: LogDetTerm, pair: Float[np.ndarray, "two row row"], nodes: Sequence[Part]) -> None:
        self.term = term
        self._rows = [term.rows(node) for node in nodes]
        self._pair = pair.copy()
        self._single = np.array([len(node) == 1 for node in nodes])

    def take(self, node: int) -> None:
        """Takes a node: a Schur step over its rows, and the rows of the nodes that are left."""
        rows = self._rows[node]
        block, columns = self._pair[:, rows[:, None], rows], self._pair[:, :, rows]
        self._pair -= columns @ np.linalg.solve(block, columns.transpose(0, 2, 1))
        self._rows[node] = rows[:0]
        self._forget_rows()

    def _forget_rows(self) -> None:
        """Copies what is left, once that is half of what is held."""
        kept = [rows for rows in self._rows if len(rows)]
        if kept and 2 * sum(map(len, kept)) <= self._pair.shape[1]:
            left = np.concatenate(kept)
            self._pair = self._pair[:, left[:, None], left]
            ends = np.cumsum([len(rows) for rows in self._rows])
            self._rows = [np.arange(end - len(rows), end) for rows, end in zip(self._rows, ends, strict=True)]

    def log_dets(self, left: np.ndarray) -> Float[np.ndarray, " node"]:
        """Returns for each of some nodes the sum of its log-determinants in both matrices."""
        found = np.empty(len(left))
        single = self._single[left]
        if single.any():
            found[single] = self._of_single(np.stack([self._rows[node] for node in left[single]]))
        for position in np.flatnonzero(~single):
            rows = self._rows[left[position]]
            found[position] = sum(log_det(one[np.ix_(rows, rows)]) for one in self._pair)
        return found

    def _of_single(self, rows: np.ndarray) -> Float[np.ndarray, " node"]:
        """Returns the same for nodes of one unit each, whose determinants are written out."""
        first = rows[:, 0]
        determinants = self._pair[:, first, first]
        if self.term.width == 2:
            second = rows[:, 1]
            determinants = determinants * self._pair[:, second, second] - self._pair[:, first, second] ** 2
        if not (determinants > 0).all():
            msg = "The covariances are too close to singular to search for a partition. Leave out units that are nearly dependent."
            raise UnusableSeriesError(msg)
        return np.asarray(np.log(determinants).sum(axis=0))
