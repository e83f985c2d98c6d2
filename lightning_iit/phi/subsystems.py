"""Candidate systems: some nodes of a system, with the other nodes held at their states; and results in the system's indices."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec
import numpy as np

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import Computed, Cut, MajorComplex, System

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lightning_iit.records import Concept, PhiResult

_Result = TypeVar("_Result", bound="PhiResult")


class HasNodes(Protocol):
    """Describes what has nodes, with or without names: a system, or a recorded series."""

    @property
    def n(self) -> int:
        """The number of nodes."""

    @property
    def labels(self) -> tuple[str, ...] | None:
        """A name for each node."""


def indices_of(system: HasNodes, nodes: Iterable[int | str]) -> tuple[int, ...]:
    """Returns the indices of nodes, ascending; a node is given by its index or by its label.

    Raises:
        InvalidArgumentError: no nodes, a node that the system does not have, or a node that was given twice.

    Example:
        >>> swap = System(tpm=[[0, 0], [0, 1], [1, 0], [1, 1]], state=(0, 1), labels=("A", "B"))
        >>> indices_of(swap, ["B", 0])
        (0, 1)
    """
    if isinstance(nodes, (str, bytes)) or not hasattr(nodes, "__iter__"):
        msg = f"nodes={nodes!r}: give a list of node indices (0 to {system.n - 1}) or labels, such as nodes=[0, 1]."
        raise InvalidArgumentError(msg)
    given = list(nodes)
    found = [_index_of(system, node) for node in given]
    if not found or len(set(found)) < len(found):
        why = "a node is given twice" if found else "there is no node"
        msg = f"nodes={given!r}: {why}; give each node of the candidate system once, or None for all nodes."
        raise InvalidArgumentError(msg)
    return tuple(sorted(found))


def subsystem(system: System, nodes: tuple[int, ...]) -> System:
    """Builds the candidate system of these nodes (ascending): the other nodes are held at their current states as background.

    As in PyPhi, the TPM is conditioned on the states of the other nodes, and the connections among the nodes stay. Without labels,
    each node is labelled with its index in the whole system.
    """
    if len(nodes) == system.n:
        return system
    background = sum(bit << node for node, bit in enumerate(system.state) if node not in nodes)
    states = np.arange(1 << len(nodes))
    rows = background + sum(((states >> k & 1) << node for k, node in enumerate(nodes)), start=np.zeros_like(states))
    return System(
        tpm=tuple(tuple(system.tpm[row][node] for node in nodes) for row in rows.tolist()),
        state=tuple(system.state[node] for node in nodes),
        cm=None if system.cm is None else tuple(tuple(system.cm[i][j] for j in nodes) for i in nodes),
        labels=tuple(str(node) if system.labels is None else system.labels[node] for node in nodes),
    )


def in_system(result: _Result, nodes: tuple[int, ...]) -> _Result:
    """Returns a result of the candidate system of ``nodes`` with the indices that the nodes have in the whole system."""
    if not isinstance(result, Computed):
        return result
    return msgspec.structs.replace(
        result,
        cut=cut_in_system(result.cut, nodes),
        concepts=tuple(_concept(concept, nodes) for concept in result.concepts),
        partitioned_concepts=tuple(_concept(concept, nodes) for concept in result.partitioned_concepts),
        tied_purviews=None if result.tied_purviews is None else tuple(_renamed(tied, nodes) for tied in result.tied_purviews),
    )


def cut_in_system(cut: Cut | None, nodes: tuple[int, ...]) -> Cut | None:
    """Returns a cut of the candidate system of ``nodes`` with the indices that the nodes have in the whole system."""
    return None if cut is None else Cut(from_nodes=_renamed(cut.from_nodes, nodes), to_nodes=_renamed(cut.to_nodes, nodes))


def complex_in_system(found: MajorComplex, nodes: tuple[int, ...]) -> MajorComplex:
    """Returns a major complex among ``nodes`` with the indices that the nodes have in the whole system."""
    return MajorComplex(nodes=_renamed(found.nodes, nodes), result=in_system(found.result, nodes))


def _index_of(system: HasNodes, node: int | str) -> int:
    """Returns the index of one node, or raises InvalidArgumentError."""
    labels = system.labels or ()
    if isinstance(node, str):
        if node in labels:
            return labels.index(node)
        known = f"the labels are {', '.join(labels)}" if labels else "the system has no labels"
        msg = f"nodes: there is no node called {node!r}; {known}."
        raise InvalidArgumentError(msg)
    try:
        index = -1 if isinstance(node, (bool, np.bool_)) else operator.index(node)
    except TypeError:
        index = -1
    if not 0 <= index < system.n:
        msg = f"nodes: {node!r} is no node; the system has the nodes 0 to {system.n - 1}."
        raise InvalidArgumentError(msg)
    return index


def _renamed(indices: tuple[int, ...], nodes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(nodes[index] for index in indices)


def _concept(concept: Concept, nodes: tuple[int, ...]) -> Concept:
    """Returns a concept with the indices that the nodes have in the whole system."""
    return msgspec.structs.replace(
        concept,
        mechanism=_renamed(concept.mechanism, nodes),
        cause_purview=_renamed(concept.cause_purview, nodes),
        effect_purview=_renamed(concept.effect_purview, nodes),
    )
