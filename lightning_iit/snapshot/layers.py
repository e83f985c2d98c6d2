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
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.lazy import LazyModuleMixin

if TYPE_CHECKING:
    from lightning_iit.records import LayerKind

_RECURRENT: tuple[tuple[type[nn.Module] | tuple[type[nn.Module], ...], LayerKind], ...] = (
    ((nn.LSTM, nn.LSTMCell), "lstm"),
    ((nn.GRU, nn.GRUCell), "gru"),
    ((nn.RNN, nn.RNNCell), "rnn"),
)
_GATE = {"rnn": ("weight", 0), "gru": ("candidate gate", 2), "lstm": ("cell gate", 2)}
"""Which of the stacked gates carries the new content: r, z, **n** of a GRU and i, f, **g**, o of an LSTM."""


@dataclass(frozen=True)
class LayerSpec:
    """A module as a layer: its name, kind, number of units, words about it, and what of it a picture leaves out."""

    name: str
    kind: LayerKind
    width: int
    detail: str = ""
    heads: int = 0
    left_out: str = ""


def describe(name: str, module: nn.Module) -> LayerSpec | None:
    """The layer that a module is, or None for containers, activations, norms, pooling and modules not yet initialised."""
    if isinstance(module, LazyModuleMixin) and module.has_uninitialized_params():
        return None
    for types, kind in _RECURRENT:
        if isinstance(module, types):
            return _recurrent(name, kind, module)
    return _feed_forward(name, module)


def _feed_forward(name: str, module: nn.Module) -> LayerSpec | None:
    if isinstance(module, nn.Linear):
        return LayerSpec(name, "linear", module.out_features, f"linear, {module.in_features} to {module.out_features}")
    if isinstance(module, _ConvNd):
        size = "x".join(str(k) for k in module.kernel_size)
        return LayerSpec(name, "conv", module.out_channels, f"{size} convolution, {module.out_channels} channels")
    if isinstance(module, nn.Embedding):
        return LayerSpec(name, "embedding", module.embedding_dim, f"embedding of {module.num_embeddings} tokens")
    if isinstance(module, nn.MultiheadAttention):
        return LayerSpec(name, "attention", module.embed_dim, f"attention, {module.num_heads} heads", module.num_heads)
    return None


def _recurrent(name: str, kind: LayerKind, module: nn.Module) -> LayerSpec:
    hidden = int(getattr(module, "proj_size", 0) or module.hidden_size)  # type: ignore[arg-type]
    both = bool(getattr(module, "bidirectional", False))
    layers = int(getattr(module, "num_layers", 1))
    words = [kind.upper(), f"{hidden} hidden units"]
    if layers > 1:
        words.append(f"the last of {layers} layers")
    if both:
        words.append("both directions")
    left_out = f"{name}: the last of its {layers} layers is shown, without the weights into it." if layers > 1 else ""
    return LayerSpec(name, kind, hidden * (2 if both else 1), ", ".join(words), left_out=left_out)


def first_tensor(value: Any) -> Tensor | None:
    """The tensor in a module's input or output: itself, the first of a tuple, or a Hugging Face output's hidden state."""
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
    """A layer's output as ``[sample, step, unit, position]``, or None where it has no axis of the layer's width."""
    tensor = tensor.detach()
    if spec.kind == "conv":
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
    """Which weights come in, and those from the units ``source`` of a layer of ``width`` to the units ``to``: ``[to, from]``."""
    found = _input_matrix(module, to)
    if found is None:
        return None
    of, rows = found
    if rows.shape[1] == width:
        return of, _strongest(rows[:, source])
    if width and rows.dim() == 2 and rows.shape[1] % width == 0:
        positions = rows.shape[1] // width
        return f"{of}, largest of {positions} positions", _strongest(rows.view(rows.shape[0], width, positions)[:, source])
    return None


def _input_matrix(module: nn.Module, to: Tensor) -> tuple[str, Tensor] | None:
    """The weights into the units ``to`` as ``[to, from, ...]``."""
    if isinstance(module, nn.Linear):
        return "weight", module.weight.detach()[to]
    if isinstance(module, _ConvTransposeNd):
        return ("weight", module.weight.detach().transpose(0, 1)[to]) if module.groups == 1 else None
    if isinstance(module, _ConvNd):
        rows = module.weight.detach()[to]
        return ("weight", rows) if module.groups == 1 else ("weight", _ungrouped(module, rows, to))
    if isinstance(module, nn.MultiheadAttention):
        if module.in_proj_weight is None:
            return "value projection", module.v_proj_weight.detach()[to]
        return "value projection", module.in_proj_weight.detach()[2 * module.embed_dim :][to]
    return _gate_rows(module, "weight_ih", to)


def _ungrouped(module: _ConvNd, rows: Tensor, to: Tensor) -> Tensor:
    flat = _strongest(rows)
    each = module.in_channels // module.groups
    full = flat.new_zeros(len(to), module.in_channels)
    first = torch.div(to, module.out_channels // module.groups, rounding_mode="floor") * each
    columns = first[:, None] + torch.arange(each, device=flat.device)[None]
    return full.scatter(1, columns, flat)


def recurrent_weights(module: nn.Module, units: Tensor) -> tuple[str, Tensor] | None:
    """Which weights, and those among the units of a recurrent layer as ``[to, from]``; None for other modules."""
    found = _gate_rows(module, "weight_hh", units)
    if found is None:
        return None
    of, rows = found
    inside = units[units < rows.shape[1]]
    return (of, _strongest(rows[:, units])) if len(inside) == len(units) else None


def _gate_rows(module: nn.Module, name: str, units: Tensor) -> tuple[str, Tensor] | None:
    kind = next((kind for types, kind in _RECURRENT if isinstance(module, types)), None)
    if kind is None or getattr(module, "bidirectional", False) or getattr(module, "proj_size", 0):
        return None
    layers = int(getattr(module, "num_layers", 1))
    if layers > 1 and name == "weight_ih":
        return None
    weight = getattr(module, name, None)
    if weight is None:
        weight = getattr(module, f"{name}_l{layers - 1}")
    of, gate = _GATE[kind]
    hidden = int(module.hidden_size)  # type: ignore[arg-type]
    return of, weight.detach()[gate * hidden + units]


def _strongest(values: Tensor) -> Tensor:
    """``[to, from, ...]`` to ``[to, from]``: over the other axes the entry of the largest magnitude, with its sign."""
    if values.dim() == 2:
        return values
    flat = values.flatten(2)
    return flat.gather(2, flat.abs().argmax(dim=2, keepdim=True)).squeeze(2)
