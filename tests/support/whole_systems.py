"""Systems for tests of the measures of whole layers."""

from __future__ import annotations

import gzip
import json
from functools import cache
from typing import Any

import numpy as np
from places import PROJECT
from scipy.linalg import solve_discrete_lyapunov

from lightning_iit.whole import Covariances

_DATA = PROJECT / "tests" / "whole" / "data"
NAMES = {
    "MI1": "total_correlation",
    "MI": "total_correlation_pairs",
    "SI": "stochastic_interaction",
    "star": "phi_star",
    "Geo": "phi_g",
}
"""The names of the measures, by those in the reference data."""


@cache
def reference(name: str) -> dict[str, Any]:
    return json.loads(gzip.decompress((_DATA / f"{name}.json.gz").read_bytes()))


def gaussian_systems() -> list[dict[str, Any]]:
    return reference("whole_layer")["gaussian"]


def covariances_of(system: dict[str, Any]) -> Covariances:
    past = np.array(system["Cov_X"])
    present = past if isinstance(system["Cov_Y"], str) else np.array(system["Cov_Y"])
    return Covariances(past, present, np.array(system["Cov_XY"]))


def parts_of(labels: list[int]) -> tuple[tuple[int, ...], ...]:
    """The parts of a partition that is given by a label for each unit."""
    return tuple(sorted(tuple(np.flatnonzero(np.array(labels) == label).tolist()) for label in set(labels)))


def autoregressive(units: int, seed: int, *, radius: float = 0.8) -> np.ndarray:
    """A random matrix A of the series ``x(t+1) = A x(t) + noise``."""
    matrix = np.random.default_rng(seed).standard_normal((units, units))
    return matrix * radius / np.abs(np.linalg.eigvals(matrix)).max()


def stationary(matrix: np.ndarray, noise: np.ndarray | None = None) -> Covariances:
    """The covariances of the series ``x(t+1) = A x(t) + noise``."""
    past = solve_discrete_lyapunov(matrix, np.eye(len(matrix)) if noise is None else noise)
    return Covariances(past, past, past @ matrix.T)


def series_of(matrix: np.ndarray, steps: int, seed: int, *, burn_in: int = 200) -> np.ndarray:
    """A series ``[time, unit]`` of ``x(t+1) = A x(t) + noise``."""
    noise = np.random.default_rng(seed).standard_normal((steps + burn_in, len(matrix)))
    rows = np.zeros_like(noise)
    for now in range(1, len(noise)):
        rows[now] = matrix @ rows[now - 1] + noise[now]
    return rows[burn_in:]
