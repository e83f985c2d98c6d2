"""Objects from all ranks."""

from __future__ import annotations

from typing import TypeVar

import torch.distributed

_T = TypeVar("_T")


def gather(item: _T) -> list[_T]:
    """The item of each rank, in order; every rank must call this. Without ``torch.distributed``, only one's own."""
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
        return [item]
    items: list[_T | None] = [None] * distributed.get_world_size()
    distributed.all_gather_object(items, item)
    return items  # type: ignore[return-value]
