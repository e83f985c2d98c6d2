"""How many units a layer has, told from the module before it was ever called."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import nn
from torch.nn.modules import activation, dropout

from lightning_iit.capture.choose.units import checked_indices
from lightning_iit.capture.layer_kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.capture.choose.layers import Layer
    from lightning_iit.capture.options import CaptureOptions

_OTHER_WIDTH = (nn.GLU, nn.MultiheadAttention)
_SAME_WIDTH = tuple(
    kind
    for module in (activation, dropout)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, nn.Module) and kind not in {nn.Module, *_OTHER_WIDTH}
)
"""The modules whose output has as many units as their input."""


def check_indices(layers: Sequence[Layer], options: CaptureOptions) -> None:
    """Checks that layers have the given units, wherever the number of a layer's units is known before training.

    Raises:
        InvalidArgumentError: a layer has no unit of a given index.
    """
    if isinstance(options.units, (int, str)) or options.layout is not None or options.unit_fn is not None:
        return
    for layer in layers:
        width = width_of(layer.module, layer.ancestors[-1])
        if width is not None:
            checked_indices(options.units, width, layer.name)


def width_of(module: nn.Module, parent: nn.Module | None = None) -> int | None:
    """Returns how many units a module has; None where the module does not tell.

    Args:
        module: a layer with features or channels, a sequence that ends in one, or an activation function behind one.
        parent: the module that holds it.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.Tanh())
        >>> width_of(net[0]), width_of(net[1], net), width_of(net), width_of(nn.Tanh())
        (8, 8, 8, None)
    """
    if type(module) is nn.Sequential and len(module):
        return width_of(module[-1], module)
    if isinstance(module, _SAME_WIDTH) and type(parent) is nn.Sequential:
        before = next((one for one, two in pairwise(parent) if two is module), None)
        # Behind a convolution, what the units are depends on the rank of the output.
        return None if before is None or kind_of(before).is_channels_first(before) else width_of(before, parent)
    row = kind_of(module)
    picture = row.picture(module) if row.picture is not None and row.runs(module) else None
    return None if picture is None else picture.width
