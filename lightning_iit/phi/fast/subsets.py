"""Index tables of sets of nodes; sets are bit masks, and the tables depend on the number of nodes alone.

A set of the n nodes of a system is a mask from 0 to 2**n - 1 (node 0 is bit 0). A state of the system is a mask too: bit i is the
state of node i. States of a subset P are numbered 0 to 2**|P| - 1, little-endian: the first node of P changes fastest.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Subsets(NamedTuple):
    """Holds the index tables of the subsets of n nodes; N = 2**n.

    Args:
        size: ``[N]``, the number of nodes in each set.
        order: ``[N]``, all sets in PyPhi's powerset order (by size, then lexicographic).
        rank: ``[N]``, the position of each set in ``order``.
        offset: ``[N + 1]``, where the states of each set start in a row that holds the states of all sets one after the other (3**n
            entries).
        extract: ``[N, N]``, ``extract[r, y]`` packs the bits of state y at the positions of mask r.
        deposit: ``[N, N]``, ``deposit[r, y]`` spreads the bits of the packed state y over the positions of mask r.
        sevens: ``[N]``, the binary digits of each mask read as a number to base 7.
    """

    size: NDArray[np.int64]
    order: NDArray[np.int64]
    rank: NDArray[np.int64]
    offset: NDArray[np.int64]
    extract: NDArray[np.uint32]
    deposit: NDArray[np.uint32]
    sevens: NDArray[np.int64]


@lru_cache(maxsize=16)
def subsets(n: int) -> Subsets:
    """Returns the index tables for ``n`` nodes; the tables are made once and shared.

    Example:
        >>> tables = subsets(3)
        >>> tables.order.tolist()  # the empty set, {0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}, {0, 1, 2}
        [0, 1, 2, 4, 3, 5, 6, 7]
        >>> int(tables.extract[0b101, 0b110]), int(tables.deposit[0b101, 0b10])  # nodes {0, 2} of a state with nodes 1 and 2 ON
        (2, 4)
    """
    count = 1 << n
    masks = np.arange(count)
    bits = (masks[:, None] >> np.arange(n)) & 1
    size = bits.sum(axis=1)
    order = np.array([sum(1 << i for i in nodes) for k in range(n + 1) for nodes in combinations(range(n), k)], dtype=np.int64)
    rank = np.empty(count, dtype=np.int64)
    rank[order] = masks
    offset = np.concatenate([[0], np.cumsum(1 << size)])
    extract = np.zeros((count, count), dtype=np.uint32)
    deposit = np.zeros((count, count), dtype=np.uint32)
    position = np.cumsum(bits, axis=1) - bits
    for node in range(n):
        inside, to = bits[:, node], position[:, node]
        extract |= (((masks[None, :] >> node) & 1) << to[:, None] & -inside[:, None]).astype(np.uint32)
        deposit |= ((((masks[None, :] >> to[:, None]) & 1) << node) & -inside[:, None]).astype(np.uint32)
    return Subsets(size, order, rank, offset, extract, deposit, bits @ 7 ** np.arange(n))


@lru_cache(maxsize=64)
def subsets_of(nodes: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Returns the members of every mask; bit k of a mask stands for ``nodes[k]``.

    Example:
        >>> subsets_of((3, 5))
        ((), (3,), (5,), (3, 5))
    """
    members: list[tuple[int, ...]] = [()]
    for node in nodes:
        members += [(*smaller, node) for smaller in members]
    return tuple(members)


@lru_cache(maxsize=256)
def rows_of_states(state: tuple[int, ...]) -> NDArray[np.int64]:
    """Returns a number below 3**n for each set of nodes in its state, ``[2**n]``; states in which these nodes agree share it.

    The number has one digit to base 3 for each node: 0 outside of the set, 1 where the node is OFF and 2 where the node is ON.

    Example:
        >>> rows_of_states((0, 1)).tolist()  # the empty set, {0}, {1}, {0, 1}
        [0, 1, 6, 7]
    """
    masks, nodes = np.arange(2 ** len(state)), np.arange(len(state))
    return np.asarray((masks[:, None] >> nodes & 1) * (1 + np.asarray(state, np.int64)) @ 3**nodes)
