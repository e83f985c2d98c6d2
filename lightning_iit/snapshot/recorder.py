"""Records snapshots of a network: sampled units, their activations in one batch, and their strongest weights.

The training thread pays for one watched batch each epoch (hooks that copy a few hundred numbers each) and for
:meth:`SnapshotRecorder.draft` (copies of small parts of the weights). Sorting and encoding happen in
:meth:`SnapshotDraft.build`, which any thread may call. Nothing here runs the model, draws from a global random generator or
changes a module.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lightning_iit.capture.choose.layers import writable
from lightning_iit.capture.hooks.attached import attach
from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.layer_kinds import kind_of
from lightning_iit.capture.scripted import is_scripted
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.snapshot.dataflow import Dataflow
from lightning_iit.snapshot.draft import DraftConnections, DraftLayer, SnapshotDraft
from lightning_iit.snapshot.layers import (
    LayerSpec,
    describe,
    first_tensor,
    input_weights,
    recurrent_weights,
    unit_values,
)
from lightning_iit.snapshot.sampling import sampled_units, thinned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.records import NetworkSnapshot

_MIN_BUDGET = 2_000
_MAX_NEURONS = 1_200
_MAX_LAYERS = 48


class SnapshotRecorder:
    """Watches one batch of a model through forward hooks and makes snapshots of the model.

    The activations are those of the first samples of the watched batch. With shuffled training data each epoch shows other
    samples: showing the same ones would need one more run of the model, which would disturb its training.

    Args:
        model: the module that is trained.
        units: the analysed units of each analysed layer, by module name; the snapshot always contains these units.
            :meth:`analyse` can add layers later.
        budget: the largest size of a snapshot's JSON, in bytes.
        max_units: the largest number of units sampled in one layer; networks with many layers get fewer.
        samples: the largest number of samples of the watched batch whose activations are kept.
        steps: the largest number of steps kept of each sample's sequence.
        connections: the largest number of weights kept for each pair of layers (the strongest ones).
        seed: the seed for the choice of the sampled units; use one seed for the whole run.

    Raises:
        InvalidArgumentError: the budget is below 2,000 bytes.

    Example::

        recorder = SnapshotRecorder(model, units={"hidden": (3, 5, 8)})
        with recorder.watch():
            model(batch)
        snapshot = recorder.snapshot(epoch=0, global_step=100)
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        units: Mapping[str, Sequence[int]] | None = None,
        budget: int = 200_000,
        max_units: int = 64,
        samples: int = 6,
        steps: int = 12,
        connections: int = 400,
        seed: int = 0,
    ) -> None:
        if budget < _MIN_BUDGET:
            msg = f"budget={budget}: a network snapshot needs at least {_MIN_BUDGET} bytes; give more, or switch snapshots off."
            raise InvalidArgumentError(msg)
        self._model = model
        self._units = {name: tuple(indices) for name, indices in (units or {}).items()}
        self._budget, self._max_units, self._seed = budget, max_units, seed
        self._samples, self._steps, self._connections = samples, steps, connections
        self._handles: list[Any] = []
        self._flow = Dataflow()
        self._gate: Gate = Switch(open=True)
        self._layers: list[DraftLayer] = []
        self._by_name: dict[str, int] = {}
        self._edges: dict[tuple[int, int], nn.Module] = {}
        self._modules: dict[int, nn.Module] = {}
        self._notes: list[str] = []

    def analyse(self, layer: str, indices: Sequence[int]) -> None:
        """Sets the analysed units of a layer, which are then always sampled and marked in the snapshot."""
        self._units[layer] = tuple(indices)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Watches every call of the model inside a ``with`` block: attaches the hooks, and detaches them at the end."""
        self.attach()
        try:
            yield
        finally:
            self.detach()

    def attach(self, gate: Gate | None = None) -> None:
        """Puts forward hooks on the layers and forgets the earlier batch. Compiled modules get no hooks.

        Args:
            gate: only calls while the gate is open are recorded; None records all calls.
        """
        self.detach()
        self._gate = gate or Switch(open=True)
        self._layers, self._edges, self._by_name, self._modules, self._notes = [], {}, {}, {}, []
        modules = self._visible()
        names = thinned([name for name, module in modules if describe(name, module)], set(self._units), _MAX_LAYERS)
        if left_out := sum(describe(name, module) is not None for name, module in modules) - len(names):
            self._notes.append(f"{left_out} layers are left out of the picture.")
        self._cap = max(8, min(self._max_units, _MAX_NEURONS // max(1, len(names))))
        for name, module in modules:
            if name in names or (name in self._units and describe(name, module) is None):
                self._handles.append(attach(module, self._hook(name)))

    def detach(self) -> None:
        """Removes the hooks; may be called at any time."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._flow.clear()

    def draft(self, *, epoch: int, global_step: int) -> SnapshotDraft:
        """Copies everything that a snapshot needs. Call this on the training thread after a watched batch.

        Args:
            epoch: the epoch that the snapshot shows.
            global_step: the trainer's global step.
        """
        pairs: list[DraftConnections] = []
        for (source, target), module in self._edges.items():
            self._copy(pairs, source, target, module, recurrent=False)
        for index, module in self._modules.items():
            self._copy(pairs, index, index, module, recurrent=True)
        notes = list(dict.fromkeys(self._notes))
        if not self._layers:
            notes.append("No layer was seen in the watched batch.")
        return SnapshotDraft(
            epoch=epoch,
            global_step=global_step,
            wall_time=time.time(),
            layers=tuple(self._layers),
            connections=tuple(pairs),
            notes=tuple(notes),
            budget=self._budget,
            keep=self._connections,
        )

    def snapshot(self, *, epoch: int, global_step: int) -> NetworkSnapshot:
        """Returns the snapshot at once: :meth:`draft` followed by :meth:`SnapshotDraft.build`."""
        return self.draft(epoch=epoch, global_step=global_step).build()

    # --- while watching ---------------------------------------------------------------------------------------------

    def _visible(self) -> list[tuple[str, nn.Module]]:
        """Returns the modules that may get hooks: no compiled module, and nothing inside a compiled module or an attention block.

        The inner modules of such blocks are not called as modules, so hooks on these inner modules would see nothing.
        """
        closed: list[str] = []
        found: list[tuple[str, nn.Module]] = []
        for given, module in self._model.named_modules():
            name = writable(given)
            if any(not prefix or name.startswith(f"{prefix}.") for prefix in closed):
                continue
            if is_scripted(module):
                closed.append(name)
                self._notes.append(f"{name or 'The model'} is TorchScript: it is not shown.")
                continue
            if getattr(module, "_compiled_call_impl", None) is not None or hasattr(module, "_orig_mod"):
                closed.append(name)
                self._notes.append(f"{name or 'The model'} is compiled: its inside is not shown.")
                continue
            if kind_of(module).whole:
                closed.append(name)
            found.append((name, module))
        return found

    def _hook(self, name: str) -> Any:
        """Returns a forward hook that records a module's calls; an error in the hook becomes a note and does not stop training."""

        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if not self._gate.open or _in_backward():
                return
            try:
                self._seen(name, module, inputs, output)
            except Exception as error:  # noqa: BLE001  # a picture must never stop a training run
                self._notes.append(f"{name}: not shown ({type(error).__name__}: {error}).")

        return hook

    def _seen(self, name: str, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """Records one call of a module, as a layer or as an alias of the layer before the module."""
        made = first_tensor(output)
        if made is None:
            return
        spec = describe(name, module)
        if spec is None:
            self._alias(name, made)
        else:
            self._layer(spec, module, inputs, made)

    def _layer(self, spec: LayerSpec, module: nn.Module, inputs: tuple[Any, ...], made: Tensor) -> None:
        """Records one call of a layer: its activations, and at the first call the layers that feed the layer."""
        name = spec.name
        batch_first = kind_of(module).is_batch_first(module)
        values = unit_values(made, spec, batch_first=batch_first)
        if values is None:
            self._notes.append(f"{name}: its output has no axis of {spec.width} units.")
            return
        given = first_tensor(inputs)
        if not self._layers and given is not None and given.is_floating_point():
            self._add_input(given, spec, batch_first=batch_first)
        index = self._by_name.get(name)
        again = index is not None
        if index is None:
            index = self._add(spec)
            self._modules[index] = module
        self._record(index, values)
        if given is not None and not again:
            self._connect(index, given, module)
        self._flow.made(made, index)

    def _alias(self, name: str, made: Tensor) -> None:
        """Records an analysed module that is no layer (an activation function, a block) as a view of the layer before the module.

        If the widths differ, the module is recorded as a layer of kind "other".
        """
        source = next(iter(self._flow.sources(made)), len(self._layers) - 1 if self._layers else None)
        width = made.shape[1] if made.dim() == 4 else made.shape[-1]
        if source is not None and self._layers[source].spec.width == width:
            layer = self._layers[source]
            if name not in layer.aliases:
                layer.aliases.append(name)
                self._mark(layer, name)
            values = unit_values(made, layer.spec)
            if values is not None:
                layer.values.clear()  # the analysis reads the output of the activation, so the picture shows this output too
                layer.means.clear()
                self._record(source, values)
            return
        spec = LayerSpec(name, "other", int(width), "analysed module")
        values = unit_values(made, spec)
        if values is not None:
            index = self._by_name.get(name)
            index = self._add(spec) if index is None else index
            self._record(index, values)
            self._flow.made(made, index)

    def _add_input(self, given: Tensor, spec: LayerSpec, *, batch_first: bool) -> None:
        width = int(given.shape[1]) if spec.channels_first and given.dim() > 2 else int(given.shape[-1])
        inputs = LayerSpec("input", "input", width, f"the model's input, {width} values", channels_first=spec.channels_first)
        values = unit_values(given, inputs, batch_first=batch_first)
        if values is not None:
            self._record(self._add(replace(inputs, channels_first=False)), values)

    def _add(self, spec: LayerSpec) -> int:
        """Adds a layer, chooses its sampled units and returns its index."""
        if spec.left_out:
            self._notes.append(spec.left_out)
        index = len(self._layers)
        indices = sampled_units(spec, self._cap, self._wanted(spec), self._seed)
        layer = DraftLayer(spec, indices, steps=self._steps, samples=self._samples)
        self._layers.append(layer)
        self._by_name[spec.name] = index
        self._mark(layer, spec.name)
        return index

    def _wanted(self, spec: LayerSpec) -> set[int]:
        """Returns the analysed units of a layer and of modules that are no layers, since the layer may stand for such a module."""
        plain = {writable(name) for name, module in self._model.named_modules() if describe(name, module) is None}
        return {unit for name, units in self._units.items() if name == spec.name or name in plain for unit in units}

    def _mark(self, layer: DraftLayer, name: str) -> None:
        """Marks the sampled units of a layer that are analysed under a module's name."""
        known = set(layer.indices)
        layer.analysed = tuple(dict.fromkeys([*layer.analysed, *(unit for unit in self._units.get(name, ()) if unit in known)]))

    def _record(self, index: int, values: Tensor) -> None:
        """Copies the sampled units' activations ``[sample, step, unit]`` to the CPU, as means over positions."""
        layer = self._layers[index]
        units = torch.tensor(layer.indices, device=values.device)
        kept = values[:, : self._steps].index_select(2, units).float().mean(dim=3)
        if not len(kept):
            return
        layer.values.append(kept[: self._samples].cpu())
        layer.means.append(kept.mean(dim=(0, 1)).cpu())

    def _connect(self, index: int, given: Tensor, module: nn.Module) -> None:
        """Notes which layers (at most four) feed a layer; if the graph names none, takes the model's input or the layer before."""
        sources = self._flow.sources(given)
        if not sources and index > 0:
            first = self._layers[0].spec.kind == "input" and not given.requires_grad and torch.is_grad_enabled()
            sources = [0 if first else index - 1]
        for source in sources[:4]:
            if source != index:
                self._edges[source, index] = module

    def _copy(self, pairs: list[DraftConnections], source: int, target: int, module: nn.Module, *, recurrent: bool) -> None:
        """Copies the weights between the sampled units of two layers and appends them to ``pairs``."""
        before, after = self._layers[source], self._layers[target]
        try:
            device = next(module.parameters()).device
            to = torch.tensor(after.indices, device=device)
            if recurrent:
                found, total = recurrent_weights(module, to), after.spec.width**2
            else:
                found = input_weights(module, to, torch.tensor(before.indices, device=device), before.spec.width)
                total = before.spec.width * after.spec.width
        except Exception as error:  # noqa: BLE001  # sharded or quantised weights: the picture shows no connections then
            self._notes.append(f"{after.spec.name}: its weights cannot be read ({type(error).__name__}: {error}).")
            return
        if found is not None:
            of, weights = found
            copied = weights.to(device="cpu", dtype=torch.float32, copy=True)
            pairs.append(DraftConnections(source, target, of, total, copied))


def _in_backward() -> bool:
    """Returns whether autograd is running backward, where activation checkpointing calls modules a second time."""
    task = getattr(torch._C, "_current_graph_task_id", None)
    return task is not None and task() != -1
