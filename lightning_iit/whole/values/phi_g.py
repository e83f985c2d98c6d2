"""Φ_G (geometric integrated information): the divergence to the nearest model without connections across parts, for Gaussian units.

Oizumi, Tsuchiya and Amari (2016), PNAS 113:14817, equations 10, 11 and 18 to 23; Kitazono, Kanai and Oizumi (2018), Entropy 20:173,
equations A18 to A21. The minimum is over predictions A' within parts of ``1/2 [log det(E + D Sx D') - log det E]``, with
``D = A - A'``. It has several local minima and saddle points, so the search begins at several places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightning_iit.whole.values.covariances import log_det

if TYPE_CHECKING:
    from jaxtyping import Float

    from lightning_iit.whole.values.covariances import Covariances
    from lightning_iit.whole.values.partitions import Partition

STARTS = 8
"""At how many places a search begins: at the parts' own predictions, their part of A, 0, and random ones."""
_SWEEPS = 2000
_SETTLED = 1e-12
"""A search ends when a sweep makes Φ_G less by no more than this."""


class PhiG(NamedTuple):
    """Holds Φ_G of a partition.

    Args:
        value: Φ_G in nats, the smallest value that was found.
        spread: by how much the largest of the ends of the searches is above the smallest.
    """

    value: float
    spread: float


def phi_g(given: Covariances, partition: Partition, *, starts: int = STARTS, seed: int = 0) -> PhiG:
    """Computes Φ_G of a partition.

    Args:
        given: the covariances.
        partition: the parts.
        starts: at how many places the search begins; from 3 on all but three are drawn at random.
        seed: the seed of the random places.
    """
    order = [unit for part in partition for unit in part]
    ordered = given.of(order)
    sizes = [len(part) for part in partition]
    ends = _minimised(ordered, sizes, _places(ordered, sizes, starts, np.random.default_rng(seed)))
    return PhiG(float(ends.min()), float(ends.max() - ends.min()))


def _slices(sizes: list[int]) -> list[slice]:
    ends = np.cumsum(sizes)
    return [slice(int(end - size), int(end)) for end, size in zip(ends, sizes, strict=True)]


def _places(given: Covariances, sizes: list[int], starts: int, rng: np.random.Generator) -> Float[np.ndarray, "start unit unit"]:
    """Returns where the searches begin: predictions within parts."""
    mask, own = np.zeros((given.units, given.units)), np.zeros((given.units, given.units))
    for rows in _slices(sizes):
        mask[rows, rows] = 1.0
        own[rows, rows] = np.linalg.solve(given.past[rows, rows], given.cross[rows, rows]).T
    within = given.prediction * mask
    drawn = rng.standard_normal((max(starts - 3, 0), *mask.shape)) * np.abs(given.prediction).max() * mask
    return np.concatenate([[own, within, np.zeros_like(own)], within + drawn])[:starts]


def _minimised(given: Covariances, sizes: list[int], places: Float[np.ndarray, "start unit unit"]) -> Float[np.ndarray, " start"]:
    """Returns the value at which the search from each place ends."""
    whole = log_det(given.rest)
    ends, current = np.empty(len(places)), places.copy()
    active = np.arange(len(places))
    spread, values = _state(given, current, whole)
    for _ in range(_SWEEPS):
        current = _swept(given, sizes, current, np.linalg.inv(spread))
        spread, new = _state(given, current, whole)
        going = values - new > _SETTLED
        ends[active] = np.minimum(values, new)
        if not going.any():
            break
        active, current, spread, values = active[going], current[going], spread[going], new[going]
    return ends


def _state(given: Covariances, current: np.ndarray, whole: float) -> tuple[np.ndarray, Float[np.ndarray, " start"]]:
    """Returns for each prediction the covariance of what it leaves, and its value."""
    missing = given.prediction - current
    spread = given.rest + missing @ given.past @ missing.transpose(0, 2, 1)
    return spread, (np.linalg.slogdet(spread)[1] - whole) / 2


def _swept(given: Covariances, sizes: list[int], current: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Returns the predictions after each block was set to its best, the others and the weight being held.

    The trace of ``weight (E + D Sx D')`` bounds the logarithm of the determinant from above, so no sweep raises the value.
    """
    if max(sizes) == 1:
        pulls = np.einsum("sab,bc,ca->sa", weight, given.prediction, given.past, optimize=True)
        found = np.linalg.solve(weight * given.past, pulls[:, :, None])[:, :, 0]
        return found[:, :, None] * np.eye(given.units)
    current = current.copy()
    for rows in _slices(sizes):
        current[:, rows, rows] = 0.0
        missing = given.prediction - current
        pull = weight[:, rows] @ missing @ given.past[:, rows]
        inside = np.linalg.solve(weight[:, rows, rows], pull)
        current[:, rows, rows] = np.linalg.solve(given.past[rows, rows], inside.transpose(0, 2, 1)).transpose(0, 2, 1)
    return current
