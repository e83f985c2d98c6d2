"""Running a module at the side of its training without leaving a trace in it."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from operator import is_
from typing import TYPE_CHECKING, Any

import torch
from lightning.fabric.utilities.seed import _collect_rng_states, _set_rng_states
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def unwrapped(module: nn.Module) -> nn.Module:
    """The module itself where torch.compile has wrapped it: its hooks and weights are there, and a step need not be compiled."""
    inner = getattr(module, "_orig_mod", module)
    return inner if isinstance(inner, nn.Module) else module


def silence(module: nn.Module) -> None:
    """Has a LightningModule, of either package, log nothing from now on (within ``preserved``: until its end)."""
    logger: Any = module
    # By what it has: lightning.pytorch and pytorch_lightning have each a class of their own.
    if hasattr(module, "_current_fx_name") and all(callable(getattr(module, name, None)) for name in ("log", "log_dict")):
        logger.log = logger.log_dict = _log_nothing


def _log_nothing(*_args: Any, **_kwargs: Any) -> None:
    return None


@contextmanager
def preserved_randomness(loader: object = None) -> Iterator[None]:
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
def preserved(module: nn.Module, loader: object = None) -> Iterator[None]:
    """Eval mode and no gradients inside; afterwards all that running the module could have changed is as it was.

    That is the mode and the plain attributes of each submodule (a state that is carried from call to call), what is in those that
    are lists, dicts, sets or deques (also within one another), the values of all buffers (running statistics among them) and of
    the states of metrics, and every random state, the loader's too. Gradients are not touched, since none are made.
    """
    held = [_Held(part) for part in module.modules()]
    with preserved_randomness(loader):
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
        self._contents = [(each, list(_items(each))) for each in _containers(self._attributes)]

    def put_back(self) -> None:
        vars(self._module).clear()
        vars(self._module).update(self._attributes)
        self._module.training = self._training
        for container, items in self._contents:
            _refill(container, items)
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


_OF_TORCH = frozenset(vars(nn.Module()))
"""Attributes of every module: its parts and its hooks, which whoever puts them on takes off again."""


def _containers(attributes: Mapping[str, Any]) -> Iterator[Any]:
    """The lists, dicts, sets and deques among the attributes, and those in them, each once."""
    seen: set[int] = set()
    waiting = [value for name, value in attributes.items() if name not in _OF_TORCH]
    while waiting:
        value = waiting.pop()
        if isinstance(value, (list, dict, set, deque)) and id(value) not in seen:
            seen.add(id(value))
            yield value
            waiting.extend(value.values() if isinstance(value, dict) else value)


def _items(container: Any) -> Iterable[Any]:
    return container.items() if isinstance(container, dict) else container


def _refill(container: Any, items: list[Any]) -> None:
    """Puts back what was in it, if it is something else by now (told by identity: tensors are not to be compared)."""
    now = list(_items(container))
    if isinstance(container, dict):
        flat_now, flat_then = ([part for pair in pairs for part in pair] for pairs in (now, items))
    else:
        flat_now, flat_then = now, items
    if len(flat_now) == len(flat_then) and all(map(is_, flat_now, flat_then)):
        return
    container.clear()
    (container.extend if isinstance(container, (list, deque)) else container.update)(items)
