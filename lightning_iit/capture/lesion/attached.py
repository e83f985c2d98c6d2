"""A layer whose values are observed and set: its ``forward`` is stepped, or a hook changes its outputs."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from lightning_iit.capture.hooks.outputs import activations_of, layout_of
from lightning_iit.capture.layer_kinds import kind_of
from lightning_iit.capture.layout import parse_layout
from lightning_iit.capture.lesion.stepped import custom_forward, torch_forward
from lightning_iit.capture.perturb.steps import CustomStepper, step_for
from lightning_iit.errors import InvalidArgumentError, UnsupportedOutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lightning_iit.capture.choose.layers import Layer
    from lightning_iit.capture.lesion.places import Places
    from lightning_iit.capture.perturb.steps import StepFunction


@contextmanager
def attached(layer: Layer, places: Places, *, step: StepFunction | None = None, layout: str | None = None) -> Iterator[None]:
    """Hands the values of a layer to ``places`` for the time of a ``with`` block, at each step of each call.

    Args:
        layer: the layer.
        places: observes or sets them.
        step: ``(module, state, input) -> state``, of a recurrent layer that is not PyTorch's own.
        layout: the axes of the layer's output; None tells them from the module.

    Raises:
        InvalidArgumentError: the layer is recurrent and its step is not known.
    """
    module = layer.module
    forward = None if layout is not None and step is None else _stepped(module, places, step, layer.name)
    if forward is None:
        handle = module.register_forward_hook(_hook(layer, places, layout))
        try:
            yield
        finally:
            handle.remove()
        return
    own = vars(module).get("forward")
    vars(module)["forward"] = forward
    try:
        yield
    finally:
        if own is None:
            del vars(module)["forward"]
        else:
            vars(module)["forward"] = own


def _stepped(module: nn.Module, places: Places, step: StepFunction | None, name: str) -> Callable[..., Any] | None:
    """Returns what stands for the ``forward`` of a recurrent layer; None for one whose outputs say all that its units do."""
    row = kind_of(module)
    if step is None and (not row.recurrent or (row.cell and row.runs(module))):
        return None
    if step is None and isinstance(module, nn.RNNBase) and row.runs(module):
        return torch_forward(module, places)
    stepper = step_for(module, step=step, batch_first=row.is_batch_first(module)) if step or row.runs(module) else None
    if isinstance(stepper, CustomStepper):
        return custom_forward(module, stepper, places, module.forward)
    msg = (
        f"layer={name!r}: no step of this {type(module).__name__} is known, so its units cannot be set between its steps. Give "
        "step=(module, state, input) -> state; or give layout= (as in 'BTU') to set its outputs only."
    )
    raise InvalidArgumentError(msg)


def _hook(layer: Layer, places: Places, layout: str | None) -> Callable[[nn.Module, Any, Any], Any]:
    """Returns a forward hook that hands a layer's output to ``places``."""
    cell = kind_of(layer.module).cell
    told = None if layout is None else parse_layout(layout)

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        if cell and isinstance(output, tuple):  # the hidden and the cell state
            return tuple(
                places.at(part, batch=0 if part.ndim == 2 else None, unit=-1, part=str(n)) for n, part in enumerate(output)
            )
        found = activations_of(output)
        if isinstance(found, PackedSequence):
            return _replaced(output, found, found._replace(data=places.at(found.data)))
        assert isinstance(found, Tensor)
        axes = (told or layout_of(found, layer.module, ancestors=layer.ancestors)).axes
        if len(axes) != found.ndim:
            msg = f"layer={layer.name!r}: its output has shape {list(found.shape)}, but the layout {axes!r} has {len(axes)} axes."
            raise UnsupportedOutputError(msg)
        batch = axes.index("B") if "B" in axes else None
        return _replaced(output, found, places.at(found, unit=axes.index("U"), batch=batch))

    return hook


def _replaced(output: Any, found: Any, changed: Any) -> Any:
    """Returns an output in which one tensor stands in the place of another one; what was given stays as it is.

    Raises:
        UnsupportedOutputError: the tensor is in an object of an unknown kind.
    """
    if output is found:
        return changed
    if isinstance(output, Mapping):
        whole: Any = copy.copy(output)
        for key in [key for key, value in output.items() if _holds(value, found)]:
            whole[key] = _replaced(output[key], found, changed)
        return whole
    if isinstance(output, (tuple, list)):
        parts = [_replaced(part, found, changed) if _holds(part, found) else part for part in output]
        return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
    msg = f"the output is of type {type(output).__name__}, in which units cannot be set; name a layer inside this one."
    raise UnsupportedOutputError(msg)


def _holds(value: Any, found: Any) -> bool:
    return value is found or (isinstance(value, (tuple, list)) and any(_holds(part, found) for part in value))
