"""Whether the layers have the units whose indices were given, before the model is run for the training."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch
from lightning.fabric.utilities import move_data_to_device

from lightning_iit.capture.choose.units import checked_indices
from lightning_iit.capture.choose.widths import width_of
from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.hooks.reading import OutputReader
from lightning_iit.capture.hooks.recorder import attach_hook
from lightning_iit.capture.preserved import preserved, silence, unwrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from lightning_iit.capture.choose.layers import Layer
    from lightning_iit.capture.options import CaptureOptions


def check_indices(layers: Sequence[Layer], options: CaptureOptions) -> None:
    """Checks that layers have the given units, wherever the number of a layer's units can be known before training.

    A layer tells it itself, or the model has an ``example_input_array``, with which it is run once, without a trace.

    Raises:
        InvalidArgumentError: a layer has no unit of a given index.
    """
    if isinstance(options.units, (int, str)):
        return
    told = options.layout is None and options.unit_fn is None
    widths = {layer.name: width_of(layer.module, layer.ancestors[-1]) if told else None for layer in layers}
    unknown = [layer for layer in layers if widths[layer.name] is None]
    for name, width in {**widths, **_widths_in_example(unknown, options)}.items():
        if width is not None:
            checked_indices(options.units, width, name)


def _widths_in_example(layers: Sequence[Layer], options: CaptureOptions) -> dict[str, int]:
    """Returns how many units layers have when the model is run on its ``example_input_array``; none where it cannot be run."""
    model: Any = layers[0].ancestors[0] if layers else None
    example = getattr(model, "example_input_array", None)
    if example is None:
        return {}
    readers = [OutputReader(layer, options) for layer in layers]
    with ExitStack() as stack:
        stack.enter_context(preserved(model))
        silence(model)
        for layer, reading in zip(layers, readers, strict=True):
            reading.recorder.gate = Switch(open=True)
            stack.callback(attach_hook(unwrapped(layer.module), reading.recorder).remove)
        try:
            _call(unwrapped(model), example)
        except Exception:  # noqa: BLE001  a model of any class may raise anything; its training says so
            return {}
    rows = {layer.name: reading.rows() for layer, reading in zip(layers, readers, strict=True)}
    return {name: seen.shape[1] for name, seen in rows.items() if seen is not None}


def _call(model: nn.Module, example: Any) -> None:
    """Calls a model on an example as Lightning's summary of the model does."""
    tensor = next(model.parameters(), next(model.buffers(), torch.empty(0)))
    example = move_data_to_device(example, tensor.device)
    if isinstance(example, (tuple, list)):
        model(*example)
    elif isinstance(example, Mapping):
        model(**example)
    else:
        model(example)
