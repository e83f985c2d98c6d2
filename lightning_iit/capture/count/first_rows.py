"""The first activations of an epoch, which are kept until its end and then counted for many groups of units at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


class FirstRows:
    """Keeps the first activations of an epoch in one source of data, for all further groups of the layer's units.

    A training step pays for a reference only; what the groups make of the activations is computed once, at the epoch's end.

    Args:
        most: how many rows are kept; of sequences the last one may go beyond it.

    Example:
        >>> rows = FirstRows(3)
        >>> rows.add(torch.zeros(2, 5), None)
        >>> rows.add(torch.ones(2, 5), None)
        >>> [[values.shape[0] for values, _ in stretch] for stretch in rows.stretches()]
        [[3]]
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.restart()

    def restart(self) -> None:
        """Forgets all rows."""
        self._rows = 0
        self._stretches: list[list[tuple[Tensor, Tensor | None]]] = [[]]

    @property
    def are_enough(self) -> bool:
        """Returns whether there is no room for more rows."""
        return self._rows >= self.most

    def add(self, activations: Tensor, lengths: Tensor | None) -> None:
        """Keeps the activations, as far as there is room for them.

        Args:
            activations: ``[sequence, time, column]``, or ``[sample, column]`` where transitions go from sample to sample.
            lengths: the lengths ``[sequence]`` of the sequences; None where no sequence is padded.
        """
        each = activations.shape[1:-1].numel()
        room = -(-(self.most - self._rows) // max(each, 1))
        if room <= 0 or not len(activations):
            return
        if room < len(activations):
            activations, lengths = activations[:room], None if lengths is None else lengths[:room]
        self._rows += len(activations) * each
        self._stretches[-1].append((activations, lengths))

    def end_stretch(self) -> None:
        """Ends a stretch of the data: no transition goes from the rows so far to those that follow."""
        if self._stretches[-1]:
            self._stretches.append([])

    def stretches(self) -> Iterator[list[tuple[Tensor, Tensor | None]]]:
        """Yields of each stretch the activations, joined where their shapes allow, and the lengths of sequences."""
        for stretch in self._stretches:
            joined: list[list[tuple[Tensor, Tensor | None]]] = []
            for one in stretch:
                if joined and _alike(joined[-1][0], one):
                    joined[-1].append(one)
                else:
                    joined.append([one])
            stretch[:] = [_joined(parts) for parts in joined]
            yield stretch


def _alike(one: tuple[Tensor, Tensor | None], other: tuple[Tensor, Tensor | None]) -> bool:
    """Returns whether two activations can be joined along their first axis."""
    (values, lengths), (others, other_lengths) = one, other
    same = values.shape[1:] == others.shape[1:] and values.dtype == others.dtype and values.device == others.device
    return same and (lengths is None) == (other_lengths is None)


def _joined(parts: list[tuple[Tensor, Tensor | None]]) -> tuple[Tensor, Tensor | None]:
    """Returns activations, with the lengths of their sequences, as one."""
    if len(parts) == 1:
        return parts[0]
    lengths = [lengths for _, lengths in parts if lengths is not None]
    return torch.cat([values for values, _ in parts]), torch.cat(lengths) if lengths else None
