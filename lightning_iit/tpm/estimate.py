"""The estimate of a transition probability matrix (TPM) from counts or from sequences of states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lightning_iit.checks import told_of_unknown
from lightning_iit.errors import InvalidArgumentError, InvalidStatesError, TooManyUnitsError
from lightning_iit.records import Counts, TpmRecord
from lightning_iit.records.shown.html import block, tpm_table
from lightning_iit.records.system_checks import BINARY_ONLY
from lightning_iit.tpm.conversion import bits, conditional_independence, state_by_node, state_by_state
from lightning_iit.tpm.counts import counts_from_codes, counts_from_joint, joint, merge, on, visits
from lightning_iit.tpm.series import read_array, read_sequences, transposed_hint
from lightning_iit.tpm.varying import constant_states, without_effect

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

__all__ = [
    "Tpm",
    "conditional_independence",
    "counts_from_codes",
    "counts_from_joint",
    "estimate_tpm",
    "joint",
    "merge",
    "state_by_node",
    "state_by_state",
    "tpm_for_phi",
    "tpm_from_counts",
]

MAX_UNITS = 16
"""The most units of an estimated TPM, which then has 2**16 rows; no engine computes Φ of so many units."""


@dataclass(frozen=True)
class Tpm:
    """Holds a transition probability matrix estimated from counts; every row and column index is little-endian.

    A visited row of ``state_by_node`` has the plain frequency with which each unit was ON next. A row that was never visited holds
    ``prior`` for every unit.
    """

    state_by_node: Float[np.ndarray, "state unit"]
    """``[2**n, n]``: the probability that each unit is ON next."""
    visits: Int[np.ndarray, " state"]
    """``[2**n]``: how often each state was the first of a transition."""
    prior: float
    """The probability of ON in rows that were never visited."""
    counts: Counts
    """The transition counts behind the estimate."""

    @property
    def n(self) -> int:
        """Returns the number of units."""
        return int(self.state_by_node.shape[1])

    def __repr__(self) -> str:
        """Returns the size of the matrix and what it was estimated from, in one line."""
        return f"<Tpm of {self.n} units: {self._seen}, prior {self.prior:g}>"

    def _repr_html_(self) -> str:
        """Returns the matrix for a notebook, shaded by the probability of ON."""
        shown = tpm_table(self.state_by_node.tolist(), (self.visits > 0).tolist(), tuple(map(str, range(self.n))))
        return block(f"TPM of {self.n} units: {self._seen}", shown)

    @property
    def _seen(self) -> str:
        """Returns the transitions and the visited states in words."""
        return f"{self.counts.transitions:,} transitions, {int((self.visits > 0).sum())} of {len(self.visits)} states visited"

    @property
    def transitions(self) -> int:
        """Returns the number of transitions counted."""
        return int(self.visits.sum())

    @cached_property
    def visited(self) -> Bool[np.ndarray, " state"]:
        """Returns ``[2**n]``: True where the state was visited, False where the row of the TPM is the prior."""
        return self.visits > 0

    @cached_property
    def state_by_state(self) -> Float[np.ndarray, "state next"]:
        """Computes ``[2**n, 2**n]``: the frequency of each next state, with the dependence between the units that the data have.

        Rows that were never visited hold the product of the units' priors.

        Raises:
            InvalidArgumentError: too many units for a square table.
        """
        table = joint(self.counts).astype(float)
        unvisited = np.where(bits(self.n), self.prior, 1.0 - self.prior).prod(axis=1)
        rows: Float[np.ndarray, "state next"] = table / np.maximum(self.visits, 1)[:, None]
        rows[~self.visited] = unvisited
        return rows

    @property
    def record(self) -> TpmRecord:
        """Returns the part of the estimate that is stored in a record."""
        return TpmRecord(
            state_by_node=tuple(map(tuple, self.state_by_node.tolist())),
            visited=tuple(self.visited.tolist()),
            prior=self.prior,
        )


def tpm_from_counts(counts: Counts, prior: float = 0.5) -> Tpm:
    """Estimates the TPM from counts: ``K[s, j] / N[s]`` in visited rows, ``prior`` in the others.

    Args:
        counts: how often each state was visited, ``N[s]``, and how often each unit was ON afterwards, ``K[s, j]``.
        prior: the probability of ON in rows that were never visited.

    Raises:
        InvalidArgumentError: a prior that is no probability.
    """
    if not 0.0 <= prior <= 1.0:
        msg = f"prior={prior!r}: it is the probability of ON in rows of the TPM that were never visited, from 0 to 1."
        raise InvalidArgumentError(msg)
    n_visits = visits(counts)
    frequency = on(counts) / np.maximum(n_visits, 1)[:, None]
    rows = np.where((n_visits > 0)[:, None], frequency, float(prior))
    return Tpm(state_by_node=rows, visits=n_visits, prior=float(prior), counts=counts)


def tpm_for_phi(counts: Counts, prior: float = 0.5) -> Tpm:
    """Estimates the TPM that Φ is computed of: that of :func:`tpm_from_counts`, with no effect of units that never changed.

    A state in which such a unit has its other value was never visited, and its row would be the prior alone. It takes the row of
    the state in which the unit is as it always was: so the unit acts on nothing, and as it stays as it is, nothing acts on it.

    Args:
        counts: the transitions.
        prior: the probability of ON in the other rows that were never visited.

    Raises:
        InvalidArgumentError: a prior that is no probability.
    """
    tpm = tpm_from_counts(counts, prior)
    return replace(tpm, state_by_node=without_effect(tpm.state_by_node, constant_states(counts)))


@told_of_unknown
def estimate_tpm(states: Any, *, prior: float = 0.5) -> Tpm:
    """Estimates the TPM of binary units from sequences of their states.

    Watching units does not tell how they would react if they were set: the result is an observational TPM. With few transitions for
    each state even coin flips have Φ > 0.

    Args:
        states: an array ``[time, unit]`` of 0 and 1 (or bool), or a list of such arrays as separate sequences: no transition goes
            from the end of one sequence to the start of the next. Anything that numpy reads as such an array is accepted.
        prior: the probability of ON in rows of states that were never visited.

    Raises:
        InvalidStatesError: values other than 0 and 1 (NaN among them), another number of dimensions, sequences of different widths,
            or no transition in any sequence.
        TooManyUnitsError: more than 16 units.
        InvalidArgumentError: a prior that is no probability.

    Example:
        >>> tpm = estimate_tpm([[0, 0], [1, 0], [1, 1], [0, 0], [1, 0]])
        >>> tpm.state_by_node.tolist()  # rows (0,0), (1,0), (0,1), (1,1); (0,1) was never visited
        [[1.0, 0.0], [1.0, 1.0], [0.5, 0.5], [0.0, 0.0]]
        >>> tpm.visits.tolist()
        [2, 1, 0, 1]
    """
    sequences = read_sequences(states, _binary)
    width = sequences[0].shape[1]
    if width > MAX_UNITS:
        msg = f"states: {width} units have 2**{width} states; choose at most {MAX_UNITS} columns.{transposed_hint(sequences)}"
        raise TooManyUnitsError(msg)
    codes = [sequence @ (1 << np.arange(width)) for sequence in sequences]
    before = np.concatenate([code[:-1] for code in codes])
    after = np.concatenate([code[1:] for code in codes])
    if not before.size:
        msg = f"states: {len(codes)} sequence(s) of at most one step hold no transition; a transition needs two steps in a row."
        raise InvalidStatesError(msg)
    return tpm_from_counts(counts_from_codes(before, after, units=width), prior)


def _binary(value: Any, what: str) -> Int[np.ndarray, "time unit"]:
    """Returns the value as an integer array [time, unit] of 0 and 1, or raises InvalidStatesError naming it as ``what``."""
    array = read_array(value, what)
    wrong = (array != 0) & (array != 1)
    if wrong.any():
        step, unit = np.argwhere(wrong)[0]
        advice = "Compare activations with a threshold first, e.g. `activations > threshold`."
        whole = (array == np.floor(array)).all() and array.min() >= 0
        msg = f"{what}: entry [{step}, {unit}] is {array[step, unit]}; states are 0 and 1. {BINARY_ONLY if whole else advice}"
        raise InvalidStatesError(msg)
    return array.astype(np.int64)
