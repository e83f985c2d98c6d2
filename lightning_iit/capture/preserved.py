"""Running a module beside its training so that the run leaves no trace in the module."""

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
    """Returns the module inside a wrapper of ``torch.compile``, or the module itself where there is no wrapper.

    The inner module has the hooks and the weights, and runs without a compiler.
    """
    inner = getattr(module, "_orig_mod", module)
    return inner if isinstance(inner, nn.Module) else module


def silence(module: nn.Module) -> None:
    """Makes a LightningModule (of either Lightning package) log nothing from now on.

    Other modules are left as they are. Inside :func:`preserved` the silence ends with the context.
    """
    logger: Any = module
    # Recognised by its attributes, since lightning.pytorch and pytorch_lightning each have a class of their own.
    if hasattr(module, "_current_fx_name") and all(callable(getattr(module, name, None)) for name in ("log", "log_dict")):
        logger.log = logger.log_dict = _log_nothing


def _log_nothing(*_args: Any, **_kwargs: Any) -> None:
    return None


@contextmanager
def preserved_randomness(loader: object = None) -> Iterator[None]:
    """Restores afterwards every random state that reading batches and running a model can change.

    These are the random states of Python, NumPy and torch (CUDA too, where it is in use), and of the generators that the data
    loader or its samplers hold.

    Args:
        loader: the data loader whose generators are restored; None for no loader.
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
    """Yields the random generators of a data loader and of its samplers."""
    batch_sampler = getattr(loader, "batch_sampler", None)
    for holder in (loader, getattr(loader, "sampler", None), batch_sampler, getattr(batch_sampler, "sampler", None)):
        generator = getattr(holder, "generator", None)
        if isinstance(generator, torch.Generator):
            yield generator


@contextmanager
def preserved(module: nn.Module, loader: object = None) -> Iterator[None]:
    """Sets a module to eval mode without gradients, and restores afterwards all that a run of the module can change.

    Restored are, for each submodule: the training mode; the plain attributes (e.g. a state that is carried from call to call) and
    the contents of attributes that are lists, dicts, sets or deques, also when nested; the values of the buffers (e.g. running
    statistics) and of the states of torchmetrics. Every random state is restored too, see :func:`preserved_randomness`. Parameters
    and gradients are not saved, since a run without gradients leaves both as they are.

    Args:
        module: the module that is run inside the context.
        loader: the data loader that is read inside the context; None for no loader.
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
    """Holds the mode, the attributes, the buffers and the metric states of one module, without its submodules, at one moment."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._training = module.training
        self._attributes = dict(vars(module))
        self._buffers = dict(module.named_buffers(recurse=False, remove_duplicate=False))
        self._values = [(tensor, tensor.clone()) for tensor in (*self._buffers.values(), *_metric_states(module))]
        self._contents = [(each, list(_items(each))) for each in _containers(self._attributes)]

    def put_back(self) -> None:
        """Restores the held contents in the module."""
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
    """Yields the tensor states of a ``torchmetrics.Metric``, which torch does not list as buffers."""
    for name in getattr(module, "_defaults", ()):
        state = getattr(module, name, None)
        if isinstance(state, Tensor):
            yield state


_OF_TORCH = frozenset(vars(nn.Module()))
"""Names of the attributes that every module has (parameters, submodules, hooks). Whoever adds a hook also removes the hook."""


def _containers(attributes: Mapping[str, Any]) -> Iterator[Any]:
    """Yields the lists, dicts, sets and deques among a module's own attributes, and those nested in them, each once."""
    seen: set[int] = set()
    waiting = [value for name, value in attributes.items() if name not in _OF_TORCH]
    while waiting:
        value = waiting.pop()
        if isinstance(value, (list, dict, set, deque)) and id(value) not in seen:
            seen.add(id(value))
            yield value
            waiting.extend(value.values() if isinstance(value, dict) else value)


def _items(container: Any) -> Iterable[Any]:
    """Returns the items of a container: key and value pairs of a dict, else the elements."""
    return container.items() if isinstance(container, dict) else container


def _refill(container: Any, items: list[Any]) -> None:
    """Restores the items of a container if they have changed (compared by identity: ``==`` of tensors is no truth value)."""
    now = list(_items(container))
    if isinstance(container, dict):
        flat_now, flat_then = ([part for pair in pairs for part in pair] for pairs in (now, items))
    else:
        flat_now, flat_then = now, items
    if len(flat_now) == len(flat_then) and all(map(is_, flat_now, flat_then)):
        return
    container.clear()
    (container.extend if isinstance(container, (list, deque)) else container.update)(items)
