"""The hooks of several layers, which are put on a model and taken off together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.capture.choose.layers import find_layers
from lightning_iit.capture.hooks.recorder import attach_hook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn

    from lightning_iit.capture.choose.layers import Layer
    from lightning_iit.capture.hooks.attached import AttachedHook
    from lightning_iit.capture.hooks.recorder import Recorder


class LayerHooks:
    """Holds the hooks on layers of one model at a time."""

    def __init__(self) -> None:
        self._handles: list[AttachedHook] = []

    def attach(self, model: nn.Module, begin: Mapping[str, Callable[[Layer], Recorder]]) -> None:
        """Hooks the layers of a model; the hooks that there are go first.

        Args:
            model: the model, or a copy of it.
            begin: for the name of each layer what gives the recorder of its hook.
        """
        self.detach()
        for recorder_of, layer in zip(begin.values(), find_layers(model, list(begin)), strict=True):
            self._handles.append(attach_hook(layer.module, recorder_of(layer)))

    def detach(self) -> None:
        """Removes all hooks."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
