"""State codes and transition counts of binary units: pure functions, and a metric that sums them over ranks."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchmetrics import Metric

from lightning_iit.records import Counts, Dynamics
from lightning_iit.tpm.counts import MOST_UNITS_IN_HALVES, MOST_UNITS_IN_TRIPLES, counts_from_joint

NO_STATE = -1
"""The code of a row that has no state: a non-finite activation, or padding."""
_MOST_PARTS, _LEAST_PARTS = 64, 8
_PARTS_CELLS = 2**20
"""How many counts the parts of the halves may have together: 8 MB."""


def pack(bits: Tensor) -> Tensor:
    """The little-endian index of each state.

    Args:
        bits: ``[..., unit]``, boolean or 0 and 1; unit 0 is the least significant bit.

    Returns:
        ``[...]``, int64.
    """
    weights = 2 ** torch.arange(bits.shape[-1], device=bits.device)
    return (bits.to(torch.int64) * weights).sum(-1)


def follow(codes: Tensor, following: Tensor, n: int) -> Tensor:
    """The index of each state (or succession of states) together with the state that follows.

    Args:
        codes: ``[...]``, int64, the index of a state or of a succession of states, or ``NO_STATE``.
        following: ``[...]``, the index of the state that follows, or ``NO_STATE``.
        n: the number of units.

    Returns:
        ``[...]``: ``codes * 2**n + following``, or ``NO_STATE`` where one of the two is.
    """
    return torch.where((codes | following) >= 0, codes * 2**n + following, NO_STATE)


def counts_record(joint: Tensor) -> Counts:
    """The record of transition counts ``[4**n]``: how often state ``s`` was followed by state ``t``, at index ``s * 2**n + t``."""
    states = math.isqrt(joint.numel())
    return counts_from_joint(joint.reshape(states, states).cpu().numpy())


class TransitionCounts(Metric):
    """Transition counts of n binary units, summed over batches and ranks.

    Counted are pairs of states, apart for the first and the second half of what is counted, and three states in a row. The tests
    of stationarity and Markov order need these, and have none for more units than ``MOST_UNITS_IN_HALVES`` and
    ``MOST_UNITS_IN_TRIPLES``. Nothing is counted from one sequence to another, and nothing with a row that has no state.

    Args:
        n: the number of units.
        lag: how many rows a transition spans.

    Example:
        >>> counts = TransitionCounts(1)
        >>> counts.update(torch.tensor([[0, 1, 1, 0]]))
        >>> counts.close()
        >>> counts.compute()
        tensor([0, 1, 1, 1])
    """

    full_state_update = False
    halves: Tensor
    triples: Tensor
    left_out: Tensor

    def __init__(self, n: int, *, lag: int = 1) -> None:
        super().__init__()
        self.n = n
        self.lag = lag
        self._sides = 2 if n <= MOST_UNITS_IN_HALVES else 1
        self._most_parts = min(_MOST_PARTS, max(_LEAST_PARTS, _PARTS_CELLS // (2 * 4**n)))
        self._parts: list[Tensor] = []
        self._step, self._start, self._span = 0, 0, 1
        triples = 8**n if n <= MOST_UNITS_IN_TRIPLES else 0
        self.add_state("halves", torch.zeros((self._sides, 4**n), dtype=torch.int64), dist_reduce_fx="sum")
        # One more in front, for what has no state.
        self.add_state("triples", torch.zeros(1 + triples, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("left_out", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def begin_step(self) -> None:
        """What is counted from here on comes later than what was counted before, and may so belong to the second half."""
        self._step += 1

    def _part(self) -> Tensor:
        """Where pairs are counted now: a table for each half of a part, one more in front of each for what has no state."""
        if not self._parts or (self._sides == 2 and self._step - self._start >= self._span):
            if len(self._parts) == self._most_parts:
                pairs = zip(self._parts[::2], self._parts[1::2], strict=True)
                self._parts = [torch.stack((one.sum(0), other.sum(0))) for one, other in pairs]
                self._span *= 2
            self._start = self._step
            # What is made in inference mode could not be changed outside of it.
            with torch.inference_mode(mode=False):
                self._parts.append(torch.zeros((self._sides, 1 + 4**self.n), dtype=torch.int64, device=self.device))
        return self._parts[-1].view(-1)

    def _later(self, pairs: int) -> int:
        """From which of so many pairs on they belong to the second half of their part: in a part of one step from its middle."""
        if self._span == 1:
            return pairs // 2
        return 0 if 2 * (self._step - self._start) >= self._span else pairs

    def update(self, codes: Tensor, left_out: Tensor | int = 0, *, seen: int = 0) -> None:
        """Adds the transitions of state codes.

        Args:
            codes: ``[sequence, time]``, int64, the index of each state or ``NO_STATE``.
            left_out: how many rows were left out of them.
            seen: the first so many rows, at most ``2 * lag``, are the end of what was counted before.
        """
        if codes.device != self.device:
            with torch.inference_mode(mode=False):
                self.to(codes.device)
        part = self._part()
        pairs = follow(codes[:, : -self.lag], codes[:, self.lag :], self.n)
        index = pairs[:, max(seen - self.lag, 0) :].flatten() + 1
        if self._sides == 2:
            index[self._later(len(index)) :] += 1 + 4**self.n
        _add_up(part, index)
        if len(self.triples) > 1:
            _add_up(self.triples, follow(pairs[:, : -self.lag], codes[:, 2 * self.lag :], self.n).flatten() + 1)
        self.left_out = self.left_out + left_out

    def close(self) -> None:
        """Puts the parts together as two halves; before the sum over ranks, and before counts are read."""
        if not self._parts:
            return
        cells = torch.cat([part[:, 1:] for part in self._parts])
        self._parts = []
        if self._sides == 2:
            so_far = cells.sum(1).cumsum(0)
            middle = int((2 * so_far - so_far[-1]).abs().argmin()) + 1
            self.halves = self.halves + torch.stack((cells[:middle].sum(0), cells[middle:].sum(0)))
        else:
            self.halves = self.halves + cells

    def reset(self) -> None:
        """Starts at no counts."""
        super().reset()
        self._parts, self._step, self._start, self._span = [], 0, 0, 1

    @property
    def joint(self) -> Tensor:
        """The counts ``[4**n]`` of both halves."""
        return self.halves.sum(0)

    def compute(self) -> Tensor:
        """The counts ``[4**n]``; not before :meth:`close`."""
        return self.joint

    def dynamics(self) -> Dynamics:
        """The record of three states in a row and of the two halves."""
        mask = 2**self.n - 1
        found = self.triples[1:].nonzero().flatten()
        columns = (found >> 2 * self.n, found >> self.n & mask, found & mask, self.triples[1:][found])
        return Dynamics(
            triples=tuple(map(tuple, torch.stack(columns, 1).tolist())) if len(self.triples) > 1 else None,
            halves=tuple(map(counts_record, self.halves)) if self._sides == 2 else (),
        )


def _add_up(bins: Tensor, index: Tensor) -> None:
    # Not bincount: on a GPU it waits for the device, and the training step must not.
    bins.scatter_add_(0, index, torch.ones_like(index))
