"""The weights of torch's recurrent layers and cells, and what they compute in a step.

Formulas: the documentation of ``torch.nn.RNN``, ``torch.nn.GRU`` and ``torch.nn.LSTM``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lightning_iit.capture.perturb.stepper import repeated

if TYPE_CHECKING:
    from lightning_iit.capture.perturb.stepper import State


def weight(module: nn.Module, name: str) -> Tensor | None:
    """A parameter as the next forward pass will use it, or None where the module has none of that name.

    ``torch.nn.utils.prune`` renews the masked weight in each forward pass only, so after an optimizer step it is made here.
    """
    original, mask = getattr(module, f"{name}_orig", None), getattr(module, f"{name}_mask", None)
    if original is not None and mask is not None:
        return original.detach() * mask  # type: ignore[no-any-return]
    value = getattr(module, name, None)
    return value.detach() if isinstance(value, Tensor) else None


@dataclass(frozen=True)
class Weights:
    """The weights of one level and direction; ``w_hr`` is the projection of an LSTM that has one."""

    mode: str
    w_ih: Tensor
    w_hh: Tensor
    b_ih: Tensor | None
    b_hh: Tensor | None
    w_hr: Tensor | None = None

    @classmethod
    def of(cls, module: Any, suffix: str = "") -> Weights:
        """The weights of a cell, or of the level and direction that the suffix names (``"_l0_reverse"``)."""
        w_ih, w_hh = weight(module, f"weight_ih{suffix}"), weight(module, f"weight_hh{suffix}")
        assert w_ih is not None
        assert w_hh is not None
        return cls(
            mode=mode_of(module),
            w_ih=w_ih,
            w_hh=w_hh,
            b_ih=weight(module, f"bias_ih{suffix}"),
            b_hh=weight(module, f"bias_hh{suffix}"),
            w_hr=weight(module, f"weight_hr{suffix}"),
        )

    @property
    def widths(self) -> tuple[int, ...]:
        """The width of each part of the state."""
        hidden = self.w_hh.shape[1]
        return (hidden, self.w_hh.shape[0] // 4) if self.mode == "LSTM" else (hidden,)

    def advance(self, state: State, inputs: Tensor) -> State:
        """The next state of each row."""
        if self.mode == "LSTM":
            return self._advance_lstm(state, inputs)
        cell = {"GRU": torch.gru_cell, "RNN_TANH": torch.rnn_tanh_cell, "RNN_RELU": torch.rnn_relu_cell}[self.mode]
        return (cell(inputs, state[0], self.w_ih, self.w_hh, self.b_ih, self.b_hh),)

    def _advance_lstm(self, state: State, inputs: Tensor) -> State:
        if self.w_hr is None:
            return tuple(torch.lstm_cell(inputs, state, self.w_ih, self.w_hh, self.b_ih, self.b_hh))
        # torch.lstm_cell takes a hidden and a cell state of one width only.
        gates = linear(inputs, self.w_ih, self.b_ih) + linear(state[0], self.w_hh, self.b_hh)
        hidden, cell = _lstm(gates, state[1])
        return linear(hidden, self.w_hr), cell

    def read(self, state: State, inputs: Tensor, units: Tensor) -> Tensor:
        """Some units' hidden state after one step, ``[row, len(units)]``: only their gates are computed.

        Inputs that come again and again, with the state set otherwise, may be there once.
        """
        if self.w_hr is not None:
            return self.advance(state, repeated(inputs, len(state[0])))[0][:, units]
        width = self.widths[-1]
        rows = torch.cat([units + start for start in range(0, len(self.w_hh), width)])
        b_ih, b_hh = (None if bias is None else bias[rows] for bias in (self.b_ih, self.b_hh))
        from_state = linear(state[0], self.w_hh[rows], b_hh)
        from_inputs = repeated(linear(inputs, self.w_ih[rows], b_ih), len(from_state))
        if self.mode == "LSTM":
            return _lstm(from_inputs + from_state, state[1][:, units])[0]
        if self.mode == "GRU":
            return _gru(from_inputs, from_state, state[0][:, units])
        return torch.tanh(from_inputs + from_state) if self.mode == "RNN_TANH" else torch.relu(from_inputs + from_state)

    def reaches(self, *, hidden_only: bool) -> Tensor:
        """Reads which unit acts on which within one step: through any gate, or by what the unit keeps of its own state.

        Args:
            hidden_only: the cell state of an LSTM is not set, so what it keeps is no action of the unit.

        Returns:
            ``[to, from]``, boolean.
        """
        present = self.w_hh != 0
        gates = present.shape[0] // self.widths[-1]
        cells = present.reshape(gates, -1, present.shape[1]).any(0)
        if self.w_hr is not None:
            cells = ((self.w_hr != 0).float() @ cells.float()) > 0
        if self.mode == "GRU" or (self.mode == "LSTM" and self.w_hr is None and not hidden_only):
            cells.fill_diagonal_(fill_value=True)
        return cells


def _lstm(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    admit, forget, candidate, output = gates.chunk(4, dim=-1)
    cell = torch.sigmoid(forget) * cell + torch.sigmoid(admit) * torch.tanh(candidate)
    return torch.sigmoid(output) * torch.tanh(cell), cell


def _gru(from_inputs: Tensor, from_state: Tensor, hidden: Tensor) -> Tensor:
    (reset_in, update_in, new_in), (reset_hh, update_hh, new_hh) = from_inputs.chunk(3, dim=-1), from_state.chunk(3, dim=-1)
    new = torch.tanh(new_in + torch.sigmoid(reset_in + reset_hh) * new_hh)
    update = torch.sigmoid(update_in + update_hh)
    return (1 - update) * new + update * hidden


def mode_of(module: Any) -> str:
    """What a layer or a cell computes: "RNN_TANH", "RNN_RELU", "GRU" or "LSTM"."""
    if isinstance(module, nn.RNNBase):
        return str(module.mode)
    if isinstance(module, nn.RNNCell):
        return f"RNN_{module.nonlinearity.upper()}"
    return "GRU" if isinstance(module, nn.GRUCell) else "LSTM"
