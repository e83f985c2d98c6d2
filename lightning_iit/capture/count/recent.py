"""The last activations of an epoch, kept to count their transitions with other thresholds too."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import torch

from lightning_iit.capture.count.binarize import encode, threshold_tensor
from lightning_iit.capture.count.transitions import NO_STATE, TransitionCounts, counts_record
from lightning_iit.capture.hooks.reading import beyond, rows_of

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_iit.records import Counts

MOST_VALUES = 2**18


class _Chunk(NamedTuple):
    values: Tensor
    lengths: Tensor | None


class RecentActivations:
    """The last activations of a layer's elements, in sequence; at most ``MOST_VALUES``, and some that came with them.

    To keep them costs nothing, since they were copied to be counted and would be forgotten otherwise.

    Args:
        lag: how many rows a transition spans.
    """

    def __init__(self, *, lag: int = 1) -> None:
        self._lag = lag
        self._chunks: deque[_Chunk] = deque()

    def add(self, values: Tensor, lengths: Tensor | None) -> None:
        """Takes what came next.

        Args:
            values: ``[sequence, time, element]``, or ``[sample, element]`` where transitions go from sample to sample.
            lengths: of the sequences, None where they fill it.
        """
        if values.numel() > MOST_VALUES:
            rows = max(1, MOST_VALUES * len(values) // values.numel())
            values, lengths = values[-rows:].clone(), None if lengths is None else lengths[-rows:]
        self._chunks.append(_Chunk(values, lengths))
        while sum(chunk.values.numel() for chunk in self._chunks) - self._chunks[0].values.numel() >= MOST_VALUES:
            self._chunks.popleft()

    def rows(self) -> Tensor | None:
        """The finite rows ``[row, element]``; None where there are none."""
        rows = [rows_of(values, lengths) for values, lengths in self._chunks]
        finite = [part[torch.isfinite(part).all(-1)] for part in rows]
        return torch.cat(finite) if any(map(len, finite)) else None

    def counts(self, thresholds: tuple[float, ...]) -> Counts:
        """The transitions with these thresholds."""
        counts, parts = TransitionCounts(len(thresholds), lag=self._lag), []
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
