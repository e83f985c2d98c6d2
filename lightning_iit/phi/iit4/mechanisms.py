"""Small φ of every mechanism over every purview, in compiled code (equations 28 to 44 of Albantakis et al. 2023)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.compiling import entry, kernel
from lightning_iit.phi.iit4.intrinsic import information_of
from lightning_iit.phi.iit4.irreducible import fill_losses, irreducible, size
from lightning_iit.phi.iit4.tolerance import TOLERANCE, equal_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.iit4.candidate import Candidate

CAUSE, EFFECT = 0, 1


class Sets(NamedTuple):
    """Holds the tables of n nodes that depend on n alone.

    Args:
        first: ``[2**n]``, for each purview the position of its first state among the 3**n states of all purviews.
        purview: ``[3**n]``, the purview at each position.
        state: ``[3**n]``, its state at each position: the set of the nodes that are ON.
        begin: ``[2**n + 1]``, for each set of nodes the row of its first set partition in ``blocks``.
        blocks: ``[row, n]``, the blocks of each set partition, padded with 0.
    """

    first: NDArray[np.int64]
    purview: NDArray[np.int64]
    state: NDArray[np.int64]
    begin: NDArray[np.int64]
    blocks: NDArray[np.int64]


@cache
def sets(n: int) -> Sets:
    """Returns the tables of n nodes."""
    purview: list[int] = []
    state: list[int] = []
    first: list[int] = []
    blocks: list[list[int]] = []
    begin = [0]
    for nodes in range(1 << n):
        first.append(len(purview))
        states = [s for s in range(1 << n) if s & ~nodes == 0]
        state += states
        purview += [nodes] * len(states)
        rows = _divisions(nodes) if nodes else []
        blocks += [row + [0] * (n - len(row)) for row in rows]
        begin.append(len(blocks))
    return Sets(*(np.array(table, dtype=np.int64) for table in (first, purview, state, begin, blocks)))


def _divisions(nodes: int) -> list[list[int]]:
    """Returns all set partitions of a set of nodes, each as its blocks; the block of the lowest node comes first."""
    if not nodes:
        return [[]]
    lowest, rest = nodes & -nodes, nodes & (nodes - 1)
    return [[lowest | beside, *others] for beside in range(rest + 1) if beside & ~rest == 0 for others in _divisions(rest ^ beside)]


def small_phis(system: Candidate) -> NDArray[np.float64]:
    """Computes φ of each mechanism over each purview in each specified state of it, ``[2 (cause, effect), 2**n, 3**n]``.

    The last axis is that of ``Sets.purview``. -1 stands where a mechanism does not specify that state, or no state of the purview.
    """
    n, states = system.n, 1 << system.n
    tables = sets(n)
    found = np.full((2, states, 3**n), -1.0)
    outputs = np.array([sum(1 << j for j in range(n) if row[j]) for row in system.connected.tolist()], dtype=np.int64)
    pairs = n * n + 1
    _small_phis(
        system.causes, system.effects, system.state, outputs, tables.first, tables.begin, tables.blocks,
        np.empty((2, n, states, states)), np.empty((4, states)), np.empty((n, states)), np.empty((3, pairs)), np.empty((2, n + 1)),
        np.empty(n + 1, np.int64), found,
    )  # fmt: skip
    return found


@kernel
def _fill_given(tpm: NDArray[np.float64], given: NDArray[np.float64], direction: int) -> None:
    """Fills the probability that a node is ON if the nodes of a set are as in a state and all others are set at random."""
    states, n = tpm.shape
    for node in range(n):
        for known in range(states - 1, -1, -1):
            missing = (states - 1) & ~known
            lowest = missing & -missing
            for x in range(states):
                if missing:
                    mean = (given[direction, node, known | lowest, x] + given[direction, node, known | lowest, x ^ lowest]) / 2
                    given[direction, node, known, x] = mean
                else:
                    given[direction, node, known, x] = tpm[x, node]


@kernel
def _is_reducible(outputs: NDArray[np.int64], sources: int, targets: int) -> bool:
    """Says whether the connections from one set of nodes to another fall into pieces; of a single node, whether one is missing."""
    n = len(outputs)
    reached, ends, shared = sources & -sources, 0, targets
    for _ in range(2 * n):
        for node in range(n):
            if not sources >> node & 1:
                continue
            shared &= outputs[node]
            if reached >> node & 1:
                ends |= outputs[node] & targets
            elif outputs[node] & ends:
                reached |= 1 << node
    if size(sources) == 1 or size(targets) == 1:
        return shared != targets
    return reached != sources or ends != targets


@kernel
def _joint(given: NDArray[np.float64], direction: int, nodes: int, known: int, x: int, ons: int) -> float:
    """Returns the probability that the nodes of a set are in the states of ``ons`` if those of ``known`` are as in ``x``."""
    found = 1.0
    for node in range(given.shape[1]):
        if nodes >> node & 1:
            on = given[direction, node, known, x]
            found *= on if ons >> node & 1 else 1 - on
    return found


@kernel
def _inform_effect(given: NDArray[np.float64], state: int, mechanism: int, purview: int, work: NDArray[np.float64]) -> None:
    """Fills the weight and the intrinsic information of each state of an effect purview."""
    z, rank = 0, 0
    while True:
        chance, m = 0.0, 0
        while True:
            chance += _joint(given, 1, purview, mechanism, m, z)
            m = (m - mechanism) & mechanism
            if m == 0:
                break
        probability = _joint(given, 1, purview, mechanism, state, z)
        work[0, rank] = probability
        work[1, rank] = information_of(probability, probability, chance / (1 << size(mechanism)))
        z, rank = (z - purview) & purview, rank + 1
        if z == 0:
            break


@kernel
def _inform_cause(given: NDArray[np.float64], state: int, mechanism: int, purview: int, work: NDArray[np.float64]) -> None:
    """Fills the selectivity and the intrinsic information of each state of a cause purview."""
    z, rank, total = 0, 0, 0.0
    while True:
        work[2, rank] = _joint(given, 0, mechanism, purview, z, state)
        total += work[2, rank]
        z, rank = (z - purview) & purview, rank + 1
        if z == 0:
            break
    for k in range(rank):
        work[0, k] = work[2, k] / total if total > 0 else 0.0
        work[1, k] = information_of(work[0, k], work[2, k], total / rank)


@kernel
def _inform(
    given: NDArray[np.float64],
    state: int,
    outputs: NDArray[np.int64],
    direction: int,
    mechanism: int,
    purview: int,
    work: NDArray[np.float64],
) -> float:
    """Fills the weight and the intrinsic information of each state of a purview; returns the largest, 0 for a reducible purview."""
    if direction == 1:
        if _is_reducible(outputs, mechanism, purview):
            return 0.0
        _inform_effect(given, state, mechanism, purview, work)
    else:
        if _is_reducible(outputs, purview, mechanism):
            return 0.0
        _inform_cause(given, state, mechanism, purview, work)
    largest = 0.0
    for rank in range(1 << size(purview)):
        largest = max(largest, work[1, rank])
    return largest


@entry
def _small_phis(
    causes: NDArray[np.float64],
    effects: NDArray[np.float64],
    state: int,
    outputs: NDArray[np.int64],
    first: NDArray[np.int64],
    begin: NDArray[np.int64],
    blocks: NDArray[np.int64],
    given: NDArray[np.float64],
    work: NDArray[np.float64],
    loss: NDArray[np.float64],
    best: NDArray[np.float64],
    same: NDArray[np.float64],
    severed: NDArray[np.int64],
    found: NDArray[np.float64],
) -> None:
    """Fills φ of each mechanism over each purview in each of its specified states."""
    _fill_given(causes, given, 0)
    _fill_given(effects, given, 1)
    for mechanism in range(1, len(causes)):
        for purview in range(1, len(causes)):
            for direction in range(2):
                largest = _inform(given, state, outputs, direction, mechanism, purview, work)
                units, other = (purview, mechanism) if direction == 1 else (mechanism, purview)
                z = 0
                for rank in range(1 << size(purview)):
                    if largest > TOLERANCE and equal_numbers(work[1, rank], largest):
                        ons, base = (z, state) if direction == 1 else (state, z)
                        fill_losses(given, direction, units, ons, other, base, loss)
                        lost = irreducible(loss, units, other, direction == 1, begin, blocks, best, same, severed)
                        found[direction, mechanism, first[purview] + rank] = work[0, rank] * lost
                    z = (z - purview) & purview
