"""The connections of a system: those that its TPM shows, where its connectivity matrix contradicts them, and its strong parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.records.system_checks import ROUNDING

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

    from lightning_iit.records import System

SMALLEST_EFFECT = 1e-6
"""A node whose state changes another node's probability by less has no connection to it: φ is rounded to 1e-6, as in PyPhi."""


class ConnectivityWarning(UserWarning):
    """Warns of a connectivity matrix that lacks a connection which the TPM shows."""


def effects(system: System) -> Float[np.ndarray, "node node"]:
    """Computes how much each node's state (row) can change each node's probability of being ON next (column).

    Example:
        >>> from lightning_iit.records import System
        >>> one_way = [[0, 1], [1, 0.25], [0, 1], [1, 0.25]]  # unit 0 keeps its state and acts on unit 1
        >>> effects(System(tpm=one_way, state=(0, 1))).tolist()
        [[1.0, 0.75], [0.0, 0.0]]
    """
    n = system.n
    # The first axis of the cube is node n - 1, the last but one is node 0.
    cube = np.asarray(system.tpm, dtype=np.float64).reshape((2,) * n + (n,))
    found = [np.abs(np.diff(cube, axis=n - 1 - node)).reshape(-1, n).max(axis=0) for node in range(n)]
    return np.stack(found)


def connections(system: System) -> Bool[np.ndarray, "node node"]:
    """Returns which node (row) has a connection to which node (column): the TPM shows it, and ``cm`` does not deny it."""
    shown = effects(system) >= SMALLEST_EFFECT
    return shown if system.cm is None else shown & (np.asarray(system.cm) != 0)


def contradiction(system: System) -> str:
    """Returns a sentence on a connection that the TPM shows and ``cm`` lacks; empty where there is none.

    Example:
        >>> from lightning_iit.records import System
        >>> swap = [[0, 0], [0, 1], [1, 0], [1, 1]]  # each unit copies the other unit
        >>> contradiction(System(tpm=swap, state=(0, 1), cm=[[0, 1], [0, 0]]))[:75]
        'cm contradicts the TPM: cm has no connection from node 1 to node 0, but the'
    """
    if system.cm is None:
        return ""
    lacking = effects(system) * (np.asarray(system.cm) == 0)
    here, there = np.unravel_index(int(lacking.argmax()), lacking.shape)
    most = lacking[here, there]
    if most <= ROUNDING:
        return ""
    number = int((lacking > ROUNDING).sum())
    others = f" (and {number - 1} more such connections)" if number > 1 else ""
    return (
        f"cm contradicts the TPM: cm has no connection from node {here} to node {there}, but the state of node {here} changes the "
        f"probability of node {there} by up to {most:.3g}{others}. The matrix wins, as in PyPhi: each node's probability is "
        "averaged over the nodes without a connection to it. Add the connection to cm, or leave cm out, if the TPM is right."
    )


def strong_parts(connected: Bool[np.ndarray, "node node"]) -> list[tuple[int, ...]]:
    """Returns the strongly connected parts: in each, every node can be reached from every other along connections.

    A node of which that holds with no other node is a part of its own.

    Example:
        >>> strong_parts(np.array([[0, 1, 0], [1, 0, 1], [0, 0, 0]], dtype=bool))
        [(0, 1), (2,)]
    """
    n = len(connected)
    reached = np.asarray(connected, dtype=np.bool_) | np.eye(n, dtype=np.bool_)
    for _ in range(n.bit_length()):
        reached = (reached.astype(np.int64) @ reached.astype(np.int64)) > 0
    mutual = reached & reached.T
    return sorted({tuple(np.flatnonzero(row).tolist()) for row in mutual})
