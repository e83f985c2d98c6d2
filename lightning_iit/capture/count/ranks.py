"""Exchange of objects between the ranks of a distributed training."""

from __future__ import annotations

from typing import TypeVar

import torch.distributed

_T = TypeVar("_T")


def gather(item: _T) -> list[_T]:
    """Collects an object from every rank; every rank must call this function.

    Returns:
        The object of each rank, in the order of the ranks. Without ``torch.distributed``: the object alone.
    """
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
        return [item]
    items: list[_T | None] = [None] * distributed.get_world_size()
    distributed.all_gather_object(items, item)
    return items  # type: ignore[return-value]
