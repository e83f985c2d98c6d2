"""A candidate system of IIT 4.0: its state, its connections, and its TPMs of causes and of effects."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.connections import strong_parts
from lightning_iit.phi.fast.compiling import entry, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.records import System
    from lightning_iit.records.schema import State


class Candidate(NamedTuple):
    """Holds a candidate system: some nodes of a system, with the other nodes as background.

    Args:
        nodes: the indices of the n nodes in the whole system, ascending.
        state: the index of the nodes' state, little-endian.
        effects: ``[2**n, n]``, the probability that each node is ON next; the background is in its state.
        causes: the same, averaged over the states of the background by the probability that each led to the current state.
        connected: ``[n, n]``, whether each node (row) has a connection to each node (column).
    """

    nodes: tuple[int, ...]
    state: int
    effects: NDArray[np.float64]
    causes: NDArray[np.float64]
    connected: NDArray[np.bool_]

    @property
    def n(self) -> int:
        """Returns the number of nodes."""
        return len(self.nodes)

    @property
    def whole(self) -> bool:
        """Says whether every node can be reached from every other; a single node needs a connection to itself."""
        return len(strong_parts(self.connected)) == 1 and (self.n > 1 or bool(self.connected[0, 0]))

    def state_of(self, index: int) -> State:
        """Returns the state of the nodes that has this index, node by node."""
        return tuple(index >> k & 1 for k in range(self.n))


def tpm_of(system: System) -> NDArray[np.float64]:
    """Returns the TPM of a system as an array ``[2**n, n]``, which takes longer than all else that makes a candidate system."""
    return np.fromiter(chain.from_iterable(system.tpm), np.float64, len(system.tpm) * system.n).reshape(-1, system.n)


def candidate(system: System, nodes: tuple[int, ...], tpm: NDArray[np.float64] | None = None) -> Candidate | None:
    """Returns the candidate system of these nodes (ascending); None where no state of the system leads to its current state.

    Equations 3 and 4 of Albantakis et al. 2023. A node's probability is averaged over the nodes without a connection to it.

    Args:
        system: TPM, state and connectivity of all nodes.
        nodes: the nodes of the candidate system.
        tpm: ``system.tpm`` as an array, where the caller has it; it stays as it is.
    """
    tpm = tpm_of(system) if tpm is None else tpm.copy()
    state = np.array(system.state, dtype=np.int64)
    connected = np.ones((system.n, system.n), np.bool_) if system.cm is None else np.array(system.cm, dtype=np.bool_)
    inside = np.array(nodes, dtype=np.int64)
    outside = np.array([node for node in range(system.n) if node not in nodes], dtype=np.int64)
    effects, causes = np.zeros((2, 1 << len(inside), len(inside)))
    if not _condition(tpm, connected, state, inside, outside, effects, causes, np.zeros(1 << len(outside))):
        return None
    index = sum(system.state[node] << k for k, node in enumerate(nodes))
    return Candidate(nodes, index, effects, causes, connected[np.ix_(inside, inside)])


@kernel
def _packed(x: int, nodes: NDArray[np.int64]) -> int:
    """Returns the index of the nodes' state within the state ``x`` of the whole system."""
    found = 0
    for k in range(len(nodes)):
        found |= (x >> nodes[k] & 1) << k
    return found


@kernel
def _average_over_missing(tpm: NDArray[np.float64], connected: NDArray[np.bool_]) -> None:
    """Averages the probability of each node over the nodes without a connection to it."""
    states, n = tpm.shape
    for node in range(n):
        for source in range(n):
            for x in range(states):
                if not (connected[source, node] or x >> source & 1):
                    mean = (tpm[x, node] + tpm[x | 1 << source, node]) / 2
                    tpm[x, node] = tpm[x | 1 << source, node] = mean


@kernel
def _weigh_backgrounds(
    tpm: NDArray[np.float64], state: NDArray[np.int64], outside: NDArray[np.int64], weights: NDArray[np.float64]
) -> float:
    """Fills the probability that each state of the background led to the current state, times the number that is returned."""
    total = 0.0
    for x in range(len(tpm)):
        likelihood = 1.0
        for node in range(len(state)):
            likelihood *= tpm[x, node] if state[node] else 1 - tpm[x, node]
        weights[_packed(x, outside)] += likelihood
        total += likelihood
    return total


@entry
def _condition(
    tpm: NDArray[np.float64],
    connected: NDArray[np.bool_],
    state: NDArray[np.int64],
    inside: NDArray[np.int64],
    outside: NDArray[np.int64],
    effects: NDArray[np.float64],
    causes: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> bool:
    """Fills the TPMs of effects and causes, and says whether any state leads to the current one; changes ``tpm``."""
    _average_over_missing(tpm, connected)
    total = _weigh_backgrounds(tpm, state, outside, weights)
    if total <= 0:
        return False
    current = 0
    for k in range(len(outside)):
        current |= state[outside[k]] << k
    for x in range(len(tpm)):
        row, other = _packed(x, inside), _packed(x, outside)
        for k in range(len(inside)):
            causes[row, k] += tpm[x, inside[k]] * (weights[other] / total)
            if other == current:
                effects[row, k] = tpm[x, inside[k]]
    return True
