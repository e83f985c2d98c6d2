"""What a module is as a layer of units, and the small part of its weights that a snapshot keeps.

A unit is what the rest of the package takes for one: a feature of a linear layer, a channel of a convolution, a hidden unit
of a recurrent layer. Weights are read as ``[to unit, from unit]``; where a unit has several weights to another (a kernel,
the positions of a flattened feature map) the one of the largest magnitude stands for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.nn.modules.lazy import LazyModuleMixin

from lightning_iit.capture.layer_kinds import kind_of
from lightning_iit.capture.torch_layers import strongest

if TYPE_CHECKING:
    from torch import nn

    from lightning_iit.records import LayerKind


@dataclass(frozen=True)
class LayerSpec:
    """Describes a module as a layer of units.

    Args:
        name: of the module in the model.
        kind: what it is called in the snapshot.
        width: how many units it has.
        detail: the module in words.
        heads: of an attention block.
        left_out: a note on what of the module the picture leaves out.
        channels_first: whether its output has further axes behind that of the units.
    """

    name: str
    kind: LayerKind
    width: int
    detail: str = ""
    heads: int = 0
    left_out: str = ""
    channels_first: bool = False


def describe(name: str, module: nn.Module) -> LayerSpec | None:
    """Returns the layer that a module is, or None for kinds that are not drawn and modules that are not yet initialised."""
    if isinstance(module, LazyModuleMixin) and module.has_uninitialized_params():
        return None
    row = kind_of(module)
    picture = None if row.picture is None else row.picture(module)
    if picture is None:
        return None
    left_out = f"{name}: {picture.left_out}" if picture.left_out else ""
    channels_first = row.is_channels_first(module)
    return LayerSpec(name, row.kind, picture.width, picture.words, picture.heads, left_out, channels_first)


def first_tensor(value: Any) -> Tensor | None:
    """Finds the tensor in a module's input or output: itself, the first of a tuple, or a Hugging Face output's hidden state."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Mapping):
        for key in ("last_hidden_state", "hidden_states", "logits", *value):
            found = first_tensor(value.get(key))
            if found is not None:
                return found
        return None
    if isinstance(value, tuple | list) and value:
        return next((found for found in map(first_tensor, value) if found is not None), None)
    return None


def unit_values(tensor: Tensor, spec: LayerSpec, *, batch_first: bool = True) -> Tensor | None:
    """Reshapes a layer's output to ``[sample, step, unit, position]``; None where it has no axis of the layer's width."""
    tensor = tensor.detach()
    if spec.channels_first:
        axis = next((axis for axis in (1, 0) if tensor.dim() > axis and tensor.shape[axis] == spec.width), None)
        if axis is None:
            return None
        tensor = tensor if axis == 1 else tensor.unsqueeze(0)
        return tensor.flatten(2).unsqueeze(1) if tensor.dim() > 2 else tensor[:, None, :, None]
    if tensor.dim() == 0 or tensor.shape[-1] != spec.width:
        return None
    if tensor.dim() == 1:
        return tensor[None, None, :, None]
    if tensor.dim() == 2:
        return tensor[:, None, :, None]
    if not batch_first and tensor.dim() == 3:
        tensor = tensor.transpose(0, 1)
    return tensor.flatten(1, -2)[..., None]


def input_weights(module: nn.Module, to: Tensor, source: Tensor, width: int) -> tuple[str, Tensor] | None:
    """Reads which weights come in, and those from units ``source`` of a layer of ``width`` to units ``to``: ``[to, from]``."""
    read = kind_of(module).weights_in
    found = None if read is None else read(module, to)
    if found is None:
        return None
    of, rows = found
    if rows.shape[1] == width:
        return of, strongest(rows[:, source])
    if width and rows.dim() == 2 and rows.shape[1] % width == 0:
        positions = rows.shape[1] // width
        return f"{of}, largest of {positions} positions", strongest(rows.view(rows.shape[0], width, positions)[:, source])
    return None


def recurrent_weights(module: nn.Module, units: Tensor) -> tuple[str, Tensor] | None:
    """Reads which weights, and those among the units of a recurrent layer as ``[to, from]``; None for other modules."""
    read = kind_of(module).weights_among
    found = None if read is None else read(module, units)
    if found is None:
        return None
    of, rows = found
    inside = units[units < rows.shape[1]]
    return (of, strongest(rows[:, units])) if len(inside) == len(units) else None
