"""A pass of a module in eval mode over a fixed set of inputs, while its layers are watched: only the model changes between passes.

The same function serves a probe at the end of each epoch and the analysis of a model that is not in training.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils.data import DataLoader, DistributedSampler, RandomSampler, SubsetRandomSampler, WeightedRandomSampler

from lightning_iit.capture.preserved import preserved, silence
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.watch.synchronized import synchronized_steps

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.watch.watch import Watch

    Loader: TypeAlias = DataLoader[Any]
else:
    Loader = DataLoader  # LightningCLI reads no class with parameters

_RANDOM = (RandomSampler, SubsetRandomSampler, WeightedRandomSampler)


def fixed_inputs(loader: Any, name: str) -> Iterable[Any]:
    """Checks that a loader gives the same batches in the same order each time, and returns an object to read the batches from.

    Args:
        loader: a DataLoader, or a list of batches.
        name: the name of the inputs, for error messages.

    Returns:
        What :func:`own_reader` returns.

    Raises:
        InvalidArgumentError: the loader shuffles, can be read only once, or cannot be read at all.
    """
    _check_fixed(loader, name)
    return own_reader(loader)


def own_reader(loader: Iterable[Any]) -> Iterable[Any]:
    """Returns an object to read the batches of a loader from.

    This is the loader itself; or a copy of a DataLoader with an iterator of its own, since training may be reading the same loader,
    and persistent workers serve one reader only.
    """
    if not isinstance(loader, DataLoader):
        return loader
    reader = copy.copy(loader)
    reader._iterator = None
    return reader


def checked_probe(name: str, probe: Any) -> Any:
    """Returns what the option ``probe`` was given: fixed inputs, see :func:`fixed_inputs`, or None."""
    if probe is not None:
        _check_fixed(probe, name)
    return probe


def _check_fixed(loader: Any, name: str) -> None:
    """Raises InvalidArgumentError for a loader that shuffles, can be read only once, or cannot be read at all."""
    if isinstance(loader, (torch.Tensor, np.ndarray)):
        shape = tuple(loader.shape)
        msg = (
            f"{name}: got one {type(loader).__name__} of shape {shape}, which is a single batch; give a list of batches, as [x] is."
        )
        raise InvalidArgumentError(msg)
    if not isinstance(loader, Iterable) or isinstance(loader, (str, bytes, Mapping)):
        msg = f"{name}: got a {type(loader).__name__}; give a DataLoader, or a list of batches."
        raise InvalidArgumentError(msg)
    if isinstance(loader, Iterator):
        msg = f"{name}: a {type(loader).__name__} can be read only once; give a DataLoader, or a list of batches."
        raise InvalidArgumentError(msg)
    samplers = (getattr(loader, "sampler", None), getattr(getattr(loader, "batch_sampler", None), "sampler", None))
    for sampler in samplers:
        if isinstance(sampler, _RANDOM) or (isinstance(sampler, DistributedSampler) and sampler.shuffle):
            msg = (
                f"{name}: the loader shuffles ({type(sampler).__name__}), and a fixed set of inputs has a fixed order; give a "
                "DataLoader with shuffle=False, or a list of batches."
            )
            raise InvalidArgumentError(msg)


def call_with(module: nn.Module, batch: Any) -> Any:
    """Calls a module with the inputs in a batch: a tensor itself, the first element of a tuple or list, a mapping as keywords."""
    if isinstance(batch, Mapping):
        return module(**batch)
    if isinstance(batch, (tuple, list)) and not isinstance(batch, PackedSequence):
        return module(batch[0])
    return module(batch)


def watch_pass(
    module: nn.Module,
    loader: Iterable[Any],
    watch: Watch,
    *,
    name: str,
    seed: int,
    move: Callable[[Any], Any],
    context: Callable[[], AbstractContextManager[Any]] = nullcontext,
    counts: bool = True,
    initial: bool = False,
) -> tuple[LayerEpoch, ...]:
    """Runs a module over a loader as one epoch of a watch that is attached to the module, and restores the module afterwards.

    Every pass begins with the same random states, so that random augmentation, or sampling in the model, is the same in each pass.
    Under ``torch.distributed`` every rank must call this function; where one rank fails or has no more batches, the pass ends on
    all ranks.

    Args:
        module: called as :func:`call_with` says.
        loader: gives the batches.
        watch: the watch, attached to the module.
        name: the name of the inputs, for the notes.
        seed: the seed of the random states.
        move: takes a batch and returns the batch on the module's device.
        context: makes the context in which the module is called (precision).
        counts: False on ranks whose calls are not counted.
        initial: whether the network is untrained.

    Returns:
        The capture of each layer. Where the pass failed, every capture has the failure as its problem.
    """

    def batches() -> Iterator[Any]:
        # The epoch is begun in here too, since an exception at its start on one rank must end the pass on all ranks.
        watch.begin_epoch(_length(loader), initial=initial)
        seed_all(seed)
        silence(module)
        yield from map(move, loader)

    def call(batch: Any, _index: int) -> None:
        with context():
            call_with(module, batch)

    with preserved(module, loader):
        steps, fault = synchronized_steps(watch, batches(), call, counts=counts)
    note = f"Inputs: {name} of {steps} batch{'' if steps == 1 else 'es'}, run in eval mode."
    return tuple(_told(layer, note, name, fault) for layer in watch.end_epoch())


def probe_pass(
    trainer: Trainer, module: LightningModule, inputs: Iterable[Any], watch: Watch, *, seed: int, initial: bool
) -> tuple[LayerEpoch, ...]:
    """Runs the module of a training over a fixed probe; see :func:`watch_pass`. Of several ranks the calls of the first count."""
    plugin = trainer.precision_plugin
    return watch_pass(
        *(module, inputs, watch),
        name="a fixed probe",
        seed=seed,
        move=lambda batch: trainer.strategy.batch_to_device(plugin.convert_input(batch), dataloader_idx=0),
        context=plugin.val_step_context,
        counts=trainer.is_global_zero,
        initial=initial,
    )


def _told(layer: LayerEpoch, note: str, name: str, fault: str | None) -> LayerEpoch:
    """Returns the capture with a note on the inputs, and with a problem in the words of a pass over inputs."""
    problem = layer.problem
    if fault is not None:
        problem = "capture_error", f"The model could not be run on {name}: {fault}."
    elif problem is not None and problem[0] == "layer_not_called":
        problem = problem[0], f"Layer {layer.layer!r} was not called when the model's forward was run on {name}."
    groups = tuple(_told(group, note, name, fault) for group in layer.groups)
    return replace(layer, notes=(note, *layer.notes), problem=problem, groups=groups)


def _length(loader: Any) -> float:
    """Returns the number of batches of a loader; infinite where not known."""
    try:
        return len(loader)
    except TypeError:  # the length of an iterable dataset is not known
        return float("inf")


def seed_all(seed: int) -> None:
    """Sets all random states (inside ``preserved``, which restores them).

    Does not call torch.manual_seed, which would also seed a CUDA that is not in use yet.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  transforms of a data set may draw from the global state
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(seed)
