"""A pass of the untrained network over the first batches, which changes nothing in the training that follows."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any

from lightning.pytorch.utilities import rank_zero_warn
from lightning.pytorch.utilities.data import extract_batch_size
from torch.utils.data import DataLoader, IterableDataset

from lightning_iit.capture.preserved import preserved_randomness, silence
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.watch.synchronized import synchronized_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning.pytorch import LightningModule, Trainer
    from torch import nn

    from lightning_iit.watch.watch import Watch


def copy_without_trainer(module: nn.Module, trainer: object) -> nn.Module:
    """Makes a deep copy of a LightningModule that shares no tensor with the module, has no trainer, and logs nothing.

    Whatever the copy changes in its ``training_step`` (running statistics, metrics, counters) stays in the copy.

    Args:
        module: the LightningModule.
        trainer: the trainer of the module; the copy has None in its place.
    """
    twin = copy.deepcopy(module, {id(trainer): None})
    silence(twin)
    return twin


def first_batches(loader: object) -> Iterator[Any]:
    """Yields the batches of a data loader, made in this process and without the loader's workers.

    Raises:
        InvalidArgumentError: the loader is not one ``DataLoader`` over a map-style dataset; reading ahead would use up its data.
    """
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        msg = (
            f"the training data come from {type(loader).__name__}"
            f"{' over an IterableDataset' if isinstance(loader, DataLoader) else ''}, which cannot be read ahead"
        )
        raise InvalidArgumentError(msg)
    dataset: Any = loader.dataset
    if loader.batch_sampler is None:
        for index in loader.sampler:
            yield loader.collate_fn(dataset[index])
        return
    for indices in loader.batch_sampler:
        fetch = getattr(dataset, "__getitems__", None)
        yield loader.collate_fn(fetch(indices) if fetch else [dataset[index] for index in indices])


def watch_untrained(trainer: Trainer, module: LightningModule, watch: Watch, *, samples: int) -> bool:
    """Runs ``training_step`` of a copy of the module on the first batches, while the copy is watched.

    Every rank must call this function. An exception in the pass ends the pass and becomes a warning.

    Args:
        trainer: the trainer, at the start of its training.
        module: the untrained module, which is copied. The module, all random states and the data loader stay as they are.
        watch: the watch, which is attached to the copy and detached at the end.
        samples: the pass ends once more samples than this were read; at the latest after one epoch.

    Returns:
        Whether the epoch can be ended with ``watch.end_epoch()``, the same on all ranks. If not, a warning has given the reason.
    """
    loader = trainer.train_dataloader
    twin: Any = None

    def batches() -> Iterator[Any]:
        # The copy is made in here too, since an exception in the copying on one rank must end the pass on all ranks.
        nonlocal twin
        twin = copy_without_trainer(module, trainer)
        watch.attach(twin)
        watch.begin_epoch(trainer.num_training_batches, initial=True)
        yield from _enough(trainer, loader, samples)

    def call(batch: Any, index: int) -> None:
        with trainer.precision_plugin.train_step_context():
            twin.training_step(batch, index)

    try:
        with preserved_randomness(loader), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, fault = synchronized_steps(watch, batches(), call)
    finally:
        watch.detach()
    if fault is not None:
        rank_zero_warn(f"IITCallback(initial=True): the untrained network was not analysed, since {fault}.")
    return fault is None


def _enough(trainer: Trainer, loader: object, samples: int) -> Iterator[Any]:
    """Yields the first batches, on the device, until more than ``samples`` samples were read; at most one epoch."""
    seen = 0
    for index, batch in enumerate(first_batches(loader)):
        if index >= trainer.num_training_batches or seen > samples:
            return
        seen += extract_batch_size(batch)
        yield trainer.strategy.batch_to_device(batch, dataloader_idx=0)
