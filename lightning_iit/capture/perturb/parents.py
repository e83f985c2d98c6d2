"""Finding out whether a subclass of a recurrent layer of torch computes what its parent computes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lightning_iit.capture.preserved import preserved

_OF_TORCH = (nn.RNN, nn.GRU, nn.LSTM, nn.RNNCell, nn.GRUCell, nn.LSTMCell)
_TRIALS = 2
"""How often both are run; a module that carries a state from call to call differs from its parent at the second call."""


def leaves_forward_to_torch(module: nn.Module) -> bool:
    """Returns whether a module is torch's recurrent layer or cell, or a subclass that gives the same results.

    A subclass may have a ``forward`` of its own, with more arguments for instance, that leaves the computation to the parent's.
    Both are run on the same small random inputs, with and without a first state, in eval mode and without a trace in the module. A
    module that cannot be called so is taken for one that computes something else.
    """
    parent = next((kind for kind in type(module).__mro__ if kind in _OF_TORCH), None)
    if parent is None or type(module).forward is parent.forward:
        return parent is not None
    try:
        with preserved(module):
            return all(_agrees(module, parent, seed=trial) for trial in range(_TRIALS))
    except Exception:  # noqa: BLE001  a forward of someone else's making may raise anything
        return False


def _agrees(module: Any, parent: Any, *, seed: int) -> bool:
    """Runs the module's and its parent's ``forward`` on the same inputs, and returns whether the results are the same."""
    weight = next(module.parameters())
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(2, 2, module.input_size, generator=generator).to(weight)
    if isinstance(module, nn.RNNCellBase):
        inputs = inputs[0]
    expected = parent.forward(module, inputs)
    following = expected[1] if isinstance(module, nn.RNNBase) else expected
    again = parent.forward(module, inputs, following)
    mine = type(module).forward
    return _same(mine(module, inputs), expected) and _same(mine(module, inputs, following), again)


def _same(one: Any, other: Any) -> bool:
    if isinstance(other, Tensor):
        return isinstance(one, Tensor) and one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, atol=1e-6)
    alike = isinstance(one, (tuple, list)) and len(one) == len(other)
    return alike and all(map(_same, one, other))
