"""A candidate system of IIT 4.0: its state, its connections, and its TPMs of causes and of effects."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.compiling import entry, kernel
from lightning_iit.phi.connections import strong_parts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from lightning_iit.records import System
    from lightning_iit.records.schema import State


class Frame(NamedTuple):
    """Holds what the candidate systems of the same nodes have in common, whatever the state.

    Args:
        tpm: ``[2**N, N]`` of all N nodes; each probability is averaged over the nodes without a connection.
        nodes: the indices of the n nodes of the candidate system, ascending.
        inside: the same as an array.
        outside: the indices of the other nodes, the background.
        connected: ``[n, n]``, whether each node (row) has a connection to each node (column).
        whole: whether every node can be reached from every other; a single node needs a connection to itself.
    """

    tpm: NDArray[np.float64]
    nodes: tuple[int, ...]
    inside: NDArray[np.int64]
    outside: NDArray[np.int64]
    connected: NDArray[np.bool_]
    whole: bool


class Candidate(NamedTuple):
    """Holds a candidate system: some nodes of a system, with the other nodes as background.

    Args:
        nodes: the indices of the n nodes in the whole system, ascending.
        state: the index of the nodes' state, little-endian.
        effects: ``[2**n, n]``, the probability that each node is ON next; the background is in its state.
        causes: the same, averaged over the states of the background by the probability that each led to the current state.
        connected: ``[n, n]``, whether each node (row) has a connection to each node (column).
        whole: as in :class:`Frame`.
    """

    nodes: tuple[int, ...]
    state: int
    effects: NDArray[np.float64]
    causes: NDArray[np.float64]
    connected: NDArray[np.bool_]
    whole: bool

    @property
    def n(self) -> int:
        """Returns the number of nodes."""
        return len(self.nodes)

    def state_of(self, index: int) -> State:
        """Returns the state of the nodes that has this index, node by node."""
        return tuple(index >> k & 1 for k in range(self.n))


def tpm_of(system: System) -> NDArray[np.float64]:
    """Returns the TPM of a system as an array ``[2**n, n]``, which takes longer than all else that makes a candidate system."""
    return np.fromiter(chain.from_iterable(system.tpm), np.float64, len(system.tpm) * system.n).reshape(-1, system.n)


def frame(tpm: NDArray[np.float64], cm: ArrayLike | None, nodes: tuple[int, ...]) -> Frame:
    """Prepares the candidate systems of these nodes (ascending).

    Args:
        tpm: the TPM of all nodes; stays as it is.
        cm: their connectivity; None connects all to all.
        nodes: the nodes of the candidate system.
    """
    n = tpm.shape[1]
    inside = np.array(nodes, dtype=np.int64)
    outside = np.array([node for node in range(n) if node not in nodes], dtype=np.int64)
    if cm is None:
        return Frame(tpm, nodes, inside, outside, np.ones((len(nodes), len(nodes)), np.bool_), whole=True)
    tpm, connected = tpm.copy(), np.array(cm, dtype=np.bool_)
    _average_over_missing(tpm, connected)
    among = connected[np.ix_(inside, inside)]
    whole = len(strong_parts(among)) == 1 and (len(nodes) > 1 or bool(among[0, 0]))
    return Frame(tpm, nodes, inside, outside, among, whole)


def candidate(of: Frame, state: State) -> Candidate | None:
    """Returns the candidate system in a state of all nodes; None where no state of the system leads to that state.

    Equations 3 and 4 of Albantakis et al. 2023.
    """
    n = len(of.nodes)
    effects, causes = np.zeros((2, 1 << n, n))
    weights = np.zeros(1 << len(of.outside))
    if not _condition(of.tpm, np.array(state, dtype=np.int64), of.inside, of.outside, effects, causes, weights):
        return None
    index = sum(state[node] << k for k, node in enumerate(of.nodes))
    return Candidate(of.nodes, index, effects, causes, of.connected, of.whole)


@kernel
def _packed(x: int, nodes: NDArray[np.int64]) -> int:
    """Returns the index of the nodes' state within the state ``x`` of the whole system."""
    found = 0
    for k in range(len(nodes)):
        found |= (x >> nodes[k] & 1) << k
    return found


@entry
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
    state: NDArray[np.int64],
    inside: NDArray[np.int64],
    outside: NDArray[np.int64],
    effects: NDArray[np.float64],
    causes: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> bool:
    """Fills the TPMs of effects and causes, and says whether any state leads to the current one."""
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
