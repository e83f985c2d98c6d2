"""Cause and effect repertoires of all mechanisms over all purviews, of a system that may be cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.subsets import Subsets
    from lightning_iit.phi.fast.tables import NodeDynamics


class Repertoires(NamedTuple):
    """Holds the repertoires of a system in a state (Oizumi, Albantakis and Tononi, PLoS Comput. Biol. 10(5), 2014, text S2).

    Args:
        cause: ``[2**n, 3**n]``, the cause repertoire of mechanism M over purview P lies in row M from ``offset[P]`` on; all zeros
            where M cannot be in its state.
        marginal: ``[2**n, n, 2**n]``, ``marginal[M, j, P]`` is the probability that node j was ON under the cause repertoire of M
            over P; 1/2 for nodes outside of P.
        effect: ``[2**n, n]``, ``effect[M, j]`` is the probability that node j will be ON given mechanism M. An effect repertoire is
            the product of the distributions of the purview's nodes.
        inputs: ``[n]``, for each node the mask of the nodes with an uncut connection to this node.
    """

    cause: NDArray[np.float64]
    marginal: NDArray[np.float64]
    effect: NDArray[np.float64]
    inputs: NDArray[np.int64]


def new_repertoires(n: int) -> Repertoires:
    """Allocates the repertoires of a system of ``n`` nodes."""
    return Repertoires(np.empty((2**n, 3**n)), np.empty((2**n, n, 2**n)), np.empty((2**n, n)), np.zeros(n, np.int64))


@kernel
def _fill_products(
    given: NDArray[np.float64], state: int, source: int, target: int, sets: Subsets, cause: NDArray[np.float64]
) -> None:
    """Writes the likelihood of each mechanism's state given each purview state, not normalised: a product over the nodes."""
    n, count = given.shape[0], given.shape[1]
    cause[0, :] = 1.0
    for top in range(n):
        on = (state >> top) & 1
        noised = source if (target >> top) & 1 else 0
        for rest in range(1 << top):
            mechanism = rest | (1 << top)
            for purview in range(count):
                start = sets.offset[purview]
                likelihood = given[top, purview & ~noised]
                for y in range(1 << sets.size[purview]):
                    probability = likelihood[sets.deposit[purview, y]]
                    cause[mechanism, start + y] = cause[rest, start + y] * (probability if on else 1.0 - probability)


@kernel
def _normalise(sets: Subsets, repertoires: Repertoires) -> None:
    """Scales the likelihoods in ``cause`` so that each repertoire sums to 1, and writes the marginals."""
    cause, marginal = repertoires.cause, repertoires.marginal
    count, n = repertoires.effect.shape
    for mechanism in range(count):
        for purview in range(count):
            start, width = sets.offset[purview], 1 << sets.size[purview]
            row = cause[mechanism, start : start + width]
            total = 0.0
            for y in range(width):
                total += row[y]
            if total != 0.0:
                for y in range(width):
                    row[y] /= total
            position = 0
            for node in range(n):
                if (purview >> node) & 1 == 0:
                    marginal[mechanism, node, purview] = 0.5
                    continue
                on = 0.0
                for y in range(width):
                    if (y >> position) & 1:
                        on += row[y]
                marginal[mechanism, node, purview] = on
                position += 1


@kernel
def fill_repertoires(dynamics: NodeDynamics, state: int, source: int, target: int, sets: Subsets, repertoires: Repertoires) -> None:
    """Computes all repertoires of a system in which the connections from ``source`` to ``target`` are replaced by noise.

    Args:
        dynamics: inputs and next-state probabilities of each node.
        state: the current state, as a mask of the nodes that are ON.
        source: the mask of the nodes whose connections to ``target`` are cut; 0 for the uncut system.
        target: the mask of the nodes at the other end of the cut connections.
        sets: index tables.
        repertoires: overwritten.
    """
    given = dynamics.given
    n, count = given.shape[0], given.shape[1]
    _fill_products(given, state, source, target, sets, repertoires.cause)
    _normalise(sets, repertoires)
    for node in range(n):
        noised = source if (target >> node) & 1 else 0
        repertoires.inputs[node] = dynamics.inputs[node] & ~noised
        for mechanism in range(count):
            repertoires.effect[mechanism, node] = given[node, mechanism & ~noised, state]
