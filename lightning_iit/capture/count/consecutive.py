"""Counts in consecutive parts of data, where the end of the data is not known before it comes."""

from __future__ import annotations

import torch
from torch import Tensor


class ConsecutiveCounts:
    """Counts cells, separately for each of several consecutive parts of the data that are about equally long, and their halves.

    Parts are short at first. Where there would be too many, neighbours are added up, and from then on each part is twice as long.
    So at the end more than half of the allowed number are in use, if the data can be divided into so many.

    Args:
        cells: how many different cells there are.
        parts: the largest number of parts, even; or 0, which counts all data together.

    Example:
        >>> counts = ConsecutiveCounts(2, parts=2)
        >>> counts.add(torch.tensor([[0, 0, 1, 1]]), whole=False)
        >>> counts.halves.tolist()
        [[1, 0], [1, 0], [0, 1], [0, 1]]
    """

    def __init__(self, cells: int, *, parts: int) -> None:
        self._cells = cells
        self._most = 2 * parts or 1
        self.restart()

    def restart(self) -> None:
        """Forgets all counts."""
        self._table: Tensor | None = None
        self._seen, self._doublings = 0, 0

    @property
    def halves(self) -> Tensor:
        """Returns the counts of both halves of each part, ``[2 * part, cell]``, in the order of the data; later ones may be empty.

        All data together, ``[1, cell]``, where there are no parts.
        """
        table = torch.zeros((self._most, 1 + self._cells), dtype=torch.int64) if self._table is None else self._table
        return table[:, 1:]

    def add(self, cells: Tensor, *, whole: bool) -> None:
        """Counts further data. Nothing in here waits for the device.

        Args:
            cells: ``[row, entry]``, int64, the cell of each entry; -1 for an entry that is not counted.
            whole: whether all of a row belongs to the part in which the row begins. Otherwise parts may end within a row.
        """
        if not cells.numel():
            return
        if self._table is None:
            # A tensor that is made in inference mode cannot be changed outside of inference mode.
            with torch.inference_mode(mode=False):
                self._table = torch.zeros((self._most, 1 + self._cells), dtype=torch.int64, device=cells.device)
        first, self._seen = self._seen, self._seen + cells.numel()
        index = cells + 1  # the cell in front counts entries that are not counted
        if self._most > 1:
            while self._seen - 1 >> self._doublings >= self._most:
                self._merge(self._table)
            index += self._places(cells, first, whole=whole) * (1 + self._cells)
        add_up(self._table.view(-1), index.flatten())

    def _places(self, cells: Tensor, first: int, *, whole: bool) -> Tensor:
        """Returns in which half of a part each entry is counted, if the data before them have ``first`` entries."""
        rows, entries = cells.shape
        if not whole:
            return (torch.arange(first, first + cells.numel(), device=cells.device) >> self._doublings).view(rows, entries)
        places = torch.arange(first, first + cells.numel(), entries, device=cells.device)[:, None] >> self._doublings
        if entries > 2 << self._doublings:  # a row that is longer than a part is all that the part has
            places = (places & ~1) + (torch.arange(entries, device=cells.device) >= entries // 2)
        return places

    def _merge(self, table: Tensor) -> None:
        """Makes each part the half of one, so that parts are twice as long; one that is alone in its new part keeps its halves."""
        half = self._most // 2
        pairs = table.view(half // 2, 2, 2, -1)  # [new part, part, half, cell]
        alone = (pairs.sum((2, 3)) == 0).any(1)[:, None, None]
        table[:half] = torch.where(alone, pairs.sum(1), pairs.sum(2)).flatten(0, 1)
        table[half:] = 0
        self._doublings += 1


def add_up(bins: Tensor, index: Tensor) -> None:
    """Adds to each bin of ``bins`` how often ``index`` names the bin."""
    # Not bincount, which waits for a GPU: the training step must not wait.
    bins.scatter_add_(0, index, torch.ones_like(index))
