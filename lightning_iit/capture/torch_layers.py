"""What the rows of PyTorch's own layers say of a module: the axes of its output, its picture and its weights."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch

from lightning_iit.capture.layer_kind_row import PLAIN_AXES, Picture

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.nn.modules.conv import _ConvNd

    from lightning_iit.capture.layer_kind_row import WeightReader

# --- axes of outputs ------------------------------------------------------------------------------------------------------


def channels_first_axes(module: nn.Module) -> dict[int, str]:
    """Returns the axes of maps with the channels first, with or without a batch; their dimensions are told by the class's name."""
    digits = re.search(r"([123])d$", type(module).__name__)
    spatial = "XYZ"[: int(digits.group(1)) if digits else 2]
    return {**PLAIN_AXES, **{len(axes): axes for axes in ("BU" + spatial, "U" + spatial)}}


def batch_norm_axes(module: nn.Module) -> dict[int, str]:
    """Returns the axes of a batch normalization's output, which always has a batch."""
    return {**channels_first_axes(module), 2: "BU"}


def sequence_axes(module: nn.RNNBase) -> dict[int, str]:
    """Returns the axes of a recurrent layer's output, by its ``batch_first``."""
    return {2: "TU", 3: "BTU" if module.batch_first else "TBU"}


# --- pictures -------------------------------------------------------------------------------------------------------------


def linear_picture(module: nn.Linear) -> Picture:
    """Describes a linear layer, whose units are its features."""
    return Picture(module.out_features, f"linear, {module.in_features} to {module.out_features}")


def conv_picture(module: _ConvNd) -> Picture:
    """Describes a convolution, whose units are its channels."""
    size = "x".join(str(k) for k in module.kernel_size)
    return Picture(module.out_channels, f"{size} convolution, {module.out_channels} channels")


def embedding_picture(module: nn.Embedding) -> Picture:
    """Describes an embedding, whose units are the dimensions of its vectors."""
    return Picture(module.embedding_dim, f"embedding of {module.num_embeddings} tokens")


def attention_picture(module: nn.MultiheadAttention) -> Picture:
    """Describes an attention block, whose units are the dimensions of its output."""
    return Picture(module.embed_dim, f"attention, {module.num_heads} heads", module.num_heads)


def recurrent_picture(module: Any, *, name: str) -> Picture:
    """Describes a recurrent layer (of several levels the last) or cell, whose units are its hidden units."""
    hidden = int(getattr(module, "proj_size", 0) or module.hidden_size)
    both = bool(getattr(module, "bidirectional", False))
    levels = int(getattr(module, "num_layers", 1))
    words = [name, f"{hidden} hidden units"]
    if levels > 1:
        words.append(f"the last of {levels} layers")
    if both:
        words.append("both directions")
    left_out = f"the last of its {levels} layers is shown, without the weights into it." if levels > 1 else ""
    return Picture(hidden * (2 if both else 1), ", ".join(words), left_out=left_out)


# --- weights of pictures, [to unit, from unit, ...] -----------------------------------------------------------------------


def linear_weights(module: nn.Linear, units: Tensor) -> tuple[str, Tensor]:
    """Reads the weights into some features."""
    return "weight", module.weight.detach()[units]


def conv_weights(module: _ConvNd, units: Tensor) -> tuple[str, Tensor]:
    """Reads the kernels into some channels; channels of another group have weights of 0 to them."""
    rows = module.weight.detach()[units]
    return ("weight", rows) if module.groups == 1 else ("weight", _ungrouped(module, rows, units))


def transposed_conv_weights(module: _ConvNd, units: Tensor) -> tuple[str, Tensor] | None:
    """Reads the kernels into some channels, which a transposed convolution holds as ``[from, to, ...]``; None for groups."""
    return ("weight", module.weight.detach().transpose(0, 1)[units]) if module.groups == 1 else None


def attention_weights(module: nn.MultiheadAttention, units: Tensor) -> tuple[str, Tensor]:
    """Reads the weights of the value projection into some units."""
    if module.in_proj_weight is None:
        return "value projection", module.v_proj_weight.detach()[units]
    return "value projection", module.in_proj_weight.detach()[2 * module.embed_dim :][units]


def gate_weights(parameter: str, *, gate: int, of: str) -> WeightReader:
    """Makes the reader of one gate's weights of a recurrent layer or cell.

    Args:
        parameter: "weight_ih" (from the inputs) or "weight_hh" (from the hidden units).
        gate: its place among the stacked gates: r, z, n of a GRU and i, f, g, o of an LSTM.
        of: what it is called in the picture.

    Returns:
        A reader that gives None for two directions, for a projection, and for the inputs of an upper level: the units of the
        picture then have no weights with a row for each.
    """

    def read(module: Any, units: Tensor) -> tuple[str, Tensor] | None:
        if getattr(module, "bidirectional", False) or getattr(module, "proj_size", 0):
            return None
        levels = int(getattr(module, "num_layers", 1))
        if levels > 1 and parameter == "weight_ih":
            return None
        weight = getattr(module, parameter, None)
        if weight is None:
            weight = getattr(module, f"{parameter}_l{levels - 1}")
        return of, weight.detach()[gate * int(module.hidden_size) + units]

    return read


def strongest(weights: Tensor) -> Tensor:
    """Turns ``[to, from, ...]`` into ``[to, from]``: of the other axes the entry of the largest magnitude, with its sign."""
    if weights.dim() == 2:
        return weights
    flat = weights.flatten(2)
    return flat.gather(2, flat.abs().argmax(dim=2, keepdim=True)).squeeze(2)


def _ungrouped(module: _ConvNd, rows: Tensor, units: Tensor) -> Tensor:
    flat = strongest(rows)
    each = module.in_channels // module.groups
    full = flat.new_zeros(len(units), module.in_channels)
    first = torch.div(units, module.out_channels // module.groups, rounding_mode="floor") * each
    columns = first[:, None] + torch.arange(each, device=flat.device)[None]
    return full.scatter(1, columns, flat)


# --- weights that units are scored by -------------------------------------------------------------------------------------


def own_weights(module: nn.Module) -> dict[str, Tensor]:
    """Returns the parameters of two axes or more that the module itself holds, by name."""
    return {name: weight.detach() for name, weight in module.named_parameters(recurse=False) if weight.dim() > 1}


def last_level_weights(module: nn.RNNBase) -> list[list[Tensor]]:
    """Returns the weights of each direction of a recurrent layer's last level, from its inputs and from its hidden units."""
    last = f"_l{module.num_layers - 1}"
    ends = (last, f"{last}_reverse") if module.bidirectional else (last,)
    return [[weight for name, weight in own_weights(module).items() if name.endswith(end)] for end in ends]
