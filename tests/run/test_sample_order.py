"""The warning of a stream in another order than the data set's: for every sampler that is not known to be sequential."""

from __future__ import annotations

import warnings

import pytest
from lightning.pytorch.utilities import CombinedLoader
from models import Mlp, flat_data
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from training import train, trainer

from lightning_iit import IITCallback
from lightning_iit.run.run import FewTransitionsWarning
from lightning_iit.run.trainer import ShuffledStreamWarning

DATA = flat_data().dataset


class Backwards(Sampler):
    def __iter__(self):
        return iter(range(len(DATA) - 1, -1, -1))

    def __len__(self):
        return len(DATA)


class BackwardsBatches(Backwards):
    def __iter__(self):
        return iter([list(range(start, start + 20)) for start in range(180, -1, -20)])

    def __len__(self):
        return 10


class LikeSequential(SequentialSampler):
    def __iter__(self):
        return iter(Backwards())


class Stream(IterableDataset):
    def __iter__(self):
        return iter(DATA)


def with_sampler(sampler) -> DataLoader:
    return DataLoader(DATA, 32, sampler=sampler)


OTHER = {
    "random": lambda: with_sampler(RandomSampler(DATA)),
    "weighted": lambda: with_sampler(WeightedRandomSampler([1.0] * 200, 200)),
    "subset": lambda: with_sampler(SubsetRandomSampler(range(200))),
    "custom": lambda: with_sampler(Backwards()),
    "subclass": lambda: with_sampler(LikeSequential(DATA)),
    "list": lambda: with_sampler(list(range(199, -1, -1))),
    "distributed": lambda: with_sampler(DistributedSampler(DATA, 1, 0, shuffle=True)),
    "batches": lambda: DataLoader(DATA, batch_sampler=BackwardsBatches()),
    "batches of a random sampler": lambda: DataLoader(DATA, batch_sampler=BatchSampler(RandomSampler(DATA), 32, drop_last=False)),
    "no batches": lambda: DataLoader(DATA, batch_size=None, sampler=BatchSampler(RandomSampler(DATA), 32, drop_last=False)),
    "several": lambda: CombinedLoader([flat_data(), flat_data(seed=1)], "max_size_cycle"),
    "one of a dict": lambda: {"x": with_sampler(Backwards())},
}
IN_ORDER = {
    "sequential": flat_data,
    "range": lambda: with_sampler(range(200)),
    "distributed": lambda: with_sampler(DistributedSampler(DATA, 1, 0, shuffle=False)),
    "batches": lambda: DataLoader(DATA, batch_sampler=BatchSampler(SequentialSampler(DATA), 32, drop_last=False)),
    "iterable": lambda: DataLoader(Stream(), 32),
    "one": lambda: [flat_data()],
}


def order_warnings(folder, loader) -> list[str]:
    """What is said of the order when an MLP is trained on the loader."""

    class Unpacking(Mlp):
        def training_step(self, batch, number):
            while isinstance(batch, dict) or isinstance(batch[0], (list, tuple)):
                batch = batch["x"] if isinstance(batch, dict) else batch[0]
            return super().training_step(batch, number)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        callback = IITCallback("net.1", units=2, initial=False, null_model=None, table=False)
        trainer(folder, callback, epochs=1).fit(Unpacking(), loader)
    return [str(one.message) for one in seen if one.category is ShuffledStreamWarning]


@pytest.mark.parametrize("name", OTHER)
def test_another_order_is_said(tmp_path, name):
    (said,) = order_warnings(tmp_path, OTHER[name]())
    assert "not about time" in said


@pytest.mark.parametrize("name", IN_ORDER)
def test_the_order_of_the_data_is_not(tmp_path, name):
    assert order_warnings(tmp_path, IN_ORDER[name]()) == []


def test_a_number_of_units_that_was_chosen_here_is_not_warned_of(tmp_path, caplog):
    with warnings.catch_warnings(record=True) as seen, caplog.at_level("INFO"):
        warnings.simplefilter("always")
        train(tmp_path, units="auto", data=flat_data(40), epochs=1, initial=False)
    assert not [one for one in seen if one.category is FewTransitionsWarning]
    assert "fewer than 100 for each" in caplog.text
