"""Φ*: what a decoder loses that takes the parts for independent (mismatched decoding), for Gaussian units.

Oizumi, Amari, Yanagawa, Fujii and Tsuchiya (2016), PLoS Computational Biology 12:e1004654, equations 9, 20 and 25 to 27.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg import block_diag
from scipy.optimize import brentq

from lightning_iit.whole.values.determinants import information

if TYPE_CHECKING:
    from jaxtyping import Float

    from lightning_iit.whole.values.covariances import Covariances
    from lightning_iit.whole.values.partitions import Partition

_NOTHING = 1e-14
"""Parts that predict less than this of themselves predict nothing."""


class PhiStar(NamedTuple):
    """Holds Φ* of a partition.

    Args:
        value: Φ* in nats.
        beta: the exponent at which the mismatched information is largest; None where the parts predict nothing of themselves.
    """

    value: float
    beta: float | None


def phi_star(given: Covariances, partition: Partition) -> PhiStar:
    """Computes Φ* of a partition: I(past; present) less the largest mismatched information I*(beta).

    With A_D and C_D the predictions and rests of the parts by themselves, ``Sx = L L'`` and ``K = L' A_D' C_D^-1 A_D L`` with
    eigenvalues lam, I*(beta) is a sum over the eigenvalues, concave in beta; its slope is 0 at the largest value.
    """
    order = [unit for part in partition for unit in part]
    ordered = given.of(order)
    lam, g = _spectrum(ordered, [len(part) for part in partition])
    whole = information(ordered)
    if lam.max() < _NOTHING:
        return PhiStar(whole, None)
    beta = _best_beta(lam, g)
    return PhiStar(whole - _mismatched(beta, lam, g), beta)


def _spectrum(given: Covariances, sizes: list[int]) -> tuple[Float[np.ndarray, " unit"], Float[np.ndarray, " unit"]]:
    """Returns the eigenvalues lam of K, and for each the part of the present's variance that the decoder sees along it."""
    predictions, weights, start = [], [], 0
    for size in sizes:
        rows = slice(start, start + size)
        cross = given.cross[rows, rows]
        prediction = np.linalg.solve(given.past[rows, rows], cross).T
        predictions.append(prediction)
        weights.append(np.linalg.inv(given.present[rows, rows] - prediction @ cross))
        start += size
    along = block_diag(*predictions) @ np.linalg.cholesky(given.past)
    weighted = block_diag(*weights) @ along
    k = along.T @ weighted
    lam, vectors = np.linalg.eigh((k + k.T) / 2)
    seen = weighted @ vectors
    return np.clip(lam, 0.0, None), np.asarray(np.einsum("ai,ab,bi->i", seen, given.present, seen, optimize=True))


def _mismatched(beta: float, lam: np.ndarray, g: np.ndarray) -> float:
    """Returns the mismatched information I*(beta)."""
    grown = 1.0 + beta * lam
    return float(0.5 * np.log(grown).sum() + 0.5 * beta * lam.sum() - 0.5 * beta**2 * (g / grown).sum())


def _best_beta(lam: np.ndarray, g: np.ndarray) -> float:
    """Returns where I* is largest: the root of its slope, which falls from a value above 0 at beta = 0."""

    def slope(beta: float) -> float:
        grown = 1.0 + beta * lam
        return float(0.5 * (lam / grown).sum() + 0.5 * lam.sum() - 0.5 * (g * beta * (2.0 + beta * lam) / grown**2).sum())

    most = 1.0
    while slope(most) > 0.0:
        most *= 2.0
    return float(brentq(slope, 0.0, most, xtol=1e-13, rtol=1e-14))
