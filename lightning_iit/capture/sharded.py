"""Parameters that are spread over the ranks of a training, of which each rank has a part."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

_SPREAD = ("device_mesh", "_fsdp_flattened")
"""Attributes that only such parameters have: those of ``fully_shard`` and tensor parallelism, and those of the older FSDP class."""


def is_spread(module: nn.Module) -> bool:
    """Returns whether parameters of a module are spread over the ranks (FSDP, FSDP2, tensor parallelism), be it over a single one.

    Example:
        >>> import torch
        >>> is_spread(torch.nn.GRU(3, 4))
        False
    """
    return any(hasattr(parameter, name) for parameter in module.parameters() for name in _SPREAD)


def spread_words(layer: str) -> str:
    """Returns why a layer whose parameters are spread over the ranks is not perturbed, and what to do instead."""
    return (
        f"Layer {layer!r} is not perturbed: its parameters are spread over the ranks (FSDP or tensor parallelism), so that no rank "
        "has the whole layer and can run a step of it. Leave this layer whole (shard the other modules), or use tpm='observe'."
    )
