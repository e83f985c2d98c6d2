"""Recorded series [time, unit]: read from what people have, and turned into state codes by thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lightning_iit.errors import InvalidArgumentError, InvalidStatesError
from lightning_iit.records.system_checks import BINARY_ONLY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Bool, Float, Int

NO_STATE = -1
"""The code of a row without a state: one of its values is NaN or infinite."""
_LARGEST_LABEL = 9
"""Whole numbers from 0 to this one are taken for the names of a unit's states, if there are more than two of them."""
_Array = TypeVar("_Array", bound=np.ndarray)


def read_sequences(states: Any, read: Callable[[Any, str], _Array]) -> list[_Array]:
    """Reads one array [time, unit], or a list of such arrays with the same units.

    Args:
        states: the array or arrays.
        read: reads one array; gets the array and its name for error messages.

    Raises:
        InvalidStatesError: an empty list, sequences of different widths, or what ``read`` refuses.
    """
    if not isinstance(states, (list, tuple)) or (len(states) and _dimensions(states[0]) < 2):
        return [read(states, "states")]
    if not states:
        msg = "states: got an empty list; give an array [time, unit] or a list of such arrays."
        raise InvalidStatesError(msg)
    sequences = [read(sequence, f"states[{index}]") for index, sequence in enumerate(states)]
    widths = sorted({sequence.shape[1] for sequence in sequences})
    if len(widths) > 1:
        msg = f"states: sequences of {widths} units; all sequences must have the same units."
        raise InvalidStatesError(msg)
    return sequences


def transposed_hint(sequences: Sequence[np.ndarray]) -> str:
    """Returns a question for an error message where a series has more units than rows; empty where it has not."""
    rows, units = sum(map(len, sequences)), sequences[0].shape[1]
    return f" It has {rows} rows (times) and {units} columns (units): is it transposed? Then give states.T." if units > rows else ""


def read_array(value: Any, what: str) -> np.ndarray:
    """Reads an array [time, unit] of numbers or bool, or raises InvalidStatesError naming it as ``what``."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        msg = f"{what}: numpy cannot read {type(value).__name__} as an array [time, unit]: {error}."
        raise InvalidStatesError(msg) from error
    if array.ndim != 2 or array.shape[1] == 0:
        hint = " Pass list(states) for separate sequences." if array.ndim == 3 else ""
        msg = f"{what}: got shape {array.shape}; expected [time, unit].{hint}"
        raise InvalidStatesError(msg)
    if array.dtype.kind not in "biuf":
        msg = f"{what}: got {array.dtype}; give numbers or bool; states are 0 and 1, as integers or bool."
        raise InvalidStatesError(msg)
    return array


def read_numbers(value: Any, what: str) -> Float[np.ndarray, "time unit"]:
    """Reads an array [time, unit] as float64; NaN and infinite values stay."""
    return read_array(value, what).astype(np.float64)


def binary_columns(rows: Float[np.ndarray, "time unit"]) -> Bool[np.ndarray, " unit"]:
    """Returns which columns hold states already: 0 and 1 only."""
    found: Bool[np.ndarray, " unit"] = ((rows == 0) | (rows == 1)).all(axis=0)
    return found


def _refuse_names_of_states(rows: Float[np.ndarray, "time unit"]) -> None:
    """Raises InvalidStatesError for a column that holds the names of more than two states: whole numbers from 0 to at most 9."""
    names = ((rows == np.floor(rows)) & (rows >= 0) & (rows <= _LARGEST_LABEL)).all(axis=0)
    more = np.flatnonzero(names & (rows > 1).any(axis=0))
    if len(more):
        seen = np.unique(rows[:, more[0]]).astype(int).tolist()
        msg = (
            f"states: unit {more[0]} has the values {', '.join(map(str, seen))}, which look like the names of {len(seen)} states. "
            f"{BINARY_ONLY} For numbers that were measured, give the threshold, such as threshold='median'."
        )
        raise InvalidStatesError(msg)


def thresholds_of(
    rows: Float[np.ndarray, "time unit"], threshold: float | str | Sequence[float] | None
) -> Float[np.ndarray, " unit"]:
    """Computes the threshold of each unit; a unit is ON where its value is above its threshold.

    Args:
        rows: the finite rows of all sequences, at least one for "median", "mean" and None.
        threshold: "median", "mean" or "zero" (with these, 0.5 for a unit whose values are 0 and 1 only), a number for all units, or
            a number for each unit. None is "median" for units that do not hold the names of more than two states.

    Raises:
        InvalidArgumentError: another threshold.
        InvalidStatesError: without a threshold, a unit that holds the names of more than two states.
    """
    units = rows.shape[1]
    if threshold is None:
        _refuse_names_of_states(rows)
        threshold = "median"
    if isinstance(threshold, str):
        named = {"median": np.median(rows, axis=0), "mean": rows.mean(axis=0), "zero": np.zeros(units)}
        if threshold in named:
            return np.where(binary_columns(rows), 0.5, named[threshold])
    elif not isinstance(threshold, bool):
        values = np.asarray(threshold, dtype=np.float64)
        if values.shape in {(), (units,)} and np.isfinite(values).all():
            return np.broadcast_to(values, (units,))
    msg = f"threshold={threshold!r}: give 'median', 'mean', 'zero', a finite number, or one for each of the {units} units."
    raise InvalidArgumentError(msg)


def state_codes(sequence: Float[np.ndarray, "time unit"], thresholds: Float[np.ndarray, " unit"]) -> Int[np.ndarray, " time"]:
    """Returns the little-endian index of each row's state; ``NO_STATE`` where a value is NaN or infinite.

    Example:
        >>> state_codes(np.array([[0.2, 0.9], [np.nan, 0.1]]), np.array([0.5, 0.5])).tolist()
        [2, -1]
    """
    codes: Int[np.ndarray, " time"] = (sequence > thresholds) @ (1 << np.arange(len(thresholds)))
    codes[~np.isfinite(sequence).all(axis=1)] = NO_STATE
    return codes


def _dimensions(value: Any) -> int:
    """Returns the number of dimensions of an array-like value; 2 for a ragged list, which a later check reports."""
    try:
        return int(np.ndim(value))
    except (TypeError, ValueError):
        return 2  # ragged: named when it is read as a sequence
