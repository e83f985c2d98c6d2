"""The last activations of an epoch, kept so that their transitions can be counted with other thresholds too."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import torch

from lightning_iit.capture.count.binarize import encode, threshold_tensor
from lightning_iit.capture.count.transitions import NO_STATE, TransitionCounts, counts_record
from lightning_iit.capture.hooks.reading import beyond, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lightning_iit.records import Counts

MOST_VALUES = 2**18
"""How many numbers (rows times elements) are kept."""


class _Chunk(NamedTuple):
    """Holds activations that came together, with the lengths of the sequences (None where no sequence is padded)."""

    values: Tensor
    lengths: Tensor | None


class RecentActivations:
    """Keeps the last values of a layer's elements, in their order: ``MOST_VALUES`` numbers, rounded up to whole chunks.

    The values are copied for the counts anyway, so to keep them costs no time.

    Args:
        lag: how many rows a transition spans.
    """

    def __init__(self, *, lag: int = 1) -> None:
        self._lag = lag
        self._chunks: deque[_Chunk] = deque()

    def add(self, values: Tensor, lengths: Tensor | None) -> None:
        """Adds values, and forgets the oldest values that are no longer needed.

        Args:
            values: ``[sequence, time, element]``, or ``[sample, element]`` where transitions go from sample to sample.
            lengths: the lengths ``[sequence]`` of the sequences; None where no sequence is padded.
        """
        if values.numel() > MOST_VALUES:
            rows = max(1, MOST_VALUES * len(values) // values.numel())
            values, lengths = values[-rows:].clone(), None if lengths is None else lengths[-rows:]
        self._chunks.append(_Chunk(values, lengths))
        while sum(chunk.values.numel() for chunk in self._chunks) - self._chunks[0].values.numel() >= MOST_VALUES:
            self._chunks.popleft()

    @classmethod
    def of(cls, recent: RecentActivations, elements: Sequence[int]) -> RecentActivations:
        """Returns the kept values of some of the elements, by their positions."""
        some = cls(lag=recent._lag)
        columns = list(elements)
        some._chunks.extend(_Chunk(values[..., columns], lengths) for values, lengths in recent._chunks)
        return some

    def rows(self) -> Tensor | None:
        """Returns the kept rows ``[row, element]`` without NaN and infinite values; None where there are none."""
        rows = [rows_of(values, lengths) for values, lengths in self._chunks]
        finite = [part[torch.isfinite(part).all(-1)] for part in rows]
        return torch.cat(finite) if any(map(len, finite)) else None

    def counts(self, thresholds: tuple[float, ...]) -> Counts:
        """Counts the transitions of the kept values with the given threshold for each element."""
        counts, parts = TransitionCounts(len(thresholds), lag=self._lag, pairs_only=True), []
        for values, lengths in self._chunks:
            codes = encode(values, threshold_tensor(thresholds, like=values))[0]
            if lengths is not None:
                codes = codes.masked_fill(beyond(lengths.to(codes.device), codes.shape[1]), NO_STATE)
            if codes.dim() == 1:
                parts.append(codes)
            else:
                counts.update(codes)
        if parts:
            counts.update(torch.cat(parts).unsqueeze(0))
        counts.close()
        return counts_record(counts.joint)
