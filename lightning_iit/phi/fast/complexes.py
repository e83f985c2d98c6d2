"""The candidates for the major complex: which subsets of a system's nodes have to be looked at."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lightning_iit.records import System


def possible_complexes(system: System) -> list[tuple[int, ...]]:
    """The subsets of at least two nodes that have inputs and outputs, the largest first, then in reverse lexicographic order.

    A node without inputs or without outputs cannot belong to a complex, and a single node has no partition.
    """
    connected = np.ones((system.n, system.n)) if system.cm is None else np.asarray(system.cm)
    nodes = [node for node in range(system.n) if connected[node].any() and connected[:, node].any()]
    return [subset for size in range(len(nodes), 1, -1) for subset in reversed(list(combinations(nodes, size)))]
