"""Activations to binary states: a unit is ON where its activation is greater than its threshold."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from lightning_iit.capture.count.transitions import NO_STATE
from lightning_iit.capture.options import CALIBRATED

ThresholdStrategy: TypeAlias = str | float
"""``"median"``, ``"mean"``, ``"zero"`` or a number, the same for each unit."""

_ROWS_AT_ONCE = 64


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


def is_on(activations: Tensor, thresholds: Tensor, upper: Tensor | None = None) -> Tensor:
    """Where an activation is greater than its threshold and, where there is an upper one, not greater than that."""
    values = activations.to(thresholds.dtype)
    on = values > thresholds
    return on if upper is None else on & (values <= upper)


def encode(activations: Tensor, thresholds: Tensor, upper: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """State codes of activations.

    In the training step's time: a comparison that runs over several rows at once, into floats, and one product with the
    powers of two take a third of the time of the plain way.

    Args:
        activations: ``[..., unit]``.
        thresholds: ``[unit]``, from :func:`threshold_tensor`.
        upper: upper thresholds ``[unit]``, likewise.

    Returns:
        The codes ``[...]`` (int64; ``NO_STATE`` where an activation of the row is not finite) and how many rows those are.
    """
    n = thresholds.numel()
    shape = activations.shape[:-1]
    rows = math.gcd(shape.numel(), _ROWS_AT_ONCE)
    values = activations.to(thresholds.dtype).reshape(-1, rows * n)
    on = torch.gt(values, thresholds.repeat(rows), out=torch.empty_like(values))
    if upper is not None:
        on *= values <= upper.repeat(rows)
    on += values - values  # NaN where an activation is not finite, and so is its row's code
    weights = 2.0 ** torch.arange(n, dtype=on.dtype, device=on.device)
    with torch.autocast(on.device.type, enabled=False):
        codes = on.reshape(-1, n).mv(weights)
    left_out = codes.isnan().sum()
    return codes.nan_to_num_(nan=NO_STATE).to(torch.int64).reshape(shape), left_out
