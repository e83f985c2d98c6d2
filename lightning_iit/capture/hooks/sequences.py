"""Which calls of a recurrent cell begin a new sequence."""

from __future__ import annotations

from typing import Any

import torch


def hidden_of(state: Any) -> Any:
    """Returns the hidden state: the first of a tuple or list, or the value itself."""
    return state[0] if isinstance(state, (tuple, list)) else state


def begins_sequence(state: Any, last: Any) -> bool:
    """Returns whether a call begins a new sequence.

    Args:
        state: the state that the call was given; None for none.
        last: the hidden state that the last call of the step returned; None before the first call.
    """
    hidden = hidden_of(state)
    if not isinstance(hidden, torch.Tensor) or last is None:
        return True
    if hidden is last:
        return False
    # A state with a gradient was computed, so it is taken to be the cell's last state, masked or normalised on the way.
    if torch.is_grad_enabled():
        return not hidden.requires_grad
    # Without gradients only zeros or another shape show a start. The test for zeros waits for a GPU, but never in training.
    return hidden.shape != last.shape or not bool(hidden.any())
