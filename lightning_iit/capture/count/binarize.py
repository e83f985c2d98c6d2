"""Binary states from activations: a unit is ON where its activation is greater than its threshold."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from lightning_iit.capture.count.transitions import NO_STATE
from lightning_iit.capture.options import CALIBRATED

ThresholdStrategy: TypeAlias = str | float
"""``"median"``, ``"mean"``, ``"zero"`` or a number, the same for all units."""

_ROWS_AT_ONCE = 64


def needs_data(strategy: ThresholdStrategy) -> bool:
    """Returns whether the strategy computes thresholds from activations ("median" and "mean" do)."""
    return strategy in CALIBRATED


def threshold_values(strategy: ThresholdStrategy, samples: np.ndarray) -> tuple[float, ...]:
    """Computes the threshold of each unit.

    Args:
        strategy: ``"median"``, ``"mean"``, ``"zero"`` or a number.
        samples: activations ``[sample, unit]``, float64 and finite. ``"median"`` and ``"mean"`` need at least one row; for the
            others only the number of units is used.

    Example:
        >>> threshold_values("median", np.array([[0.0, 5.0], [1.0, 6.0], [9.0, 7.0]]))
        (1.0, 6.0)
    """
    if strategy == "median":
        values = np.median(samples, axis=0)
    elif strategy == "mean":
        values = samples.mean(axis=0)
    else:
        values = np.full(samples.shape[1], 0.0 if strategy == "zero" else float(strategy))
    return tuple(values.tolist())


def threshold_tensor(values: tuple[float, ...], *, like: Tensor) -> Tensor:
    """Converts thresholds to a tensor ``[unit]`` for the comparison with activations.

    The tensor is float64 for float64 activations, else float32. A threshold that float32 cannot hold is rounded down: a float32
    number is greater than the threshold exactly where the number is greater than the rounded threshold, so the precision of the
    comparison changes no state.

    Args:
        values: the threshold of each unit.
        like: activations, for their dtype and device.
    """
    exact = np.asarray(values, dtype=np.float64)
    if like.dtype == torch.float64:
        return torch.from_numpy(exact).to(like.device)
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float32)
        rounded = np.where(rounded > exact, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    return torch.from_numpy(rounded).to(like.device)


def is_on(activations: Tensor, thresholds: Tensor, upper: Tensor | None = None) -> Tensor:
    """Returns which activations are greater than their threshold (and not greater than their upper threshold, where there is one).

    Args:
        activations: ``[..., unit]``.
        thresholds: ``[unit]``, from :func:`threshold_tensor`.
        upper: upper thresholds ``[unit]``, from the same function: a unit is then ON above its threshold and not above its
            upper one. None for no upper thresholds.
    """
    values = activations.to(thresholds.dtype)
    on = values > thresholds
    return on if upper is None else on & (values <= upper)


def encode(activations: Tensor, thresholds: Tensor, upper: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Computes the state code (little-endian index) of each row of activations.

    The training step waits for this function, so it is written for speed: a comparison of several rows at once, into floats, and
    one product with the powers of two take a third of the time of :func:`is_on` and
    :func:`~lightning_iit.capture.count.transitions.pack`.

    Args:
        activations: ``[..., unit]``.
        thresholds: ``[unit]``, from :func:`threshold_tensor`.
        upper: upper thresholds ``[unit]``, from the same function; None for none.

    Returns:
        The codes ``[...]`` (int64; ``NO_STATE`` where an activation of the row is NaN or infinite), and how many rows have no
        state.

    Example:
        >>> encode(torch.tensor([[0.1, 0.9], [0.8, 0.9]]), torch.tensor([0.5, 0.5]))
        (tensor([2, 3]), tensor(0))
    """
    n = thresholds.numel()
    shape = activations.shape[:-1]
    rows = math.gcd(shape.numel(), _ROWS_AT_ONCE)
    values = activations.to(thresholds.dtype).reshape(-1, rows * n)
    on = torch.gt(values, thresholds.repeat(rows), out=torch.empty_like(values))
    if upper is not None:
        on *= values <= upper.repeat(rows)
    on += values - values  # NaN where an activation is not finite, which makes the code of the row NaN too
    weights = 2.0 ** torch.arange(n, dtype=on.dtype, device=on.device)
    with torch.autocast(on.device.type, enabled=False):
        codes = on.reshape(-1, n).mv(weights)
    left_out = codes.isnan().sum()
    return codes.nan_to_num_(nan=NO_STATE).to(torch.int64).reshape(shape), left_out
