"""Copies the activations of the units that snapshots show, in single steps of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lightning_iit.capture.hooks.attached import attach
from lightning_iit.capture.layer_kinds import kind_of
from lightning_iit.records.steering.activity import LayerUnits
from lightning_iit.snapshot.layers import describe, first_tensor, is_layer, unit_values
from lightning_iit.snapshot.sampling import sampled_units, shown_layers, units_of_each
from lightning_iit.snapshot.visible import visible_modules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

    from lightning_iit.capture.hooks.attached import AttachedHook
    from lightning_iit.capture.hooks.gate import Gate


class LiveActivity:
    """Copies, in steps that are asked for, what a network's units do: of the first sample of the batch, where its sequence ends.

    From the first :meth:`ask` to :meth:`detach` hooks are on the layers, which copy one step after each :meth:`ask`. Compiled
    modules get no hooks.

    Args:
        model: the module that is trained.
        gate: says which calls belong to a training step.
        seed: that of the run's snapshots, so that the units are the same.
    """

    def __init__(self, model: nn.Module, gate: Gate, *, seed: int) -> None:
        self._model, self._gate, self._seed = model, gate, seed
        self._handles: list[AttachedHook] = []
        self._units: Mapping[str, Sequence[int]] = {}
        self._cap = 0
        self._asked = False
        self._found: dict[str, tuple[LayerUnits, Tensor]] = {}

    def detach(self) -> None:
        """Removes the hooks; may be called at any time."""
        for handle in self._handles:
            handle.remove()
        self._handles, self._found, self._asked = [], {}, False

    def ask(self, units: Mapping[str, Sequence[int]]) -> None:
        """Has the next step copied.

        Args:
            units: the analysed units of each layer, by module name; they are always among those that are copied.
        """
        self._units, self._asked, self._found = units, True, {}
        if not self._handles:
            self._attach()

    def take(self) -> list[tuple[LayerUnits, list[float]]]:
        """Returns what was copied since the last :meth:`ask`, layer by layer; nothing where no call came."""
        found, self._found = self._found, {}
        if found:
            self._asked = False
        return [(units, torch.nan_to_num(values).tolist()) for units, values in found.values()]

    def _attach(self) -> None:
        """Puts hooks on the layers."""
        modules, _ = visible_modules(self._model)
        drawn = [name for name, module in modules.items() if is_layer(module)]
        names = shown_layers(drawn, set(self._units))
        self._cap = units_of_each(len(names))
        self._handles = [attach(modules[name], self._hook(name)) for name in drawn if name in names]

    def _hook(self, name: str) -> Any:
        """Returns a forward hook that copies the last call of a layer."""

        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ARG001
            if not self._asked or not self._gate.open or torch._C._current_graph_task_id() != -1:
                return
            try:
                self._copy(name, module, output)
            except Exception:  # noqa: BLE001  a picture must never stop a training
                self._found.pop(name, None)

        return hook

    def _copy(self, name: str, module: nn.Module, output: Any) -> None:
        """Copies the activations of a layer's units."""
        made = first_tensor(output)
        spec = None if made is None else describe(name, module, made)
        if made is None or spec is None:
            return
        values = unit_values(made, spec, batch_first=kind_of(module).is_batch_first(module))
        if values is None or not len(values):
            return
        indices = sampled_units(spec, self._cap, set(self._units.get(name, ())), self._seed)
        chosen = torch.tensor(indices, device=values.device)
        self._found[name] = LayerUnits(name, indices), values[0, -1].index_select(0, chosen).float().mean(dim=1)
