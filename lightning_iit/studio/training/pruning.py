"""Takes connections between the units of a recurrent layer away while it trains, the weakest ones first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn.utils import prune

if TYPE_CHECKING:
    from torch import nn

_RECURRENT = "weight_hh_l"
"""How the names of the weights between the units of a layer of PyTorch begin."""
_WHOLE = 0.25
"""The share of the epochs in which nothing is taken away yet."""


def get_ready(layer: nn.RNNBase) -> None:
    """Gives the weights between units a mask that keeps them all.

    The parameters then have the same names from the beginning to the end, so that optimizers and checkpoints know them.
    """
    for name in _names(layer):
        prune.identity(layer, name)  # type: ignore[no-untyped-call]


def prune_to(layer: nn.RNNBase, share: float) -> None:
    """Sets a share of the weights between units to 0, those with the smallest absolute values; what was set to 0 stays so.

    Args:
        layer: a layer that is ready (:func:`get_ready`).
        share: the share of the weights of each matrix that is 0 then, from 0 to 1.
    """
    for name in _names(layer):
        mask = layer.get_buffer(f"{name}_mask")
        further = round(share * mask.numel()) - int((mask == 0).sum())
        if further > 0:
            prune.l1_unstructured(layer, name, amount=further)  # type: ignore[no-untyped-call]


def share_at(epoch: int, epochs: int, last: float) -> float:
    """Returns which share of the weights is 0 in an epoch: none in the first quarter of them, then equally more to the last.

    Args:
        epoch: the epoch, from 0.
        epochs: how many there are.
        last: the share of the last epoch.
    """
    whole = round(_WHOLE * epochs)
    return last * min(1.0, max(0.0, (epoch - whole + 1) / max(1, epochs - whole)))


def _names(layer: nn.RNNBase) -> list[str]:
    """Returns the names of the weights between units."""
    return [f"{_RECURRENT}{at}" for at in range(layer.num_layers)]
