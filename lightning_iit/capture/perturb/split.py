"""One step of torch's recurrent layers and cells from states that are set: what a background fixes is computed once.

The recurrent product of a state h with some units U set to v is ``W h = (W h - W[:, U] h[U]) + W[:, U] v``. The first part is fixed
by the background and computed once for all states and groups of units, only for the units that are read; the second part is the
same in all backgrounds. So the cost of a state grows neither with the width of the layer nor with its inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.capture.perturb.cells import Weights
    from lightning_iit.capture.perturb.stepper import Observations, State

MOST_VALUES = 2**19
"""The most values of a gate in one piece of work: what fits into a processor's cache is fastest."""


@dataclass(frozen=True)
class FixedSums:
    """Holds what backgrounds add to the sums of the gates while nothing is set; in float64, so that parts can be taken off.

    Args:
        weights: the weights of the step.
        state: the parts of the states, each ``[row, unit]``.
        units: the units whose gates were computed, in increasing order; of an LSTM with a projection all cells.
        from_inputs: ``[gate, unit, row]``, with the bias.
        from_state: ``[gate, unit, row]``, with the bias.
    """

    weights: Weights
    state: State
    units: Tensor
    from_inputs: Tensor
    from_state: Tensor

    @classmethod
    def of(cls, weights: Weights, backgrounds: Observations, units: Tensor) -> FixedSums:
        """Computes the sums for these units, which are those of all groups."""
        width = weights.widths[-1]
        picked = torch.unique(units) if weights.w_hr is None else torch.arange(width, device=units.device)
        rows = torch.arange(len(weights.w_hh), device=units.device).reshape(-1, width)[:, picked]
        return cls(
            weights,
            backgrounds.state,
            picked,
            _sums(weights.w_ih[rows], backgrounds.inputs, weights.b_ih, rows),
            _sums(weights.w_hh[rows], backgrounds.state[0], weights.b_hh, rows),
        )

    def without(self, units: Tensor) -> GroupSums:
        """Takes off what the units of a group add, which are set instead.

        Args:
            units: the units of the group, as positions in the hidden state.
        """
        weights = self.weights
        wanted = units if weights.w_hr is None else self.units
        places = torch.searchsorted(self.units, wanted)
        rows = torch.arange(len(weights.w_hh), device=units.device).reshape(-1, weights.widths[-1])[:, wanted]
        columns = weights.w_hh[rows][..., units].double()
        from_state = self.from_state[:, places] - columns @ self.state[0][:, units].T.double()
        from_inputs, dtype = self.from_inputs[:, places], _computed(weights)
        if weights.mode == "GRU":  # the reset gate multiplies the candidate's sum from the state alone
            from_inputs = torch.cat([from_inputs[:2] + from_state[:2], from_inputs[2:]])
            from_state = from_state[2:]
        else:
            from_inputs, from_state = from_inputs + from_state, from_state[:0]
        cells = self.state[1].T[wanted] if weights.mode == "LSTM" else None
        return GroupSums(weights, units, columns, from_inputs.to(dtype), from_state.to(dtype), cells)


@dataclass(frozen=True)
class GroupSums:
    """Holds what backgrounds add to the sums of the gates of a group's units, without what the group's units themselves add.

    Args:
        weights: the weights of the step.
        units: the units of the group, as positions in the hidden state.
        columns: the weights from the group's units, ``[gate, unit, from unit]``.
        sums: ``[gate, unit, row]``, from inputs and state together; of a GRU's candidate from the inputs alone.
        candidate: of a GRU ``[1, unit, row]``, the candidate's sum from the state; else without entries.
        cells: of an LSTM the cell states as they were observed, ``[unit, row]``.
    """

    weights: Weights
    units: Tensor
    columns: Tensor
    sums: Tensor
    candidate: Tensor
    cells: Tensor | None

    @property
    def states_at_once(self) -> int:
        """Returns how many states are computed in one piece."""
        return max(1, MOST_VALUES // self.sums[0].numel())

    def following(self, values: Sequence[Tensor]) -> Tensor:
        """Computes the next hidden state of the group's units from each state in each background.

        Args:
            values: for each part of the state that is set, the value of each of the group's units ``[state, unit]``.

        Returns:
            ``[state, row, unit]``.
        """
        hidden, dtype = values[0], self.sums.dtype
        added = torch.zeros(*self.columns.shape[:2], len(hidden), dtype=torch.float64, device=hidden.device)
        for column, value in zip(self.columns.unbind(-1), hidden.T.double(), strict=True):
            # One product after the other, so that a state's sum does not depend on its place among the states.
            added = added + column[..., None] * value
        by_state = added.to(dtype)[..., None]  # [gate, unit, state, 1]
        by_row = self.sums[:, :, None]  # [gate, unit, 1, row]
        set_parts = [part.T.to(dtype)[..., None] for part in values]
        if self.weights.mode == "GRU":
            reset, update = (torch.sigmoid(by_row[gate] + by_state[gate]) for gate in range(2))
            new = torch.tanh(by_row[2] + reset * (self.candidate[0][:, None] + by_state[2]))
            following = (set_parts[0] - new) * update + new
        elif self.weights.mode == "LSTM":
            assert self.cells is not None
            cells = set_parts[1] if len(set_parts) > 1 else self.cells.to(dtype)[:, None]
            admit, forget, candidate, output = by_row + by_state
            cells = torch.sigmoid(forget) * cells + torch.sigmoid(admit) * torch.tanh(candidate)
            following = torch.sigmoid(output) * torch.tanh(cells)
            if self.weights.w_hr is not None:
                following = torch.einsum("uc,csr->usr", self.weights.w_hr[self.units].to(dtype), following)
        else:
            following = (by_row + by_state)[0]
            following = torch.tanh(following) if self.weights.mode == "RNN_TANH" else torch.relu(following)
        return following.permute(1, 2, 0).to(self.weights.w_hh.dtype)


def _sums(weights: Tensor, values: Tensor, bias: Tensor | None, rows: Tensor) -> Tensor:
    """Computes ``[gate, unit, row]`` from weights ``[gate, unit, from]`` and values ``[row, from]``, in float64."""
    sums = weights.double() @ values.double().T
    return sums if bias is None else sums + bias[rows].double()[..., None]


def _computed(weights: Weights) -> torch.dtype:
    """Returns the number format of the gates: that of the weights, but at least float32."""
    return torch.promote_types(weights.w_hh.dtype, torch.float32)
