"""The weights of torch's recurrent layers and cells, and the computation of one step.

Formulas: the documentation of ``torch.nn.RNN``, ``torch.nn.GRU`` and ``torch.nn.LSTM``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

if TYPE_CHECKING:
    from lightning_iit.capture.perturb.stepper import State


def weight(module: nn.Module, name: str) -> Tensor | None:
    """Returns a parameter as the next forward pass will use it, or None where the module has no parameter of that name.

    ``torch.nn.utils.prune`` applies its mask only in a forward pass, so after an optimizer step the mask is applied here.
    """
    original, mask = getattr(module, f"{name}_orig", None), getattr(module, f"{name}_mask", None)
    if original is not None and mask is not None:
        return original.detach() * mask  # type: ignore[no-any-return]
    value = getattr(module, name, None)
    return value.detach() if isinstance(value, Tensor) else None


@dataclass(frozen=True)
class Weights:
    """Holds the weights of a cell or of one level and direction of a layer; ``w_hr`` is the projection of an LSTM that has one."""

    mode: str
    w_ih: Tensor
    w_hh: Tensor
    b_ih: Tensor | None
    b_hh: Tensor | None
    w_hr: Tensor | None = None

    @classmethod
    def of(cls, module: Any, suffix: str = "") -> Weights:
        """Reads the weights of a cell, or of the level and direction of a layer that the suffix names (``"_l0_reverse"``)."""
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
        """Returns the width of each part of the state: hidden state, and of an LSTM cell state."""
        hidden = self.w_hh.shape[1]
        return (hidden, self.w_hh.shape[0] // 4) if self.mode == "LSTM" else (hidden,)

    def advance(self, state: State, inputs: Tensor) -> State:
        """Computes the next state of each row.

        Args:
            state: the parts of the state, each ``[row, unit]``.
            inputs: ``[row, feature]``.
        """
        if self.mode == "LSTM":
            return self._advance_lstm(state, inputs)
        cell = {"GRU": torch.gru_cell, "RNN_TANH": torch.rnn_tanh_cell, "RNN_RELU": torch.rnn_relu_cell}[self.mode]
        return (cell(inputs, state[0], self.w_ih, self.w_hh, self.b_ih, self.b_hh),)

    def _advance_lstm(self, state: State, inputs: Tensor) -> State:
        """Computes the next hidden state and cell state of an LSTM."""
        if self.w_hr is None:
            return tuple(torch.lstm_cell(inputs, state, self.w_ih, self.w_hh, self.b_ih, self.b_hh))
        # torch.lstm_cell takes a hidden and a cell state of one width only.
        gates = linear(inputs, self.w_ih, self.b_ih) + linear(state[0], self.w_hh, self.b_hh)
        hidden, cell = _lstm(gates, state[1])
        return linear(hidden, self.w_hr), cell

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
    """Computes the hidden state and the cell state of an LSTM from its gates before their nonlinearities."""
    admit, forget, candidate, output = gates.chunk(4, dim=-1)
    cell = torch.sigmoid(forget) * cell + torch.sigmoid(admit) * torch.tanh(candidate)
    return torch.sigmoid(output) * torch.tanh(cell), cell


def mode_of(module: Any) -> str:
    """Returns which formula a recurrent layer or cell computes: "RNN_TANH", "RNN_RELU", "GRU" or "LSTM"."""
    if isinstance(module, (nn.RNNBase, WeightsCopy)):
        return str(module.mode)
    if isinstance(module, nn.RNNCell):
        return f"RNN_{module.nonlinearity.upper()}"
    return "GRU" if isinstance(module, nn.GRUCell) else "LSTM"


class WeightsCopy(nn.Module):
    """A copy of the weights of one of torch's recurrent layers or cells at one moment, which a stepper takes for the layer itself.

    It can be read in any thread, moved to another device, and pickled, whatever becomes of the layer.

    Args:
        module: the layer or cell, in eval mode, since a parametrization of its weights may change them in training mode.
    """

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.mode: str = mode_of(module)
        self.num_layers: int = getattr(module, "num_layers", 1)
        self.bidirectional: bool = getattr(module, "bidirectional", False)
        self.batch_first: bool = getattr(module, "batch_first", False)
        suffixes = [""]
        if isinstance(module, nn.RNNBase):
            directions = ("", "_reverse") if module.bidirectional else ("",)
            suffixes = [f"_l{level}{direction}" for level in range(module.num_layers) for direction in directions]
        for name, suffix in product(("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"), suffixes):
            value = weight(module, f"{name}{suffix}")
            self.register_buffer(f"{name}{suffix}", None if value is None else value.clone())
