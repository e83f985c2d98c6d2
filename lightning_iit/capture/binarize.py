"""Activations to binary states: a unit is ON where its activation is greater than its threshold."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from lightning_iit.capture.transitions import NO_STATE, pack

ThresholdStrategy: TypeAlias = str | float
"""``"median"``, ``"mean"``, ``"zero"`` or a number, the same for each unit."""

CALIBRATED = ("median", "mean")
STRATEGIES = (*CALIBRATED, "zero")


def needs_data(strategy: ThresholdStrategy) -> bool:
    """Whether the thresholds are calibrated on activations."""
    return strategy in CALIBRATED


def threshold_values(strategy: ThresholdStrategy, samples: np.ndarray) -> tuple[float, ...]:
    """The threshold of each unit.

    Args:
        strategy: ``"median"``, ``"mean"``, ``"zero"`` or a number.
        samples: ``[sample, unit]``, float64 and finite; looked at where the strategy needs data, and then not empty.
    """
    if strategy == "median":
        values = np.median(samples, axis=0)
    elif strategy == "mean":
        values = samples.mean(axis=0)
    else:
        values = np.full(samples.shape[1], 0.0 if strategy == "zero" else float(strategy))
    return tuple(values.tolist())


def threshold_tensor(values: tuple[float, ...], *, like: Tensor) -> Tensor:
    """Thresholds ``[unit]`` for activations that are compared in float32 (or float64, if they are float64).

    Rounded down where float32 cannot hold one: a float32 number is greater than a threshold exactly where it is greater than
    the threshold rounded down, so that states do not depend on the precision of the comparison.
    """
    exact = np.asarray(values, dtype=np.float64)
    if like.dtype == torch.float64:
        return torch.from_numpy(exact).to(like.device)
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float32)
    rounded = np.where(rounded > exact, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    return torch.from_numpy(rounded).to(like.device)


def encode(activations: Tensor, thresholds: Tensor) -> tuple[Tensor, Tensor]:
    """State codes of activations.

    Args:
        activations: ``[..., unit]``.
        thresholds: ``[unit]``, from :func:`threshold_tensor`.

    Returns:
        The codes ``[...]`` (int64; ``NO_STATE`` where an activation of the row is not finite) and how many rows those are.
    """
    values = activations.to(thresholds.dtype)
    finite = torch.isfinite(values).all(-1)
    codes = torch.where(finite, pack(values > thresholds), NO_STATE)
    return codes, (~finite).sum()
