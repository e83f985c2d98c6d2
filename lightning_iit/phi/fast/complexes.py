"""The candidates for the major complex: the subsets of a system's nodes that can have Φ > 0."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lightning_iit.records import System


def possible_complexes(system: System) -> list[tuple[int, ...]]:
    """Returns the subsets of two or more nodes that have inputs and outputs: large subsets first, then reverse lexicographic.

    A node without inputs or without outputs cannot belong to a complex, and a single node has no partition.

    Example:
        >>> from lightning_iit.records import System
        >>> swap = [[0, 0], [0, 1], [1, 0], [1, 1]]
        >>> possible_complexes(System(tpm=swap, state=(0, 1)))
        [(0, 1)]
    """
    connected = np.ones((system.n, system.n)) if system.cm is None else np.asarray(system.cm)
    nodes = [node for node in range(system.n) if connected[node].any() and connected[:, node].any()]
    return [subset for size in range(len(nodes), 1, -1) for subset in reversed(list(combinations(nodes, size)))]
