"""Where the units of a layer's output are: its tensor and the meaning of its axes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from lightning_iit.capture.layer_kind_row import PLAIN_AXES
from lightning_iit.capture.layer_kinds import kind_of
from lightning_iit.capture.layout import Layout, parse_layout
from lightning_iit.errors import UnsupportedOutputError


class Padded(NamedTuple):
    """Holds the activations of padded sequences with their lengths, as a layer was called with them."""

    data: Tensor
    """The activations, with the axes of sequence, time and unit in the order of the layer's output."""
    lengths: Tensor
    """How many time steps of each sequence are no padding, ``[sequence]``, int."""


Activations: TypeAlias = Tensor | PackedSequence | Padded

_HIDDEN_KEYS = ("last_hidden_state", "hidden_state", "hidden_states", "output", "out")
_VISION = re.compile(r"ViT|Vision|Patch|Swin|DeiT|Beit")


def activations_of(output: Any) -> Activations:
    """Finds the tensor (or packed sequence) in a layer's output: of a tuple the first, of a dict or model output the hidden state.

    Raises:
        UnsupportedOutputError: there is none, or no telling which.
    """
    if isinstance(output, (Tensor, PackedSequence, Padded)):
        return output
    if isinstance(output, Mapping):
        return activations_of(_hidden_state(output))
    if isinstance(output, (tuple, list)) and output:
        return activations_of(output[0])
    if hasattr(output, "last_hidden_state"):
        return activations_of(output.last_hidden_state)
    msg = (
        f"the output is of type {type(output).__name__}, in which no tensor of units is known; give unit_fn=, from output to tensor"
    )
    raise UnsupportedOutputError(msg)


def _hidden_state(output: Mapping[Any, Any]) -> Any:
    for key in _HIDDEN_KEYS:
        if output.get(key) is not None:
            return output[key][-1] if key == "hidden_states" else output[key]
    tensors = [value for value in output.values() if isinstance(value, Tensor)]
    if len(tensors) == 1:
        return tensors[0]
    msg = f"the output is a dict of {sorted(map(str, output))}, none of them {_HIDDEN_KEYS}; give unit_fn=, from output to tensor"
    raise UnsupportedOutputError(msg)


def layout_of(activations: Activations, module: nn.Module, *, ancestors: tuple[nn.Module, ...] = ()) -> Layout:
    """Finds the layout of a layer's activations from the kind of the module and their rank.

    Raises:
        UnsupportedOutputError: a rank or type with no usual meaning.
    """
    if not isinstance(activations, Tensor):
        return Layout("BTU", "time")
    if not activations.is_floating_point():
        msg = f"the output is a tensor of {activations.dtype}, but activations are floating point; give unit_fn=, output to tensor"
        raise UnsupportedOutputError(msg)
    rank = activations.dim()
    row = kind_of(module)
    if row.axes is not None:
        layout = _known(row.axes(module), activations)
        # The calls of a cell are put together to sequences, of which one call has no axis.
        return Layout(layout.axes, "time") if row.cell else layout
    if rank == 3:
        axes = "BTU" if _batch_first(module, ancestors) else "TBU"
        return Layout(axes, "patch" if _sees_patches(module, ancestors) else "token")
    return _known(PLAIN_AXES, activations)


def _known(axes: Mapping[int, str], activations: Tensor) -> Layout:
    if activations.dim() not in axes:
        msg = f"the output has shape {list(activations.shape)}, whose axes are not known; give layout=, e.g. 'BTU', or unit_fn="
        raise UnsupportedOutputError(msg)
    return parse_layout(axes[activations.dim()])


def _batch_first(module: nn.Module, ancestors: tuple[nn.Module, ...]) -> bool:
    transformers = (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
    parents = [parent for parent in reversed(ancestors) if isinstance(parent, transformers)]
    for candidate in (*module.modules(), *(part for parent in parents for part in parent.modules())):
        told = getattr(candidate, "batch_first", None)
        if isinstance(told, bool):
            return told
    return True


def _sees_patches(module: nn.Module, ancestors: tuple[nn.Module, ...]) -> bool:
    within = any(_VISION.search(type(part).__name__) for part in (*ancestors, module))
    return within or any("Patch" in type(part).__name__ for parent in ancestors for part in parent.children())


def sequences_of(items: Sequence[Activations], layout: Layout) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Joins what :func:`pick` kept of several outputs into few tensors ``[sequence, time, unit]`` (or ``[sequence, unit]``).

    Yields:
        Each tensor with the lengths ``[sequence]`` of its sequences, or None where they all fill it.
    """
    axes = layout.reduced
    batch = axes.find("B")
    for shape, group in groupby(items, key=lambda item: _but(item, batch)):
        if shape is None:
            for item in group:
                yield _with_lengths(item, axes)
        elif batch < 0:
            yield _ordered(torch.stack(list(group)), "B" + axes), None  # type: ignore[arg-type]
        else:
            yield _ordered(torch.cat(list(group), batch), axes), None  # type: ignore[arg-type]


def _with_lengths(item: Activations, axes: str) -> tuple[Tensor, Tensor | None]:
    """Returns the activations ``[sequence, time, unit]`` of packed or padded sequences with their lengths."""
    if isinstance(item, PackedSequence):
        return pad_packed_sequence(item, batch_first=True)
    assert isinstance(item, Padded)
    values = _ordered(item.data, axes)
    # Lengths of something else than these sequences say nothing of them.
    return values, item.lengths.clamp(0, values.shape[1]) if len(item.lengths) == len(values) else None


def _but(item: Activations, axis: int) -> tuple[int, ...] | None:
    if not isinstance(item, Tensor):
        return None
    return tuple(size for position, size in enumerate(item.shape) if position != axis)


def _ordered(values: Tensor, axes: str) -> Tensor:
    return values.permute([axes.index(letter) for letter in "BTU" if letter in axes])


def pick(activations: Activations, layout: Layout, index: Tensor | None) -> Activations:
    """Copies the activations of the units at ``index`` (None: of all), averaged over the axes that the layout does not keep."""
    if isinstance(activations, PackedSequence):
        data = pick(activations.data, Layout("BU"), index)
        assert isinstance(data, Tensor)
        return PackedSequence(data, activations.batch_sizes, activations.sorted_indices, activations.unsorted_indices)
    if isinstance(activations, Padded):
        data = pick(activations.data, layout, index)
        assert isinstance(data, Tensor)
        return Padded(data, activations.lengths)
    picked, averaged = activations.detach(), layout.averaged
    if index is not None:
        picked = picked.index_select(layout.axes.index("U"), index)
    elif not averaged:
        return picked.clone()
    return averaged_over(picked, averaged) if averaged else picked


def averaged_over(picked: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Returns the mean over these axes, in float32 at the least."""
    dtype = picked.dtype
    if dtype in {torch.float32, torch.float64}:
        return picked.mean(axes)
    return picked.mean(axes, dtype=torch.float32)
