"""The same measures of a few discrete units, from the joint probabilities of past and present states."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import entr, xlogy

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.whole.values.partitions import partition_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jaxtyping import Float
    from numpy.typing import ArrayLike

    from lightning_iit.whole.values.partitions import Partition

_LARGEST_BETA = 1e4
"""Φ* of deterministic units does not change with beta beyond some value; the search ends here."""
_MOST_UNITS = 8


class DiscreteMeasures(NamedTuple):
    """Holds measures of discrete units at a partition, in nats.

    Args:
        total_correlation: of the parts at one time (the present).
        stochastic_interaction: what the past of all parts tells of the present beyond each part's own past.
        phi_star: Φ*, by mismatched decoding.
        information: the mutual information of past and present of all units.
    """

    total_correlation: float
    stochastic_interaction: float
    phi_star: float
    information: float


def discrete_measures(joint: ArrayLike, partition: Iterable[Iterable[int]] | None = None) -> DiscreteMeasures:
    """Computes measures of binary units at a partition from the joint probabilities of their present and past states.

    Oizumi, Amari, Yanagawa, Fujii and Tsuchiya (2016), PLoS Computational Biology 12:e1004654, equations 7 to 9 and 20. Of
    probabilities that were counted the values are biased upward, more so than those of Gaussian units.

    Args:
        joint: ``[present state, past state]``, probabilities that add up to 1; unit 0 is the least significant bit of a state.
        partition: the parts; None takes each unit by itself.

    Raises:
        InvalidArgumentError: no such probabilities, more than 8 units, or parts that do not hold each unit once.

    Example:
        >>> copied = np.zeros((4, 4))  # each unit takes the state of the other
        >>> copied[[0, 2, 1, 3], [0, 1, 2, 3]] = 0.25
        >>> found = discrete_measures(copied)
        >>> f"{found.phi_star / np.log(2):.3f} bits of {found.information / np.log(2):.3f}"
        '2.000 bits of 2.000'
    """
    table = np.asarray(joint, dtype=np.float64)
    units = int(np.log2(max(len(table), 1))) if table.ndim == 2 else 0
    if (
        not 2 <= units <= _MOST_UNITS
        or table.shape != (2**units, 2**units)
        or not (table >= 0).all()
        or abs(table.sum() - 1) > 1e-6
    ):
        msg = (
            f"joint: got shape {table.shape} and a sum of {float(table.sum()):.6g}; give probabilities [present, past] of "
            f"states of 2 to {_MOST_UNITS} binary units, whose sum is 1."
        )
        raise InvalidArgumentError(msg)
    parts = partition_of([[unit] for unit in range(units)] if partition is None else partition, units)
    whole, past, present = float(entr(table).sum()), table.sum(axis=0), table.sum(axis=1)
    conditional = whole - float(entr(past).sum())
    within = [_of_part(table, part, units) for part in parts]
    own = sum(float(entr(one).sum() - entr(one.sum(axis=0)).sum()) for one in within)
    together = sum(float(entr(one.sum(axis=1)).sum()) for one in within)
    information = float(entr(present).sum()) - conditional
    return DiscreteMeasures(
        total_correlation=together - float(entr(present).sum()),
        stochastic_interaction=own - conditional,
        phi_star=information - _mismatched(table, _decoder(within, parts, units)),
        information=information,
    )


def _states_of(part: tuple[int, ...], units: int) -> np.ndarray:
    """Returns for each state of all units the state of a part."""
    states = np.arange(2**units)
    return np.asarray(sum(((states >> unit) & 1) << place for place, unit in enumerate(part)))


def _of_part(table: np.ndarray, part: tuple[int, ...], units: int) -> Float[np.ndarray, "present past"]:
    """Returns the joint probabilities of a part."""
    own = _states_of(part, units)
    found = np.zeros((2 ** len(part), 2 ** len(part)))
    np.add.at(found, (own[:, None], own[None, :]), table)
    return found


def _decoder(within: list[np.ndarray], parts: Partition, units: int) -> Float[np.ndarray, "present past"]:
    """Returns the probability of each present given each past, where each part sees its own past only."""
    found = np.ones((2**units, 2**units))
    for table, part in zip(within, parts, strict=True):
        past = table.sum(axis=0)
        given = np.divide(table, past, out=np.zeros_like(table), where=past > 0)
        own = _states_of(part, units)
        found *= given[own[:, None], own[None, :]]
    return found


def _mismatched(table: np.ndarray, decoder: np.ndarray) -> float:
    """Returns the largest mismatched information over beta >= 0."""
    past, present = table.sum(axis=0), table.sum(axis=1)
    fit = float(xlogy(table, decoder).sum())
    logs = np.log(decoder, out=np.full_like(decoder, -np.inf), where=decoder > 0)

    def value(beta: float) -> float:
        powers = np.exp(beta * np.where(np.isfinite(logs), logs, 0.0)) * np.isfinite(logs)
        return beta * fit - float(xlogy(present, powers @ past).sum())

    most = 1.0
    while most < _LARGEST_BETA and value(2 * most) > value(most):
        most *= 2
    found = minimize_scalar(lambda beta: -value(beta), bounds=(0.0, 2 * most), method="bounded", options={"xatol": 1e-11})
    return max(0.0, value(most), float(-found.fun))
