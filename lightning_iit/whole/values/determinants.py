"""Total correlation and stochastic interaction of a partition, for Gaussian units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.whole.values.covariances import log_det
from lightning_iit.whole.values.set_functions import LogDetFunction, LogDetTerm

if TYPE_CHECKING:
    from lightning_iit.whole.values.covariances import Covariances


def total_correlation(given: Covariances) -> LogDetFunction:
    """Returns total correlation of the parts at one time (the past), a function of the partition.

    ``1/2 [sum_k log det Sx_k - log det Sx]`` in nats, with Sx the covariance at one time: Watanabe (1960); "MI1" of Kitazono, Kanai
    and Oizumi (2018), Entropy 20:173.
    """
    return LogDetFunction((LogDetTerm(given.past, 1, 1),), given.units)


def total_correlation_pairs(given: Covariances) -> LogDetFunction:
    """Returns total correlation of the parts' pairs (past, present), a function of the partition.

    ``1/2 [sum_k log det J_k - log det J]`` in nats, with J the covariance of past and present together: Kitazono, Kanai and Oizumi
    (2018), Entropy 20:173, equation 5. It is total correlation at one time plus stochastic interaction.
    """
    return LogDetFunction((LogDetTerm(given.joint, 2, 1),), given.units)


def stochastic_interaction(given: Covariances) -> LogDetFunction:
    """Returns stochastic interaction of the parts, a function of the partition.

    ``sum_k H(present of k | past of k) - H(present | past)`` in nats: Ay (2015), Entropy 17:2432; Oizumi, Tsuchiya and Amari
    (2016), PNAS 113:14817, equations 15 and 16. It is above 0 for units that correlate at one time only.
    """
    return LogDetFunction((LogDetTerm(given.joint, 2, 1), LogDetTerm(given.past, 1, -1)), given.units)


def information(given: Covariances) -> float:
    """Returns the mutual information of past and present of all units, in nats: the most that Φ* and Φ_G can be."""
    return (log_det(given.past) + log_det(given.present) - log_det(given.joint)) / 2
