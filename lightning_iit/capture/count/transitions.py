"""State codes and transition counts of binary units: pure functions, and a metric that sums counts over ranks."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchmetrics import Metric

from lightning_iit.capture.count.consecutive import ConsecutiveCounts, add_up
from lightning_iit.records import Counts, Dynamics
from lightning_iit.tpm.counts import MOST_UNITS_IN_HALVES, MOST_UNITS_IN_TRIPLES, counts_from_joint
from lightning_iit.tpm.parts import MOST_PARTS, MOST_UNITS_IN_PARTS, as_parts

NO_STATE = -1
"""The code of a row that has no state: a row with a NaN or infinite activation, or padding."""
_CELLS = 2**20
"""How many cells the tables of all parts may have together (8 MB): there are 32 parts of 7 units, and 8 of 8 units."""


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

    Where the middle of the data will be is not known before the end. Pairs are therefore counted in consecutive parts;
    :meth:`close` joins the parts into two halves. For up to ``MOST_UNITS_IN_PARTS`` units the parts themselves are kept too, to be
    resampled; no sequence is divided among several of these.

    Args:
        n: the number of units.
        lag: how many rows a transition spans.
        pairs_only: whether neither triples nor halves nor parts are counted.

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
    parts: Tensor

    def __init__(self, n: int, *, lag: int = 1, pairs_only: bool = False) -> None:
        super().__init__()
        self.n = n
        self.lag = lag
        self._sides = 2 if n <= MOST_UNITS_IN_HALVES and not pairs_only else 1
        self._pairs = ConsecutiveCounts(4**n, parts=min(MOST_PARTS, _CELLS // (2 * 4**n)) if self._sides == 2 else 0)
        self._has_parts = n <= MOST_UNITS_IN_PARTS and not pairs_only
        triples = 8**n if n <= MOST_UNITS_IN_TRIPLES and not pairs_only else 0
        self.add_state("halves", torch.zeros((self._sides, 4**n), dtype=torch.int64), dist_reduce_fx="sum")
        # One cell more in front, which counts successions without a state (NO_STATE + 1 is index 0).
        self.add_state("triples", torch.zeros(1 + triples, dtype=torch.int64), dist_reduce_fx="sum")
        if self._has_parts:  # of each part how often each state was visited, and how often each unit was ON after it
            self.add_state("parts", torch.zeros((MOST_PARTS, 2**n, 1 + n), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("left_out", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, codes: Tensor, left_out: Tensor | int = 0, *, seen: int = 0, stream: bool = False) -> None:
        """Adds the transitions of state codes.

        Args:
            codes: ``[sequence, time]``, int64, the index of each state or ``NO_STATE``.
            left_out: how many rows had no state and are not padding.
            seen: how many rows at the start, at most ``2 * lag``, are the end of the rows of the last update. Transitions within
                these rows are not counted again.
            stream: whether the rows are no sequences but a stretch of a longer stream, which parts may divide anywhere.
        """
        if codes.device != self.device:
            with torch.inference_mode(mode=False):
                self.to(codes.device)
        pairs = follow(codes[:, : -self.lag], codes[:, self.lag :], self.n)
        new = pairs[:, max(seen - self.lag, 0) :]
        self._pairs.add(new, whole=not stream)
        if len(self.triples) > 1:
            add_up(self.triples, follow(pairs[:, : -self.lag], codes[:, 2 * self.lag :], self.n).flatten() + 1)
        self.left_out = self.left_out + left_out

    def close(self) -> None:
        """Joins the parts into two halves of about equal counts.

        Must be called before the counts are summed over ranks or read.
        """
        cells = self._pairs.halves.to(self.device)
        self._pairs.restart()
        if self._has_parts:
            self.parts = self.parts + self._without_joint(cells)
        if self._sides == 2:
            so_far = cells.sum(1).cumsum(0)
            middle = int((2 * so_far - so_far[-1]).abs().argmin()) + 1
            cells = torch.stack((cells[:middle].sum(0), cells[middle:].sum(0)))
        self.halves = self.halves + cells

    def _without_joint(self, halves: Tensor) -> Tensor:
        """Returns of each part the visits of each state and the ONs of each unit after it, ``[part, state, 1 + unit]``."""
        joint = halves.reshape(-1, 2, 2**self.n, 2**self.n).sum(1)
        states = torch.arange(2**self.n, device=halves.device)
        return torch.stack([joint.sum(-1), *((joint * (states >> unit & 1)).sum(-1) for unit in range(self.n))], -1)

    def reset(self) -> None:
        """Resets all counts to 0."""
        super().reset()
        self._pairs.restart()

    @property
    def joint(self) -> Tensor:
        """Returns the transition counts ``[4**n]`` of both halves together."""
        return self.halves.sum(0)

    def compute(self) -> Tensor:
        """Returns the transition counts ``[4**n]``; :meth:`close` must be called before."""
        return self.joint

    def dynamics(self) -> Dynamics:
        """Builds the record of three states in a row, of the two halves and of the parts that have a transition."""
        mask = 2**self.n - 1
        parts = self.parts.cpu().numpy() if self._has_parts else None
        found = self.triples[1:].nonzero().flatten()
        columns = (found >> 2 * self.n, found >> self.n & mask, found & mask, self.triples[1:][found])
        return Dynamics(
            triples=tuple(map(tuple, torch.stack(columns, 1).tolist())) if len(self.triples) > 1 else None,
            halves=tuple(map(counts_record, self.halves)) if self._sides == 2 else (),
            parts=() if parts is None else as_parts(parts[..., 0], parts[..., 1:]),
        )
