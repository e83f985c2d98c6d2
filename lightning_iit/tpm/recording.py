"""A recorded series with the states and transitions that its thresholds make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lightning_iit.errors import InvalidArgumentError, TooManyUnitsError
from lightning_iit.records import Counts, Dynamics, State, ThresholdCounts, Units
from lightning_iit.tpm.counts import QUANTILES, dynamics_from_codes
from lightning_iit.tpm.series import (
    binary_columns,
    read_numbers,
    read_sequences,
    state_codes,
    thresholds_of,
    transposed_hint,
)
from lightning_iit.tpm.states import state_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Bool, Float, Int


class Recording(NamedTuple):
    """Holds a recorded series with the states and transitions that its thresholds make of it."""

    sequences: list[Float[np.ndarray, "time unit"]]
    """The values of the chosen units, by sequence."""
    units: Units
    """The chosen units."""
    thresholds: Float[np.ndarray, " unit"]
    """The threshold of each unit."""
    raw: Bool[np.ndarray, " unit"]
    """Which units are not 0 and 1 already."""
    lag: int
    """How many rows a transition spans."""
    codes: list[Int[np.ndarray, " time"]]
    """The state of each row, by sequence."""
    counts: Counts
    """The transitions."""
    dynamics: Dynamics
    """What the tests of Markov order and stationarity need."""

    @classmethod
    def read(
        cls, states: Any, units: int | Sequence[int] | None, threshold: float | str | Sequence[float] | None, lag: int, *, most: int
    ) -> Recording:
        """Reads a series, chooses its columns, and counts its transitions.

        Args:
            states: an array [time, unit], or several.
            units: the columns; a number for those with the largest variance; None for all.
            threshold: as in :func:`~lightning_iit.tpm.series.thresholds_of`.
            lag: how many rows a transition spans.
            most: the largest number of units that are accepted.

        Raises:
            InvalidStatesError: what is no such series.
            InvalidArgumentError: units that are not there, an impossible threshold, or a lag longer than the sequences.
            TooManyUnitsError: more than ``most`` units.
        """
        sequences = read_sequences(_apart(states), read_numbers)
        longest = max(map(len, sequences))
        if 1 < lag >= longest:
            msg = (
                f"lag={lag}: a transition spans {lag + 1} rows of one sequence, and the longest sequence has {longest}. Give a lag "
                f"of at most {max(longest - 1, 1)}, or record for longer."
            )
            raise InvalidArgumentError(msg)
        chosen = _columns(sequences, units, most)
        sequences = [sequence[:, list(chosen.indices)] for sequence in sequences]
        rows = np.concatenate(sequences)
        finite = rows[np.isfinite(rows).all(axis=1)]
        # Without a row there is no median; nothing is counted then anyway.
        values = thresholds_of(finite if len(finite) else np.zeros((1, rows.shape[1])), threshold)
        raw = ~binary_columns(finite)
        codes = [state_codes(sequence, values) for sequence in sequences]
        counts, dynamics = dynamics_from_codes(codes, units=len(values), lag=lag)
        return cls(sequences, chosen, values, raw, lag, codes, counts, dynamics)

    @property
    def n(self) -> int:
        """Returns the number of units."""
        return len(self.thresholds)

    @property
    def labels(self) -> tuple[str, ...]:
        """Returns the names of the units."""
        return self.units.labels

    @property
    def rows(self) -> Float[np.ndarray, "time unit"]:
        """Returns the rows of all sequences that have a state."""
        return np.concatenate(self.sequences)[np.concatenate(self.codes) >= 0]

    @property
    def left_out(self) -> int:
        """Returns how many rows have no state."""
        return int((np.concatenate(self.codes) < 0).sum())

    @property
    def last(self) -> State | None:
        """Returns the last state of the last sequence; None where there is no state."""
        codes = np.concatenate(self.codes)
        known = codes[codes >= 0]
        return state_of(int(known[-1]), self.n) if len(known) else None

    def at_thresholds(self) -> tuple[ThresholdCounts, ...]:
        """Counts the transitions with other quantiles of the raw units as thresholds; empty where all units are binary already."""
        return tuple(self._at_quantile(quantile) for quantile in QUANTILES) if self.raw.any() else ()

    def _at_quantile(self, quantile: float) -> ThresholdCounts:
        values = np.where(self.raw, np.quantile(self.rows, quantile, axis=0), self.thresholds)
        codes = [state_codes(sequence, values) for sequence in self.sequences]
        counts, _ = dynamics_from_codes(codes, units=self.n, lag=self.lag)
        return ThresholdCounts(quantile=quantile, thresholds=tuple(values.tolist()), counts=counts)


def _apart(states: Any) -> Any:
    """Returns an array [sequence, time, unit] as a list of sequences; anything else as it is."""
    return list(states) if getattr(states, "ndim", 0) == 3 else states


def _columns(sequences: Sequence[Float[np.ndarray, "time unit"]], units: int | Sequence[int] | None, most: int) -> Units:
    """Chooses the columns that are analysed.

    Raises:
        InvalidArgumentError: columns that are not there, or a column that is named twice.
        TooManyUnitsError: more columns than the engine accepts.
    """
    width = sequences[0].shape[1]
    number = int(units) if isinstance(units, (int, np.integer)) and not isinstance(units, bool) else None
    if units is None:
        indices, selection = list(range(width)), "all"
    elif number is not None:
        rows = np.concatenate(sequences)
        rows = rows[np.isfinite(rows).all(axis=1)]
        variance = rows.var(axis=0) if len(rows) else np.zeros(width)
        first = np.argsort(-variance, kind="stable")[:number]
        indices, selection = sorted(first.tolist()), "variance"
    elif isinstance(units, (list, tuple, range, np.ndarray)) and all(isinstance(unit, (int, np.integer)) for unit in units):
        indices, selection = [int(unit) for unit in units], "given"
    else:
        msg = f"units={units!r}: give a list of column indices, how many columns, or None for all."
        raise InvalidArgumentError(msg)
    wanted = len(indices) if number is None else number
    inside = all(0 <= index < width for index in indices)
    if not inside or len(set(indices)) < len(indices) or not 1 <= wanted <= width:
        msg = f"units={units!r}: the series has the units 0 to {width - 1}; name each once, or give how many, from 1 to {width}."
        raise InvalidArgumentError(msg)
    if wanted > most:
        msg = (
            f"states: {wanted} units are analysed at once, and the engine takes up to {most}. Choose columns, as in units=[0, 3], "
            f"or units=4 for the 4 that vary most.{transposed_hint(sequences)}"
        )
        raise TooManyUnitsError(msg)
    return Units(indices=tuple(indices), width=width, selection=selection)
