"""Tables of a candidate system that do not depend on its state: each node's behaviour given the states of any subset of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.fast.subsets import Subsets, subsets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.records import System


class NodeDynamics(NamedTuple):
    """Holds the inputs and the next-state probabilities of each of n nodes.

    Args:
        inputs: ``[n]``, for each node the mask of the nodes with a connection to this node.
        given: ``[n, 2**n, 2**n]``, ``given[i, S, x]`` is the probability that node i is ON next if the nodes of S are in their
            states of x and all other nodes are set at random: the TPM with noise in every connection from outside S.
    """

    inputs: NDArray[np.int64]
    given: NDArray[np.float64]


class Candidate(NamedTuple):
    """Holds the tables of a candidate system: some nodes of a system, with the other nodes held at their states.

    Args:
        nodes: the indices, in the system, of the candidate's n nodes, ascending; node k of all tables is ``nodes[k]``.
        tpm: ``[2**n, n]``, state-by-node, conditioned on the states of the other nodes; connectivity is not applied.
        dynamics: inputs and next-state probabilities of each node.
        subsets: index tables.
    """

    nodes: tuple[int, ...]
    tpm: NDArray[np.float64]
    dynamics: NodeDynamics
    subsets: Subsets


def _conditioned(system: System, nodes: tuple[int, ...]) -> NDArray[np.float64]:
    """Returns the TPM ``[2**n, n]`` of ``nodes``: the rows in which the other nodes are in their current states."""
    n = len(nodes)
    tpm: NDArray[np.float64] = np.asarray(system.tpm, dtype=np.float64)
    if n == system.n:
        return tpm
    background = sum(bit << node for node, bit in enumerate(system.state) if node not in nodes)
    states = np.arange(1 << n)
    rows = background + sum(((states >> k & 1) << node for k, node in enumerate(nodes)), start=np.zeros_like(states))
    conditioned: NDArray[np.float64] = tpm[rows][:, list(nodes)]
    return conditioned


def _without_nonconnections(tpm: NDArray[np.float64], inputs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Averages each node's probabilities over the nodes without a connection to that node; returns ``[n, 2**n]``.

    Where TPM and connectivity contradict each other, the connectivity wins.
    """
    n = tpm.shape[1]
    probabilities: NDArray[np.float64] = tpm.T.copy()
    for node in range(n):
        # axis a of the cube is node n - 1 - a
        axes = tuple(n - 1 - other for other in range(n) if not inputs[node] >> other & 1)
        if axes:
            cube = probabilities[node].reshape((2,) * n)
            probabilities[node] = np.broadcast_to(cube.sum(axis=axes, keepdims=True) / 2 ** len(axes), cube.shape).ravel()
    return probabilities


def _given(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Computes ``NodeDynamics.given`` from the probabilities ``[n, 2**n]``, by averaging over one node after the other."""
    n, count = probabilities.shape
    given = np.empty((n, count, count))
    given[:, count - 1] = probabilities
    for node in range(n - 1, -1, -1):
        # axes of subsets and states: the higher nodes, this node, the lower nodes
        above, below = 1 << (n - 1 - node), 1 << node
        cube = given.reshape(n, above, 2, below, above, 2, below)
        finer = cube[:, :, 1, -1]
        cube[:, :, 0, -1] = (finer[:, :, :, :1] + finer[:, :, :, 1:]) / 2
    return given


def node_dynamics(tpm: NDArray[np.float64], inputs: NDArray[np.int64]) -> NodeDynamics:
    """Builds the tables of nodes with a TPM ``[2**n, n]`` and ``inputs``, ``[n]``: each node's mask of nodes that act on it."""
    return NodeDynamics(inputs, _given(_without_nonconnections(tpm, inputs)))


def inputs_of(connected: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns for each node the mask of the nodes with a connection to this node, of a connectivity matrix ``[n, n]``.

    Example:
        >>> inputs_of(np.array([[0, 1], [1, 1]])).tolist()
        [2, 3]
    """
    return np.asarray((connected << np.arange(len(connected))[:, None]).sum(axis=0))


def candidate(system: System, nodes: tuple[int, ...]) -> Candidate:
    """Builds the tables of the candidate system of ``nodes`` (ascending), with the other nodes held at their current states."""
    n = len(nodes)
    tpm = _conditioned(system, nodes)
    connected = np.ones((n, n), dtype=np.int64) if system.cm is None else np.asarray(system.cm)[np.ix_(nodes, nodes)]
    return Candidate(nodes, tpm, node_dynamics(tpm, inputs_of(connected)), subsets(n))


def reachable(system: Candidate, state: NDArray[np.int64]) -> bool:
    """Says whether some state of the system can be followed by ``state``, ``[n]``.

    As in PyPhi, the TPM is tested as given, before the connectivity is applied, and node by node.
    """
    return bool((np.abs(system.tpm - state) < 1).all(axis=1).any())


def strongly_connected(inputs: NDArray[np.int64]) -> bool:
    """Says whether every node can be reached from every other node along connections; a single node counts as connected.

    Args:
        inputs: ``[n]``, for each node the mask of the nodes with a connection to this node.

    Example:
        >>> strongly_connected(np.array([0b10, 0b01])), strongly_connected(np.array([0b01, 0b01]))
        (True, False)
    """
    n = len(inputs)
    if (inputs == (1 << n) - 1).all():
        return True
    outputs = [sum(1 << i for i in range(n) if inputs[i] >> j & 1) for j in range(n)]
    return all(_reached(masks) == (1 << n) - 1 for masks in ([int(mask) for mask in inputs], outputs))


def _reached(neighbours: list[int]) -> int:
    """Returns the mask of the nodes that can be reached from node 0, given the mask of each node's neighbours."""
    reached = frontier = 1
    while frontier:
        found = 0
        for node, mask in enumerate(neighbours):
            if frontier >> node & 1:
                found |= mask
        frontier = found & ~reached
        reached |= frontier
    return reached
