"""What a module is as a layer of units, and the small part of its weights that a snapshot keeps.

A unit is what the rest of the package takes for one: a feature of a linear layer, a channel of a convolution, a hidden unit
of a recurrent layer. Weights are read as ``[to unit, from unit]``; where a unit has several weights to another (a kernel,
the positions of a flattened feature map) the one of the largest magnitude stands for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.modules.lazy import LazyModuleMixin

from lightning_iit.capture.layer_kinds import kind_of
from lightning_iit.capture.torch_layers import own_weights, strongest

if TYPE_CHECKING:
    from torch import nn

    from lightning_iit.records import LayerKind
    from lightning_iit.snapshot.dataflow import Source


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


def is_layer(module: nn.Module) -> bool:
    """Returns whether a module is drawn as a layer: one of a known kind, or any other with weights of its own and no parts.

    Weights are parameters with two axes or more. A module that is not yet initialised is no layer.
    """
    if isinstance(module, LazyModuleMixin) and module.has_uninitialized_params():
        return False
    row = kind_of(module)
    if row.picture is not None:
        return row.picture(module) is not None
    if is_norm(module) or any(True for child in module.children() for _ in child.parameters()):
        return False
    return bool(own_weights(module))


def is_norm(module: nn.Module) -> bool:
    """Returns whether a module is a normalization: by its kind, or else by the name of its class."""
    return kind_of(module).kind == "norm" or "norm" in type(module).__name__.lower()


def output_width(made: Tensor) -> int:
    """Returns the number of units of an output: of its second axis if it is a batch of maps, else of its last."""
    return int(made.shape[1] if made.dim() > 3 else made.shape[-1])


def describe(name: str, module: nn.Module, made: Tensor | None = None) -> LayerSpec | None:
    """Returns the layer that a module is, or None for modules that are not drawn.

    The width of a layer of unknown kind is that of its output, ``made``.
    """
    if not is_layer(module):
        return None
    row = kind_of(module)
    picture = None if row.picture is None else row.picture(module)
    if picture is None:
        width = 0 if made is None or made.dim() == 0 else output_width(made)
        return LayerSpec(name, row.kind, width, type(module).__name__, channels_first=made is not None and made.dim() > 3)
    left_out = f"{name}: {picture.left_out}" if picture.left_out else ""
    channels_first = row.is_channels_first(module)
    return LayerSpec(name, row.kind, picture.width, picture.words, picture.heads, left_out, channels_first)


def affine_weight(module: nn.Module, given: Tensor, made: Tensor) -> Tensor | None:
    """Returns the weight ``[to unit, from unit]`` of a module of unknown kind that is a linear map of its input; None for others.

    Whether it is one, and which axis of its weight is which, is found by computing one row of its output.
    """
    bias = sum(value.detach() for value in module.parameters(recurse=False) if value.shape == made.shape[-1:])
    if not given.dim() or not given.is_floating_point() or given.shape[:-1] != made.shape[:-1] or not given.numel():
        return None
    row, wanted = (tensor.detach().flatten(0, -2)[0].float() for tensor in (given, made))
    for weight in own_weights(module).values():
        for turned in (weight, weight.transpose(0, 1)) if weight.dim() == 2 else ():
            if turned.shape == (len(wanted), len(row)) and torch.allclose(
                turned.float() @ row + bias, wanted, rtol=0.02, atol=0.02
            ):
                return turned
    return None


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


def all_tensors(value: Any) -> list[Tensor]:
    """Returns all tensors in a module's inputs or output, those in tuples, lists and mappings too."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [tensor for part in value for tensor in all_tensors(part)] if isinstance(value, tuple | list) else []


def input_weights(found: tuple[str, Tensor], units: Tensor, width: int, source: Source) -> tuple[str, Tensor] | None:
    """Reads from the weights ``[to, from, ...]`` that come in those from ``units`` of a layer of ``width``: ``[to, from]``.

    None is returned where the weights are not those from unit to unit.
    """
    of, rows = found
    if source.mixed:
        return None
    if source.units:
        fits = source.units == rows.shape[1] and source.width in (0, width) and source.start + width <= rows.shape[1]
        return (of, strongest(rows[:, source.start + units])) if fits else None
    if rows.shape[1] == width:
        return of, strongest(rows[:, units])
    if width and rows.dim() == 2 and rows.shape[1] % width == 0:
        positions = rows.shape[1] // width
        return f"{of}, largest of {positions} positions", strongest(rows.view(rows.shape[0], width, positions)[:, units])
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
