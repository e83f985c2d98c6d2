"""State codes and transition counts of binary units: pure functions, and a metric that sums them over ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torchmetrics import Metric

from lightning_iit.records import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_STATE = -1
"""The code of a row that has no state: a non-finite activation, or padding."""


def pack(bits: Tensor) -> Tensor:
    """The little-endian index of each state.

    Args:
        bits: ``[..., unit]``, boolean or 0 and 1; unit 0 is the least significant bit.

    Returns:
        ``[...]``, int64.
    """
    weights = 2 ** torch.arange(bits.shape[-1], device=bits.device)
    return (bits.to(torch.int64) * weights).sum(-1)


def count(codes: Tensor, n: int, *, lag: int = 1) -> Tensor:
    """Counts the transitions along the last axis of state codes.

    A pair with a row that has no state (a negative code) is not counted; nothing is counted from one sequence to another.

    Args:
        codes: ``[sequence, time]``, int64, the index of each state or ``NO_STATE``.
        n: the number of units.
        lag: how many rows a transition spans.

    Returns:
        ``[4**n]``, int64: how often state ``s`` was followed by state ``t``, at index ``s * 2**n + t``.
    """
    first, then = codes[:, :-lag], codes[:, lag:]
    pairs = torch.where((first >= 0) & (then >= 0), first * 2**n + then, 4**n).flatten()
    # Not bincount: on a GPU it waits for the device, and the training step must not.
    bins = torch.zeros(4**n + 1, dtype=torch.int64, device=codes.device)
    return bins.scatter_add_(0, pairs, torch.ones_like(pairs))[:-1]


def counts_record(joint: Tensor, n: int) -> Counts:
    """The record of transition counts.

    Args:
        joint: ``[4**n]``, as :func:`count` returns it.
        n: the number of units.
    """
    table = joint.reshape(2**n, 2**n).cpu()
    bits = (torch.arange(2**n).unsqueeze(1) >> torch.arange(n)) & 1
    return Counts(
        visits=tuple(table.sum(1).tolist()),
        on=tuple(tuple(row) for row in (table @ bits).tolist()),
        joint=tuple(_entries(table)),
    )


def _entries(table: Tensor) -> Iterator[tuple[int, int, int]]:
    for first, then in table.nonzero().tolist():
        yield first, then, int(table[first, then])


class TransitionCounts(Metric):
    """Transition counts of n binary units, summed over batches and ranks.

    Args:
        n: the number of units.
        lag: how many rows a transition spans.

    Example:
        >>> counts = TransitionCounts(1)
        >>> counts.update(torch.tensor([[0, 1, 1, 0]]))
        >>> counts.compute()
        tensor([0, 1, 1, 1])
    """

    full_state_update = False
    joint: Tensor
    left_out: Tensor

    def __init__(self, n: int, *, lag: int = 1) -> None:
        super().__init__()
        self.n = n
        self.lag = lag
        self.add_state("joint", torch.zeros(4**n, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("left_out", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, codes: Tensor, left_out: Tensor | int = 0) -> None:
        """Adds the transitions of ``codes [sequence, time]`` and the number of rows that were left out of them."""
        # Not in place: states made under inference mode could not be changed outside it.
        self.joint = self.joint + count(codes, self.n, lag=self.lag)
        self.left_out = self.left_out + left_out

    def compute(self) -> Tensor:
        """The counts ``[4**n]`` over all ranks."""
        return self.joint
