"""Snapshots of the network: sampled units, what they did in one batch, and their strongest weights.

The training thread pays for one watched batch an epoch (hooks that copy a few hundred numbers each) and for
:meth:`SnapshotRecorder.draft` (small slices of the weights). Sorting and encoding happen in :meth:`SnapshotDraft.build`, which any
thread may call. Nothing here runs the model, draws from a global random generator or changes a module.
"""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.layer_kinds import kind_of
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

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.records import NetworkSnapshot

_MIN_BUDGET = 2_000
_MAX_NEURONS = 1_200
_MAX_LAYERS = 48


class SnapshotRecorder:
    """Watches one batch of a model and draws up snapshots of it.

    The activity is that of the watched batch's first samples: where the training data are shuffled, those are other samples in each
    epoch. The same ones could be had only by running the model once more, which would disturb its training.

    Args:
        model: the module that is trained.
        units: the analysed units of each analysed layer by module name; they are always among the sampled ones. It may be filled
            in later with :meth:`analyse`.
        budget: the most bytes that a snapshot's JSON may have.
        max_units: the most units of a layer that are sampled (fewer in networks of many layers).
        samples: how many samples of the watched batch give the activity sequence.
        steps: how many steps of each sample's sequence are kept at most.
        connections: how many of the strongest weights are kept for each pair of layers at most.
        seed: chooses the sampled units; the same for the whole run.

    Raises:
        InvalidArgumentError: a budget in which no network fits.

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
        """Says which units of a layer are analysed, so that they are sampled and marked."""
        self._units[layer] = tuple(indices)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Watches what runs inside: :meth:`attach` and :meth:`detach` around it."""
        self.attach()
        try:
            yield
        finally:
            self.detach()

    def attach(self, gate: Gate | None = None) -> None:
        """Puts hooks on the layers; what was watched before is forgotten. Compiled modules are left alone.

        Args:
            gate: calls are seen while it is open; None for all calls.
        """
        self.detach()
        self._gate = gate or Switch(open=True)
        self._layers, self._edges, self._by_name, self._modules, self._notes = [], {}, {}, {}, []
        modules = self._visible()
        names = _thinned([name for name, module in modules if describe(name, module)], set(self._units), _MAX_LAYERS)
        if left_out := sum(describe(name, module) is not None for name, module in modules) - len(names):
            self._notes.append(f"{left_out} layers are left out of the picture.")
        self._cap = max(8, min(self._max_units, _MAX_NEURONS // max(1, len(names))))
        for name, module in modules:
            if name in names or (name in self._units and describe(name, module) is None):
                self._handles.append(module.register_forward_hook(self._hook(name)))

    def detach(self) -> None:
        """Takes the hooks off; safe to call at any time."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._flow.clear()

    def draft(self, *, epoch: int, global_step: int) -> SnapshotDraft:
        """Copies what a snapshot needs; call it on the training thread, after a watched batch."""
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
        """Draft and build in one go."""
        return self.draft(epoch=epoch, global_step=global_step).build()

    # --- while watching ---------------------------------------------------------------------------------------------

    def _visible(self) -> list[tuple[str, nn.Module]]:
        """The modules that may be hooked: not those inside a compiled or a watched block (its inside is not called as modules)."""
        closed: list[str] = []
        found: list[tuple[str, nn.Module]] = []
        for name, module in self._model.named_modules():
            if any(not prefix or name.startswith(f"{prefix}.") for prefix in closed):
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
        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if not self._gate.open or _in_backward():
                return
            try:
                self._seen(name, module, inputs, output)
            except Exception as error:  # noqa: BLE001  # a picture must never stop a training run
                self._notes.append(f"{name}: not shown ({type(error).__name__}: {error}).")

        return hook

    def _seen(self, name: str, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        made = first_tensor(output)
        if made is None:
            return
        spec = describe(name, module)
        if spec is None:
            self._alias(name, made)
        else:
            self._layer(spec, module, inputs, made)

    def _layer(self, spec: LayerSpec, module: nn.Module, inputs: tuple[Any, ...], made: Tensor) -> None:
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
        """An analysed module that is no layer of its own (an activation, a block) shows the units of the layer before it."""
        source = next(iter(self._flow.sources(made)), len(self._layers) - 1 if self._layers else None)
        width = made.shape[1] if made.dim() == 4 else made.shape[-1]
        if source is not None and self._layers[source].spec.width == width:
            layer = self._layers[source]
            if name not in layer.aliases:
                layer.aliases.append(name)
                self._mark(layer, name)
            values = unit_values(made, layer.spec)
            if values is not None:
                layer.values.clear()  # the activation's output is what the analysis sees
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
        if spec.left_out:
            self._notes.append(spec.left_out)
        index = len(self._layers)
        indices = _sampled(spec, self._cap, self._wanted(spec), self._seed)
        layer = DraftLayer(spec, indices, steps=self._steps, samples=self._samples)
        self._layers.append(layer)
        self._by_name[spec.name] = index
        self._mark(layer, spec.name)
        return index

    def _wanted(self, spec: LayerSpec) -> set[int]:
        """The analysed units of this layer, and those of modules that may turn out to show this layer's units."""
        plain = {name for name, module in self._model.named_modules() if describe(name, module) is None}
        return {unit for name, units in self._units.items() if name == spec.name or name in plain for unit in units}

    def _mark(self, layer: DraftLayer, name: str) -> None:
        known = set(layer.indices)
        layer.analysed = tuple(dict.fromkeys([*layer.analysed, *(unit for unit in self._units.get(name, ()) if unit in known)]))

    def _record(self, index: int, values: Tensor) -> None:
        layer = self._layers[index]
        units = torch.tensor(layer.indices, device=values.device)
        kept = values[:, : self._steps].index_select(2, units).float().mean(dim=3)
        if not len(kept):
            return
        layer.values.append(kept[: self._samples].cpu())
        layer.means.append(kept.mean(dim=(0, 1)).cpu())

    def _connect(self, index: int, given: Tensor, module: nn.Module) -> None:
        sources = self._flow.sources(given)
        if not sources and index > 0:
            first = self._layers[0].spec.kind == "input" and not given.requires_grad and torch.is_grad_enabled()
            sources = [0 if first else index - 1]
        for source in sources[:4]:
            if source != index:
                self._edges[source, index] = module

    def _copy(self, pairs: list[DraftConnections], source: int, target: int, module: nn.Module, *, recurrent: bool) -> None:
        before, after = self._layers[source], self._layers[target]
        try:
            device = next(module.parameters()).device
            to = torch.tensor(after.indices, device=device)
            if recurrent:
                found, total = recurrent_weights(module, to), after.spec.width**2
            else:
                found = input_weights(module, to, torch.tensor(before.indices, device=device), before.spec.width)
                total = before.spec.width * after.spec.width
        except Exception as error:  # noqa: BLE001  # sharded or quantised weights: the picture goes without them
            self._notes.append(f"{after.spec.name}: its weights cannot be read ({type(error).__name__}: {error}).")
            return
        if found is not None:
            of, weights = found
            copied = weights.to(device="cpu", dtype=torch.float32, copy=True)
            pairs.append(DraftConnections(source, target, of, total, copied))


def _in_backward() -> bool:
    """Whether autograd runs: activation checkpointing calls the modules a second time then."""
    task = getattr(torch._C, "_current_graph_task_id", None)
    return task is not None and task() != -1


def _sampled(spec: LayerSpec, cap: int, wanted: set[int], seed: int) -> tuple[int, ...]:
    if spec.width <= cap:
        return tuple(range(spec.width))
    chosen = {unit for unit in wanted if 0 <= unit < spec.width}
    others = [unit for unit in range(spec.width) if unit not in chosen]
    generator = random.Random(f"{seed}:{spec.name}")  # noqa: S311  # not for secrets
    return tuple(sorted(chosen | set(generator.sample(others, max(0, cap - len(chosen))))))


def _thinned(names: list[str], wanted: set[str], most: int) -> set[str]:
    if len(names) <= most:
        return set(names)
    step = (len(names) - 1) / (most - 1)
    return {names[round(index * step)] for index in range(most)} | (wanted & set(names))
