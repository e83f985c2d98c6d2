"""Covariances of the past and the present of a layer's units: all that the Gaussian measures need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.errors import UnusableSeriesError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Covariances:
    """Holds the covariances of the units at one time (past) and ``lag`` steps later (present).

    Args:
        past: ``[unit, unit]``, the covariance of the past.
        present: ``[unit, unit]``, the covariance of the present; it need not equal that of the past.
        cross: ``[unit, unit]``, the covariance of the past (rows) with the present (columns).
        samples: from how many pairs (past, present) the three were estimated; 0 for covariances that are known exactly.
    """

    past: Float[np.ndarray, "unit unit"]
    present: Float[np.ndarray, "unit unit"]
    cross: Float[np.ndarray, "unit unit"]
    samples: int = 0

    @property
    def units(self) -> int:
        """Returns how many units there are."""
        return len(self.past)

    def of(self, units: Sequence[int]) -> Covariances:
        """Returns the covariances of some of the units, in the given order."""
        chosen = np.ix_(units, units)
        return Covariances(self.past[chosen], self.present[chosen], self.cross[chosen], self.samples)

    @cached_property
    def joint(self) -> Float[np.ndarray, "twice twice"]:
        """Returns the covariance of past and present together; row 2i is the past of unit i, row 2i + 1 its present."""
        joint = np.empty((2 * self.units, 2 * self.units))
        joint[::2, ::2], joint[1::2, 1::2] = self.past, self.present
        joint[::2, 1::2], joint[1::2, ::2] = self.cross, self.cross.T
        return joint

    @cached_property
    def prediction(self) -> Float[np.ndarray, "unit unit"]:
        """Returns the matrix A of the best linear prediction: present = A past + a rest."""
        return np.asarray(np.linalg.solve(self.past, self.cross).T)

    @cached_property
    def rest(self) -> Float[np.ndarray, "unit unit"]:
        """Returns the covariance of the present given the past of all units."""
        rest = self.present - self.prediction @ self.cross
        return np.asarray((rest + rest.T) / 2)


def covariances(past: Float[np.ndarray, "pair unit"], present: Float[np.ndarray, "pair unit"]) -> Covariances:
    """Estimates the covariances from pairs of a past and a present, each centred by itself; the divisor is the pairs less one."""
    x, y = past - past.mean(axis=0), present - present.mean(axis=0)
    less = len(x) - 1
    return Covariances(x.T @ x / less, y.T @ y / less, x.T @ y / less, len(x))


def log_det(matrix: Float[np.ndarray, "row row"]) -> float:
    """Computes the logarithm of the determinant of a covariance by its Cholesky factor.

    Raises:
        UnusableSeriesError: the matrix is not positive definite. (An LU factorisation would give a finite number even so.)

    Example:
        >>> round(log_det(np.diag([2.0, 8.0])), 6)  # log 16
        2.772589
    """
    return float(log_dets(matrix[None])[0])


def log_dets(matrices: Float[np.ndarray, "matrix row row"]) -> Float[np.ndarray, " matrix"]:
    """Computes the logarithm of the determinant of several covariances of one size; see :func:`log_det`."""
    try:
        factors = np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError as error:
        msg = (
            f"A covariance of {matrices.shape[-1]} variables is not positive definite, so some are an exact linear function of the "
            "others and the measures are not defined. Leave such units out, or record more samples."
        )
        raise UnusableSeriesError(msg) from error
    return np.asarray(2.0 * np.log(np.diagonal(factors, axis1=-2, axis2=-1)).sum(axis=-1))
