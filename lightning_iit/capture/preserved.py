"""Running a module beside its training so that the run leaves no trace in the module."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from lightning.fabric.utilities.seed import _collect_rng_states, _set_rng_states
from lightning.pytorch.utilities import rank_zero_warn
from torch import nn

from lightning_iit.capture.held import Held

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    for holder in (loader, *_samplers(loader)):
        generator = getattr(holder, "generator", None)
        if isinstance(generator, torch.Generator):
            yield generator


@contextmanager
def preserved(module: nn.Module, loader: object = None) -> Iterator[None]:
    """Sets a module to eval mode without gradients, and restores afterwards all that a run of the module can change.

    What is restored is told in :class:`~lightning_iit.capture.held.Held`; the samplers of the loader are restored in the same way,
    and so is every random state, see :func:`preserved_randomness`. The values of parameters are not saved, since a run without
    gradients leaves them as they are.

    Args:
        module: the module that is run inside the context.
        loader: the data loader that is read inside the context; None for no loader.
    """
    held = Held(module, *_samplers(loader))
    with preserved_randomness(loader):
        try:
            with torch.no_grad():
                module.eval()
                yield
        finally:
            put_all_back(held)


def put_all_back(held: Held) -> None:
    """Restores all that is held; warns where a tensor has changed that was too large to be held."""
    held.put_back()
    if held.lost:
        rank_zero_warn(
            f"IITCallback: running the model beside its training changed {held.lost} tensor(s) of more than 64 MiB among its plain "
            "attributes, which were not kept and are not restored: training is no longer the same. Register such a tensor as a "
            "buffer (register_buffer): then it is restored."
        )


def _samplers(loader: object) -> Iterator[object]:
    """Yields the samplers of a data loader, which may have an order or a random generator of their own."""
    batch_sampler = getattr(loader, "batch_sampler", None)
    for sampler in (getattr(loader, "sampler", None), batch_sampler, getattr(batch_sampler, "sampler", None)):
        if hasattr(sampler, "__dict__"):
            yield sampler
