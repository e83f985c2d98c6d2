"""Intrinsic information of each state that a system may specify as its cause or its effect."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.phi.compiling import entry, kernel
from lightning_iit.phi.iit4.tolerance import TOLERANCE, equal, largest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.iit4.candidate import Candidate


class Specified(NamedTuple):
    """Holds the state that a system specifies in one direction.

    Args:
        states: the indices of the states with the largest intrinsic information, ascending; more than one where states tie.
        information: the intrinsic information of these states, in ibits.
        weights: ``[2**n]``, of each state its probability (effect) or selectivity (cause).
    """

    states: tuple[int, ...]
    information: float
    weights: NDArray[np.float64]

    @property
    def exists(self) -> bool:
        """Says whether the intrinsic information is above 0."""
        return self.information > TOLERANCE

    def differentiation(self, state: int) -> float:
        """Returns the intrinsic differentiation of a state (equations 4 to 6 and 11 of Mayner et al. 2026)."""
        weight = float(self.weights[state])
        if weight <= 0:
            return math.inf
        return 0.0 if equal(weight, 1.0) else -math.log2(weight)


def specified(system: Candidate) -> tuple[Specified, Specified]:
    """Returns the specified cause and effect of a candidate system (equations 5 to 13 of Albantakis et al. 2023)."""
    cause, effect, cause_information, effect_information, chance, row = np.zeros((6, 1 << system.n))
    _inform(system.effects, system.causes, system.state, cause, effect, cause_information, effect_information, chance, row)
    return _most(cause_information, cause), _most(effect_information, effect)


def _most(information: NDArray[np.float64], weights: NDArray[np.float64]) -> Specified:
    """Returns the states with the largest intrinsic information."""
    most, states = largest(information)
    return Specified(tuple(states), most, weights)


@kernel
def _fill_probabilities(tpm: NDArray[np.float64], x: int, out: NDArray[np.float64]) -> None:
    """Fills the probability of each next state after the state ``x``."""
    out[0] = 1.0
    for node in range(tpm.shape[1]):
        on = tpm[x, node]
        for z in range(1 << node):
            out[z | 1 << node] = out[z] * on
            out[z] *= 1 - on


@kernel
def information_of(weight: float, probability: float, chance: float) -> float:
    """Returns ``weight * log2(probability / chance)``; 0 where either probability is 0."""
    if probability <= 0 or chance <= 0:
        return 0.0
    found: float = weight * np.log2(probability / chance)
    return found


@entry
def _inform(
    effects: NDArray[np.float64],
    causes: NDArray[np.float64],
    state: int,
    cause: NDArray[np.float64],
    effect: NDArray[np.float64],
    cause_information: NDArray[np.float64],
    effect_information: NDArray[np.float64],
    chance: NDArray[np.float64],
    row: NDArray[np.float64],
) -> None:
    """Fills selectivity of each cause, probability of each effect, and the intrinsic information of both."""
    states, n = effects.shape
    for x in range(states):
        _fill_probabilities(effects, x, row)
        for z in range(states):
            chance[z] += row[z] / states
    _fill_probabilities(effects, state, effect)
    for z in range(states):
        effect_information[z] = information_of(effect[z], effect[z], chance[z])
    total = 0.0
    for z in range(states):
        row[z] = 1.0
        for node in range(n):
            row[z] *= causes[z, node] if state >> node & 1 else 1 - causes[z, node]
        total += row[z]
    for z in range(states):
        cause[z] = row[z] / total
        cause_information[z] = information_of(cause[z], row[z], total / states)
