"""Distinctions: mechanisms with an irreducible cause and effect that agree with the states that the system specifies."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

from lightning_iit.phi.iit4.mechanisms import CAUSE, EFFECT, sets, small_phis
from lightning_iit.phi.iit4.tolerance import TOLERANCE, equal, largest
from lightning_iit.records.relations import Bound, atoms, sum_of_relations

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from lightning_iit.phi.iit4.candidate import Candidate

MOST_COMBINATIONS = 4096
"""The largest number of combinations of tied purviews of which all are tried."""


class Reading(NamedTuple):
    """Holds a purview in a state, both as sets of nodes, with its φ."""

    purview: int
    state: int
    phi: float


class Mechanism(NamedTuple):
    """Holds a mechanism with its causes and effects of largest φ; more than one where they tie."""

    nodes: int
    causes: tuple[Reading, ...]
    effects: tuple[Reading, ...]


class Chosen(NamedTuple):
    """Holds a distinction: a mechanism with one cause and one effect."""

    mechanism: int
    cause: Reading
    effect: Reading

    @property
    def phi(self) -> float:
        """Returns φ_d."""
        return min(self.cause.phi, self.effect.phi)

    def bound(self, n: int) -> Bound:
        """Returns what relations see of it."""
        return Bound(self.phi, *(atoms(reading.purview, reading.state, n) for reading in (self.cause, self.effect)))


class Distinctions(NamedTuple):
    """Holds the distinctions of a system for one pair of specified states.

    Args:
        chosen: the distinctions, by size and nodes of their mechanisms.
        relations: the sum of φ_r over all of their relations.
        complete: False where not all combinations of tied purviews were tried.
    """

    chosen: tuple[Chosen, ...]
    relations: float
    complete: bool

    @property
    def big_phi(self) -> float:
        """Returns Φ."""
        return math.fsum(one.phi for one in self.chosen) + self.relations


def members(nodes: int) -> tuple[int, ...]:
    """Returns the nodes of a set, ascending."""
    return tuple(node for node in range(nodes.bit_length()) if nodes >> node & 1)


def mechanisms(system: Candidate) -> tuple[Mechanism, ...]:
    """Returns every mechanism with an irreducible cause and effect, by size and nodes (equations 45 and 46)."""
    found = small_phis(system)
    order = sorted(range(1, 1 << system.n), key=lambda nodes: (nodes.bit_count(), members(nodes)))
    most = found.max(axis=2)
    return tuple(
        Mechanism(nodes, _largest(found[CAUSE, nodes], system.n), _largest(found[EFFECT, nodes], system.n))
        for nodes in order
        if most[:, nodes].min() > TOLERANCE
    )


def _largest(phis: NDArray[np.float64], n: int) -> tuple[Reading, ...]:
    """Returns the readings with the largest φ, in lexicographic order of purview and state."""
    tables, (_, near) = sets(n), largest(phis)
    readings = [Reading(int(tables.purview[at]), int(tables.state[at]), float(phis[at])) for at in near]
    return tuple(sorted(readings, key=lambda one: (members(one.purview), [one.state >> node & 1 for node in members(one.purview)])))


def distinctions(found: Sequence[Mechanism], n: int, cause: int, effect: int) -> Distinctions:
    """Returns the distinctions that agree with a specified cause and effect (equation 48).

    Of tied purviews those are taken whose relations have the largest sum of φ; of equal sums the first in lexicographic order.
    """
    congruent = []
    for mechanism in found:
        causes = [one for one in mechanism.causes if one.state == cause & one.purview]
        effects = [one for one in mechanism.effects if one.state == effect & one.purview]
        if causes and effects:
            congruent.append([Chosen(mechanism.nodes, *pair) for pair in itertools.product(causes, effects)])
    complete = math.prod(map(len, congruent)) <= MOST_COMBINATIONS
    best, most = _best(itertools.product(*congruent), n) if complete else _improved(congruent, n)
    return Distinctions(best, most, complete)


def _best(combinations: itertools.product[tuple[Chosen, ...]], n: int) -> tuple[tuple[Chosen, ...], float]:
    """Returns the combination whose relations have the largest sum of φ, and that sum."""
    best, most = next(combinations), -1.0
    for combination in itertools.chain((best,), combinations):
        total = sum_of_relations([one.bound(n) for one in combination])
        if most < 0 or (total > most and not equal(total, most)):
            best, most = combination, total
    return best, most


def _improved(congruent: list[list[Chosen]], n: int) -> tuple[tuple[Chosen, ...], float]:
    """Returns a combination that no change of a single distinction improves, from the first one on, and its sum of φ_r."""
    best, most, before = tuple(choices[0] for choices in congruent), 0.0, -1.0
    while most > before and not equal(most, before):
        before = most
        for k, choices in enumerate(congruent):
            best, most = _best(itertools.product(*([one] for one in best[:k]), choices, *([one] for one in best[k + 1 :])), n)
    return best, most
