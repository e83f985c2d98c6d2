"""Series of activations as sequences without gaps, and the pairs of a past and a present within them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lightning_iit.errors import InvalidStatesError
from lightning_iit.whole.values.covariances import Covariances, covariances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Series:
    """Holds sequences of activations of the same units.

    Args:
        sequences: arrays ``[time, unit]`` of finite numbers; no pair goes from one to the next.
        lag: how many steps lie between a past and its present; 0 where the rows have no order.
        left_out: how many rows were left out, with a value that was NaN or infinite.
    """

    sequences: tuple[np.ndarray, ...]
    lag: int
    left_out: int = 0

    @classmethod
    def read(cls, activations: Any, lag: int) -> Series:
        """Reads an array ``[time, unit]``, or a list of such arrays; sequences end at rows that are not finite.

        Raises:
            InvalidStatesError: something else, or sequences of different units.
        """
        several = isinstance(activations, (list, tuple)) and len(activations) > 0 and np.ndim(activations[0]) == 2
        arrays = [_read(one) for one in (activations if several else [activations])]
        widths = sorted({one.shape[1] for one in arrays})
        if len(widths) > 1:
            msg = f"activations: sequences of {widths} units; all sequences must have the same units."
            raise InvalidStatesError(msg)
        pieces = [piece for one in arrays for piece in _finite_pieces(one) if len(piece) > lag]
        left_out = sum(int((~np.isfinite(one).all(axis=1)).sum()) for one in arrays)
        return cls(tuple(pieces) or (np.empty((0, widths[0])),), lag, left_out)

    @property
    def units(self) -> int:
        """Returns how many units there are."""
        return int(self.sequences[0].shape[1])

    def of(self, units: Sequence[int]) -> Series:
        """Returns the series of some units."""
        return Series(tuple(one[:, units] for one in self.sequences), self.lag, self.left_out)

    @cached_property
    def past(self) -> Float[np.ndarray, "pair unit"]:
        """Returns the past of each pair; all rows where they have no order."""
        return np.concatenate([one[: len(one) - self.lag] for one in self.sequences])

    @cached_property
    def present(self) -> Float[np.ndarray, "pair unit"]:
        """Returns the present of each pair; all rows where they have no order."""
        return np.concatenate([one[self.lag :] for one in self.sequences])

    @property
    def samples(self) -> int:
        """Returns how many pairs there are."""
        return sum(len(one) - self.lag for one in self.sequences)

    def covariances(self) -> Covariances:
        """Estimates the covariances of past and present."""
        return covariances(self.past, self.present)

    def scaled(self) -> Series:
        """Returns the series with a standard deviation of 1 for each unit that varies; no measure depends on the scale."""
        deviation = np.concatenate(self.sequences).std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
        return Series(tuple(one / scale for one in self.sequences), self.lag, self.left_out)


def _read(value: Any) -> Float[np.ndarray, "time unit"]:
    """Reads one array of numbers as float64."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        msg = f"activations: numpy cannot read {type(value).__name__} as an array [time, unit]: {error}."
        raise InvalidStatesError(msg) from error
    if array.ndim != 2 or array.shape[1] == 0 or array.dtype.kind not in "biuf":
        hint = " Give list(activations) for separate sequences." if array.ndim == 3 else ""
        msg = f"activations: got {array.dtype} of shape {array.shape}; expected numbers [time, unit].{hint}"
        raise InvalidStatesError(msg)
    return array.astype(np.float64)


def _finite_pieces(array: Float[np.ndarray, "time unit"]) -> list[Float[np.ndarray, "time unit"]]:
    """Returns the stretches of a sequence between rows with a value that is NaN or infinite."""
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    starts, ends = [0, *(bad + 1)], [*bad, len(array)]
    return [array[start:end] for start, end in zip(starts, ends, strict=True) if end > start]
