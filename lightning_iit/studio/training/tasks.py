"""Tasks whose data are drawn, with a seed of their own: the same data for every network."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, TensorDataset

from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from lightning_iit.studio.training.shape import Shape

Samples: TypeAlias = tuple[TensorDataset, TensorDataset]
"""Inputs and answers to train on, and those that are held out."""
_HELD_OUT = 0.2
"""The share of drawn samples that is held out."""
_MOST = 100_000
"""The most samples, steps, symbols and so on."""


class Task(LightningDataModule):
    """Has the data of a task.

    Args:
        shape: what it asks of a network.
        batch_size: how many samples a batch has.
    """

    def __init__(self, shape: Shape, batch_size: int) -> None:
        super().__init__()
        check_whole("batch_size", batch_size, 1)
        self.shape: Shape = shape
        self.batch_size: int = batch_size
        self._samples: Samples | None = None

    @abstractmethod
    def samples(self) -> Samples:
        """Returns the data."""

    def setup(self, stage: str) -> None:
        """Loads the data, once."""
        del stage
        if self._samples is None:
            self._samples = self.samples()

    def train_dataloader(self) -> DataLoader[Any]:
        """Returns the batches to train on, in another order in each epoch."""
        return DataLoader(self._loaded()[0], self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        """Returns the batches that are held out."""
        return DataLoader(self._loaded()[1], 256)

    def _loaded(self) -> Samples:
        """Returns the data, which are loaded where they are not yet."""
        self.setup("fit")
        assert self._samples is not None
        return self._samples


class DelayedCopy(Task):
    """Shows some symbols, waits, and asks for them in their order.

    Args:
        length: how many symbols are shown.
        delay: how many steps are between the last symbol and the first answer.
        symbols: how many symbols there are.
        samples: how many sequences there are; a fifth of them is held out.
        batch_size: how many sequences a batch has.
    """

    def __init__(self, length: int = 2, delay: int = 4, symbols: int = 4, samples: int = 2000, batch_size: int = 32) -> None:
        check_whole("length", length, 1)
        check_whole("delay", delay, 0)
        check_whole("symbols", symbols, 2)
        check_whole("samples", samples, 10)
        steps = 2 * length + delay
        super().__init__(shape_of(symbols + 2, steps, outputs=symbols, answers=length, tokens=True), batch_size)
        self._length, self._symbols, self._many = length, symbols, samples

    def samples(self) -> Samples:
        """Returns token sequences: the symbols from 2 on, 0 for nothing, and 1 where the first answer is asked for."""
        shown = torch.randint(self._symbols, (self._many, self._length), generator=_drawn())
        tokens = torch.zeros(self._many, self.shape["steps"], dtype=torch.int64)
        tokens[:, : self._length] = shown + 2
        tokens[:, -self._length] = 1
        return parted(tokens, shown)


class Parity(Task):
    """Shows bits, and asks at each step whether the number of ones so far is odd.

    Args:
        steps: how many bits a sequence has.
        samples: how many sequences there are; a fifth of them is held out.
        batch_size: how many sequences a batch has.
    """

    def __init__(self, steps: int = 8, samples: int = 2000, batch_size: int = 32) -> None:
        check_whole("steps", steps, 2)
        check_whole("samples", samples, 10)
        super().__init__(shape_of(1, steps, outputs=2, answers=steps), batch_size)
        self._many = samples

    def samples(self) -> Samples:
        """Returns bits and their running parity."""
        bits = torch.randint(2, (self._many, self.shape["steps"]), generator=_drawn())
        return parted(bits.unsqueeze(2).float(), bits.cumsum(1) % 2)


class Adding(Task):
    """Shows numbers from 0 to 1, two of them marked, and asks for the sum of these two (the adding problem).

    An answer counts as right where it is off by at most 0.04.

    Args:
        steps: how many numbers a sequence has.
        samples: how many sequences there are; a fifth of them is held out.
        batch_size: how many sequences a batch has.
    """

    def __init__(self, steps: int = 10, samples: int = 4000, batch_size: int = 32) -> None:
        check_whole("steps", steps, 2)
        check_whole("samples", samples, 10)
        super().__init__(shape_of(2, steps, outputs=0), batch_size)
        self._many = samples

    def samples(self) -> Samples:
        """Returns [sequence, step, (number, mark)] and the sums; one number is marked in each half."""
        drawn, steps = _drawn(), self.shape["steps"]
        numbers, marks = torch.rand(self._many, steps, generator=drawn), torch.zeros(self._many, steps)
        middle, rows = steps // 2, torch.arange(self._many)
        marks[rows, torch.randint(middle, (self._many,), generator=drawn)] = 1.0
        marks[rows, middle + torch.randint(steps - middle, (self._many,), generator=drawn)] = 1.0
        return parted(torch.stack((numbers, marks), 2), (numbers * marks).sum(1, keepdim=True))


class ModularAddition(Task):
    """Shows two numbers below p, and asks for their sum modulo p; some pairs are never shown in training.

    Networks often know the pairs they were shown long before they know the others (Power et al. 2022).

    Args:
        p: the modulus.
        shown: the share of all p² pairs that is trained on.
        batch_size: how many pairs a batch has.
    """

    def __init__(self, p: int = 23, shown: float = 0.7, batch_size: int = 32) -> None:
        check_whole("p", p, 2)
        if not 0.05 <= shown <= 0.95 or p > 200:
            msg = f"p={p}, shown={shown}: give a modulus up to 200, and a share from 0.05 to 0.95."
            raise InvalidArgumentError(msg)
        super().__init__(shape_of(p + 1, 3, outputs=p, tokens=True), batch_size)
        self._p, self._shown = p, shown

    def samples(self) -> Samples:
        """Returns the tokens (a, b, =) of all pairs and their sums."""
        p = self._p
        pairs = torch.cartesian_prod(torch.arange(p), torch.arange(p))
        tokens = torch.cat((pairs, torch.full((p * p, 1), p)), 1)
        return parted(tokens, (pairs.sum(1, keepdim=True)) % p, held_out=1 - self._shown)


def shape_of(features: int, steps: int, *, outputs: int, answers: int = 1, tokens: bool = False, image: bool = False) -> Shape:
    """Returns what a task asks of a network."""
    return {"features": features, "steps": steps, "answers": answers, "outputs": outputs, "tokens": tokens, "image": image}


def parted(inputs: torch.Tensor, answers: torch.Tensor, *, held_out: float = _HELD_OUT) -> Samples:
    """Returns samples to train on and a share that is held out, drawn at random, the same each time."""
    order = torch.randperm(len(inputs), generator=_drawn())
    kept = len(inputs) - max(1, round(held_out * len(inputs)))
    train, rest = order[:kept], order[kept:]
    return TensorDataset(inputs[train], answers[train]), TensorDataset(inputs[rest], answers[rest])


def check_whole(name: str, value: int, least: int) -> None:
    """Raises InvalidArgumentError for a whole number that is too small or too large."""
    if not least <= value <= _MOST:
        msg = f"{name}={value!r}: give a whole number from {least:,} to {_MOST:,}."
        raise InvalidArgumentError(msg)


def _drawn() -> torch.Generator:
    """Returns the source of random numbers for data, apart from that of the training."""
    return torch.Generator().manual_seed(0)
