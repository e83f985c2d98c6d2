"""The order in which a data loader gives its samples: that of its data set, or another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch.utils.data import BatchSampler, DistributedSampler, IterableDataset, RandomSampler, SequentialSampler


def order_in_words(loader: Any) -> str:
    """Returns how the samples are ordered, to follow "the data are"; empty where they come in the order of the data set.

    A sampler that is not known counts as another order: it cannot be asked without a change of its state. Where nothing says how
    samples are ordered (an iterable data set, a loader that is no ``DataLoader``), the order counts as that of the data set.

    Args:
        loader: the trainer's ``train_dataloader``: one loader, or a collection of several.

    Example:
        >>> from torch.utils.data import DataLoader
        >>> order_in_words(DataLoader([0, 1, 2], shuffle=True)), order_in_words(DataLoader([0, 1, 2]))
        ('shuffled', '')
    """
    loaders = list(_loaders(loader))
    if len(loaders) > 1:
        return f"taken in turn from {len(loaders)} loaders"
    return "".join(map(_of_loader, loaders))


def _loaders(given: Any) -> list[Any]:
    """Returns the loaders in a collection of loaders."""
    given = getattr(given, "iterables", getattr(given, "loaders", given))  # of a CombinedLoader, whose field was renamed
    if isinstance(given, Mapping):
        return [loader for part in given.values() for loader in _loaders(part)]
    if isinstance(given, (list, tuple)):
        return [loader for part in given for loader in _loaders(part)]
    return [] if given is None else [given]


def _of_loader(loader: Any) -> str:
    if isinstance(getattr(loader, "dataset", None), IterableDataset):
        return ""
    batches = getattr(loader, "batch_sampler", None)
    if isinstance(batches, BatchSampler) and type(batches).__iter__ is BatchSampler.__iter__:
        return _of_sampler(batches.sampler)
    if batches is not None:  # Lightning's wrapper of a batch sampler has the class of the wrapped one in its bases
        return f"in batches of a {type(batches).__name__}"
    return _of_sampler(getattr(loader, "sampler", None))


def _of_sampler(sampler: Any) -> str:
    if sampler is None or (isinstance(sampler, SequentialSampler) and type(sampler).__iter__ is SequentialSampler.__iter__):
        return ""
    if isinstance(sampler, RandomSampler) or getattr(sampler, "shuffle", False) is True:
        return "shuffled"
    if isinstance(sampler, DistributedSampler) and type(sampler).__iter__ is DistributedSampler.__iter__:
        return ""
    if isinstance(sampler, Sequence) and all(isinstance(index, int) for index in sampler) and sorted(sampler) == list(sampler):
        return ""
    return f"in the order of a {type(sampler).__name__}"
