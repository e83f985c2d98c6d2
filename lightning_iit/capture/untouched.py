"""Running a module at the side of its training without leaving a trace in it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from lightning.fabric.utilities.seed import _collect_rng_states, _set_rng_states
from lightning.pytorch import LightningModule
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator


def unwrapped(module: nn.Module) -> nn.Module:
    """The module itself where torch.compile has wrapped it: its hooks and weights are there, and a step need not be compiled."""
    inner = getattr(module, "_orig_mod", module)
    return inner if isinstance(inner, nn.Module) else module


def silence(module: nn.Module) -> None:
    """Has a LightningModule log nothing from now on (within ``untouched``: until its end)."""
    if isinstance(module, LightningModule):
        module.log = module.log_dict = _log_nothing  # type: ignore[method-assign]


def _log_nothing(*_args: Any, **_kwargs: Any) -> None:
    return None


@contextmanager
def untouched_randomness(loader: object = None) -> Iterator[None]:
    """Puts back afterwards every random state that reading batches and running a model can move.

    These are the states of Python, NumPy and torch (CUDA too), and of the generators that a data loader or its samplers hold.
    """
    held = [(generator, generator.get_state()) for generator in _generators(loader)]
    randomness = _collect_rng_states(include_cuda=torch.cuda.is_initialized())  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        _set_rng_states(randomness)
        for generator, state in held:
            generator.set_state(state)


def _generators(loader: object) -> Iterator[torch.Generator]:
    batch_sampler = getattr(loader, "batch_sampler", None)
    for holder in (loader, getattr(loader, "sampler", None), batch_sampler, getattr(batch_sampler, "sampler", None)):
        generator = getattr(holder, "generator", None)
        if isinstance(generator, torch.Generator):
            yield generator


@contextmanager
def untouched(module: nn.Module, loader: object = None) -> Iterator[None]:
    """Eval mode and no gradients inside; afterwards all that running the module could have changed is as it was.

    That is the mode and the plain attributes of each submodule (a state that is carried from call to call), the values of all
    buffers (running statistics among them) and of the states of metrics, and every random state, the loader's too. Gradients are
    not touched, since none are made.
    """
    held = [_Held(part) for part in module.modules()]
    with untouched_randomness(loader):
        try:
            with torch.no_grad():
                module.eval()
                yield
        finally:
            for part in held:
                part.put_back()


class _Held:
    """What a module without its submodules and parameters is at a moment."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._training = module.training
        self._attributes = dict(vars(module))
        self._buffers = dict(module.named_buffers(recurse=False, remove_duplicate=False))
        self._values = [(tensor, tensor.clone()) for tensor in (*self._buffers.values(), *_metric_states(module))]

    def put_back(self) -> None:
        vars(self._module).clear()
        vars(self._module).update(self._attributes)
        self._module.training = self._training
        for name, buffer in self._buffers.items():
            if getattr(self._module, name) is not buffer:
                setattr(self._module, name, buffer)
        with torch.no_grad():
            for tensor, value in self._values:
                if not torch.equal(tensor, value):
                    tensor.copy_(value)


def _metric_states(module: object) -> Iterator[Tensor]:
    """The states of a torchmetrics.Metric are tensors, but no buffers."""
    for name in getattr(module, "_defaults", ()):
        state = getattr(module, name, None)
        if isinstance(state, Tensor):
            yield state
