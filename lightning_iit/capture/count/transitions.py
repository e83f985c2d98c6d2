"""State codes and transition counts of binary units: pure functions, and a metric that sums counts over ranks."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchmetrics import Metric

from lightning_iit.records import Counts, Dynamics
from lightning_iit.tpm.counts import MOST_UNITS_IN_HALVES, MOST_UNITS_IN_TRIPLES, counts_from_joint

NO_STATE = -1
"""The code of a row that has no state: a row with a NaN or infinite activation, or padding."""
_MOST_PARTS, _LEAST_PARTS = 64, 8
"""How many tables of pairs are kept at most, and at least, before neighbours are merged."""
_PARTS_CELLS = 2**20
"""How many cells all tables of pairs may have together (8 MB), unless this allows fewer than ``_LEAST_PARTS`` tables."""


def pack(bits: Tensor) -> Tensor:
    """Computes the little-endian index of each state.

    Args:
        bits: ``[..., unit]``, boolean or 0 and 1; unit 0 is the least significant bit.

    Returns:
        Indices ``[...]``, int64.

    Example:
        >>> pack(torch.tensor([[1, 0, 0], [0, 1, 1]]))
        tensor([1, 6])
    """
    weights = 2 ** torch.arange(bits.shape[-1], device=bits.device)
    return (bits.to(torch.int64) * weights).sum(-1)


def follow(codes: Tensor, following: Tensor, n: int) -> Tensor:
    """Computes one index for a state (or a succession of states) together with the state that follows.

    Args:
        codes: ``[...]``, int64, the index of a state or of a succession of states, or ``NO_STATE``.
        following: ``[...]``, the index of the state that follows, or ``NO_STATE``.
        n: the number of units.

    Returns:
        ``[...]``: ``codes * 2**n + following``, or ``NO_STATE`` where one of the two is ``NO_STATE``.

    Example:
        >>> follow(torch.tensor([1, -1]), torch.tensor([2, 0]), 2)
        tensor([ 6, -1])
    """
    return torch.where((codes | following) >= 0, codes * 2**n + following, NO_STATE)


def counts_record(joint: Tensor) -> Counts:
    """Builds the record of transition counts.

    Args:
        joint: ``[4**n]``, how often state ``s`` was followed by state ``t``, at index ``s * 2**n + t``.
    """
    states = math.isqrt(joint.numel())
    return counts_from_joint(joint.reshape(states, states).cpu().numpy())


class TransitionCounts(Metric):
    """Counts transitions of n binary units, summed over batches and ranks.

    Pairs of states are counted; for up to ``MOST_UNITS_IN_TRIPLES`` units three states in a row are counted too (for the test of
    Markov order). For up to ``MOST_UNITS_IN_HALVES`` units the pairs of the first and of the second half of the data are counted
    separately (for the test of stationarity). No transition goes from one sequence to another, and none has a row without a state.

    Where the middle of the data will be is not known before the end. Pairs are therefore counted in parts, one for each span of
    steps; :meth:`close` joins the parts into two halves.

    Args:
        n: the number of units.
        lag: how many rows a transition spans.
        pairs_only: whether neither triples nor halves are counted.

    Example:
        >>> counts = TransitionCounts(1)
        >>> counts.update(torch.tensor([[0, 1, 1, 0]]))
        >>> counts.close()
        >>> counts.compute()
        tensor([0, 1, 1, 1])
    """

    full_state_update: bool = False
    halves: Tensor
    triples: Tensor
    left_out: Tensor

    def __init__(self, n: int, *, lag: int = 1, pairs_only: bool = False) -> None:
        super().__init__()
        self.n = n
        self.lag = lag
        self._sides = 2 if n <= MOST_UNITS_IN_HALVES and not pairs_only else 1
        self._most_parts = min(_MOST_PARTS, max(_LEAST_PARTS, _PARTS_CELLS // (2 * 4**n)))
        self._parts: list[Tensor] = []
        self._step, self._start, self._span = 0, 0, 1
        triples = 8**n if n <= MOST_UNITS_IN_TRIPLES and not pairs_only else 0
        self.add_state("halves", torch.zeros((self._sides, 4**n), dtype=torch.int64), dist_reduce_fx="sum")
        # One cell more in front, which counts successions without a state (NO_STATE + 1 is index 0).
        self.add_state("triples", torch.zeros(1 + triples, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("left_out", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def begin_step(self) -> None:
        """Starts a step: transitions counted from now on are later than all before, and may belong to the second half."""
        self._step += 1

    def _part(self) -> Tensor:
        """Returns the flat table of the current part: for each of its halves a cell for pairs without a state and ``4**n`` cells.

        Where there are too many parts, neighbouring parts are merged, and later parts span twice as many steps.
        """
        if not self._parts or (self._sides == 2 and self._step - self._start >= self._span):
            if len(self._parts) == self._most_parts:
                pairs = zip(self._parts[::2], self._parts[1::2], strict=True)
                self._parts = [torch.stack((one.sum(0), other.sum(0))) for one, other in pairs]
                self._span *= 2
            self._start = self._step
            # A tensor that is made in inference mode cannot be changed outside of inference mode.
            with torch.inference_mode(mode=False):
                self._parts.append(torch.zeros((self._sides, 1 + 4**self.n), dtype=torch.int64, device=self.device))
        return self._parts[-1].view(-1)

    def _later(self, pairs: int) -> int:
        """Returns from which pair on the pairs of this update belong to the second half of the current part.

        A part of one step is divided in the middle of its pairs; a longer part in the middle of its steps.
        """
        if self._span == 1:
            return pairs // 2
        return 0 if 2 * (self._step - self._start) >= self._span else pairs

    def update(self, codes: Tensor, left_out: Tensor | int = 0, *, seen: int = 0) -> None:
        """Adds the transitions of state codes.

        Args:
            codes: ``[sequence, time]``, int64, the index of each state or ``NO_STATE``.
            left_out: how many rows had no state and are not padding.
            seen: how many rows at the start, at most ``2 * lag``, are the end of the rows of the last update. Transitions within
                these rows are not counted again.
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
        """Joins the parts into two halves of about equal counts.

        Must be called before the counts are summed over ranks or read.
        """
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
        """Resets all counts to 0."""
        super().reset()
        self._parts, self._step, self._start, self._span = [], 0, 0, 1

    @property
    def joint(self) -> Tensor:
        """Returns the transition counts ``[4**n]`` of both halves together."""
        return self.halves.sum(0)

    def compute(self) -> Tensor:
        """Returns the transition counts ``[4**n]``; :meth:`close` must be called before."""
        return self.joint

    def dynamics(self) -> Dynamics:
        """Builds the record of three states in a row and of the two halves, for the tests of Markov order and stationarity."""
        mask = 2**self.n - 1
        found = self.triples[1:].nonzero().flatten()
        columns = (found >> 2 * self.n, found >> self.n & mask, found & mask, self.triples[1:][found])
        return Dynamics(
            triples=tuple(map(tuple, torch.stack(columns, 1).tolist())) if len(self.triples) > 1 else None,
            halves=tuple(map(counts_record, self.halves)) if self._sides == 2 else (),
        )


def _add_up(bins: Tensor, index: Tensor) -> None:
    """Adds to each bin of ``bins`` how often ``index`` names the bin."""
    # Not bincount, which waits for a GPU: the training step must not wait.
    bins.scatter_add_(0, index, torch.ones_like(index))
