"""Running a module at the side of its training without leaving a trace in it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from lightning.fabric.utilities.seed import _collect_rng_states, _set_rng_states
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator


def unwrapped(module: nn.Module) -> nn.Module:
    """The module itself where torch.compile has wrapped it: its hooks and weights are there, and a step need not be compiled."""
    inner = getattr(module, "_orig_mod", module)
    return inner if isinstance(inner, nn.Module) else module


@contextmanager
def untouched(module: nn.Module) -> Iterator[None]:
    """Eval mode and no gradients inside; afterwards all that running the module could have changed is as it was.

    That is the mode of each submodule, the values of all buffers (running statistics among them) and the random states of
    Python, NumPy and torch (CUDA too). Gradients are not touched, since none are made.
    """
    modes = [(part, part.training) for part in module.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    randomness = _collect_rng_states(include_cuda=torch.cuda.is_initialized())  # type: ignore[no-untyped-call]
    try:
        with torch.no_grad():
            module.eval()
            yield
    finally:
        _set_rng_states(randomness)
        for part, training in modes:
            part.training = training
        with torch.no_grad():
            for buffer, value in buffers:
                if not torch.equal(buffer, value):
                    buffer.copy_(value)
