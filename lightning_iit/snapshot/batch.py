"""What is seen of a model in one watched batch: its layers, their activations, and from which layer to which data flowed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lightning_iit.capture.choose.layers import writable
from lightning_iit.capture.hooks.attached import attach
from lightning_iit.capture.layer_kinds import kind_of
from lightning_iit.snapshot.blocks import block_of, find_blocks, part_of
from lightning_iit.snapshot.dataflow import LEFT_OUT, Dataflow, Source
from lightning_iit.snapshot.draft import DraftLayer
from lightning_iit.snapshot.layers import (
    LayerSpec,
    affine_weight,
    all_tensors,
    describe,
    first_tensor,
    is_layer,
    output_width,
    unit_values,
)
from lightning_iit.snapshot.sampling import sampled_units, shown_layers, units_of_each
from lightning_iit.snapshot.visible import not_drawn, visible_modules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lightning_iit.capture.hooks.gate import Gate

_MAX_SOURCES = 16
_MAX_CALLS = 3
"""Of so many calls of a layer it is asked what feeds it: a cell is called at every time step."""


class WatchedBatch:
    """Records the calls of a model's modules through forward hooks, from :meth:`attach` to :meth:`detach`.

    Args:
        model: the module that is trained.
        units: the analysed units of each analysed layer, by module name.
        max_units: the largest number of units sampled in one layer.
        samples: the largest number of samples whose activations are kept.
        steps: the largest number of steps kept of each sample's sequence.
        seed: the seed for the choice of the sampled units.

    Attributes:
        layers: the layers, in the order in which they were first called.
        edges: from which layer to which data flowed, as positions in ``layers``, and by which way.
        modules: the module of each layer that has one to read weights of, by its position.
        affine: the weight ``[to unit, from unit]`` of layers of unknown kind, where it was found, by their position.
        blocks: the class of each block, by the name of its module.
        notes: what is not shown, and why.
    """

    def __init__(
        self, model: nn.Module, units: Mapping[str, tuple[int, ...]], *, max_units: int, samples: int, steps: int, seed: int
    ) -> None:
        self.layers: list[DraftLayer] = []
        self.edges: dict[tuple[int, int], Source] = {}
        self.modules: dict[int, nn.Module] = {}
        self.affine: dict[int, Tensor | None] = {}
        self.blocks: dict[str, str] = {}
        self.notes: list[str] = []
        self._model, self._units = model, units
        self._max_units, self._samples, self._steps, self._seed = max_units, samples, steps, seed
        self._cap = max_units
        self._handles: list[Any] = []
        self._flow = Dataflow()
        self._visible: dict[str, nn.Module] = {}
        self._by_name: dict[str, int] = {}
        self._inputs: dict[int, int] = {}
        self._calls: Counter[int] = Counter()
        self._frozen = False

    def attach(self, gate: Gate) -> None:
        """Puts the hooks on the modules; calls are recorded while the gate is open. Compiled modules get no hooks."""
        self._gate = gate
        self._visible, self.notes = visible_modules(self._model)
        drawn = [name for name, module in self._visible.items() if is_layer(module)]
        names = shown_layers(drawn, set(self._units))
        if left_out := len(drawn) - len(names):
            self.notes.append(f"{left_out} layers are left out of the picture, and the connections through them.")
        self.notes.extend(not_drawn(self._visible, drawn))
        self.blocks = find_blocks(self._visible, drawn)
        self._cap = units_of_each(len(names), self._max_units)
        for name, module in self._visible.items():
            act: Callable[..., None]
            if name in names:
                act = self._layer
            elif name in drawn:
                act = self._left_out
            elif name in self.blocks:
                act = self._block
            elif name in self._units:
                act = self._alias
            elif not any(True for _ in module.children()):
                act = self._passed
            else:
                continue
            self._handles.append(attach(module, self._hook(name, act), with_kwargs=True))

    def detach(self) -> None:
        """Removes the hooks; may be called at any time."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._flow.clear()

    def _hook(self, name: str, act: Callable[..., None]) -> Any:
        """Returns a forward hook that records a module's calls; an error in the hook becomes a note and does not stop training."""

        def hook(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
            if not self._gate.open or _in_backward():
                return
            try:
                act(name, module, [*all_tensors(inputs), *all_tensors(named)], output)
            except Exception as error:  # noqa: BLE001  # a picture must never stop a training run
                self.notes.append(f"{name}: not shown ({type(error).__name__}: {error}).")

        return hook

    def _layer(self, name: str, module: nn.Module, given: list[Tensor], output: Any) -> None:
        """Records one call of a layer: its activations, and at its first calls the layers that feed the layer."""
        made = first_tensor(output)
        spec = None if made is None else describe(name, module, made)
        if made is None or spec is None:
            return
        batch_first = kind_of(module).is_batch_first(module)
        values = unit_values(made, spec, batch_first=batch_first)
        if values is None:
            self.notes.append(f"{name}: its output has no axis of {spec.width} units.")
            return
        if not self.layers and given and given[0].is_floating_point() and self._flow.sources(given[0]) is None:
            self._add_input(given[0], spec, batch_first=batch_first)
        index = self._by_name.get(name)
        if index is None:
            weight = affine_weight(module, given[0], made) if given and kind_of(module).picture is None else None
            if weight is not None:
                spec = replace(spec, kind="linear", detail=f"{spec.detail}, linear, {weight.shape[1]} to {weight.shape[0]}")
            elif kind_of(module).picture is None:
                self.notes.append(f"{name} ({spec.detail}): its weights are not drawn, as it is no linear map of its input.")
            index = self._add(spec)
            self.modules[index], self.affine[index] = module, weight
        self._record(index, values)
        if self._calls[index] < _MAX_CALLS:
            self._connect(index, given, spec, batch_first=batch_first)
        self._calls[index] += 1
        self._frozen = self._frozen or made.grad_fn is None
        for tensor in all_tensors(output):
            self._flow.made(tensor, index)

    def _left_out(self, _name: str, _module: nn.Module, _given: list[Tensor], output: Any) -> None:
        """Notes a call of a layer that is not in the picture, so that no connection is drawn through the layer."""
        for tensor in all_tensors(output):
            self._flow.made(tensor, LEFT_OUT)

    def _passed(self, _name: str, _module: nn.Module, given: list[Tensor], output: Any) -> None:
        """Notes a call of a module without parts that is no layer, such as an activation function."""
        made = first_tensor(output)
        if given and made is not None:
            self._flow.passed(given[0], made)

    def _block(self, name: str, module: nn.Module, given: list[Tensor], output: Any) -> None:
        """Records what a block gives as a layer if several layers make it together, as along a residual connection."""
        made = first_tensor(output)
        if made is None or made.dim() == 0:
            return
        sources = [one.layer for one in self._flow.sources(made) or () if one.layer is not None]
        inside = [block_of(self.layers[source].spec.name, [name]) is not None for source in sources]
        if any(inside) and len(sources) > 1:
            what = f"output of {self.blocks[name]}" if all(inside) else "residual stream"
            self._own(LayerSpec(name, "stream", output_width(made), what), made)
        elif name in self._units:
            self._alias(name, module, given, output)

    def _alias(self, name: str, module: nn.Module, given: list[Tensor], output: Any) -> None:
        """Records an analysed module that is no layer, such as an activation function, as a view of the layer that it shows.

        That is the only one from which its output came, if their widths are the same. Otherwise the module is recorded as a layer.
        """
        made = first_tensor(output)
        if made is None or made.dim() == 0:
            return
        if given:
            self._flow.passed(given[0], made)
        sources = self._flow.sources(made) or []
        source = sources[0].layer if len(sources) == 1 else None
        leaf = not any(True for _ in module.children())
        if source is not None and self.layers[source].spec.width == output_width(made):
            layer = self.layers[source]
            values = unit_values(made, layer.spec)
            if (leaf or block_of(layer.spec.name, [name])) and values is not None:
                if name not in layer.aliases:
                    layer.aliases.append(name)
                    self._mark(layer, name)
                layer.values.clear()  # the analysis reads the output of the activation, so the picture shows this output too
                layer.means.clear()
                self._record(source, values)
                return
        self._own(LayerSpec(name, kind_of(module).kind, output_width(made), f"analysed module, {type(module).__name__}"), made)

    def _own(self, spec: LayerSpec, made: Tensor) -> None:
        """Records the output of a module that is no layer as a layer."""
        spec = replace(spec, channels_first=made.dim() > 3)
        values = unit_values(made, spec)
        if values is None:
            return
        index = self._by_name.get(spec.name)
        index = self._add(spec) if index is None else index
        self._record(index, values)
        for source in self._flow.sources(made) or ():
            self._edge(source, index)
        self._flow.made(made, index)

    def _add_input(self, given: Tensor, spec: LayerSpec, *, batch_first: bool) -> int | None:
        """Adds values that no layer made as a layer of kind "input", and returns its index."""
        width = int(given.shape[1]) if spec.channels_first and given.dim() > 2 else int(given.shape[-1])
        many = sum(layer.spec.kind == "input" for layer in self.layers)
        name = f"input {many + 1}" if many else "input"
        inputs = LayerSpec(name, "input", width, f"the model's input, {width} values", channels_first=spec.channels_first)
        values = unit_values(given, inputs, batch_first=batch_first)
        if values is None:
            return None
        index = self._inputs[width] = self._add(replace(inputs, channels_first=False))
        self._record(index, values)
        self._flow.made(given, index)
        return index

    def _add(self, spec: LayerSpec) -> int:
        """Adds a layer, chooses its sampled units and returns its index."""
        if spec.left_out:
            self.notes.append(spec.left_out)
        index = len(self.layers)
        indices = sampled_units(spec, self._cap, self._wanted(spec), self._seed)
        layer = DraftLayer(spec, indices, steps=self._steps, samples=self._samples)
        if block := block_of(spec.name, self.blocks):
            layer.part = part_of(spec.name, self._visible, block)
        self.layers.append(layer)
        self._by_name[spec.name] = index
        self._mark(layer, spec.name)
        return index

    def _wanted(self, spec: LayerSpec) -> set[int]:
        """Returns the analysed units of a layer and of modules that are no layers, since the layer may stand for such a module."""
        plain = {writable(name) for name, module in self._model.named_modules() if not is_layer(module)}
        return {unit for name, units in self._units.items() if name == spec.name or name in plain for unit in units}

    def _mark(self, layer: DraftLayer, name: str) -> None:
        """Marks the sampled units of a layer that are analysed under a module's name."""
        known = set(layer.indices)
        layer.analysed = tuple(dict.fromkeys([*layer.analysed, *(unit for unit in self._units.get(name, ()) if unit in known)]))

    def _record(self, index: int, values: Tensor) -> None:
        """Copies the sampled units' activations ``[sample, step, unit]`` to the CPU, as means over positions."""
        layer = self.layers[index]
        units = torch.tensor(layer.indices, device=values.device)
        kept = values[:, : self._steps].index_select(2, units).float().mean(dim=3)
        if not len(kept):
            return
        layer.values.append(kept[: self._samples].cpu())
        layer.means.append(kept.mean(dim=(0, 1)).cpu())

    def _connect(self, index: int, given: list[Tensor], spec: LayerSpec, *, batch_first: bool) -> None:
        """Notes which layers feed a layer."""
        for at, tensor in enumerate(given):
            sources = self._flow.sources(tensor)
            is_data = at == 0 and tensor.is_floating_point() and not tensor.requires_grad  # the others may be states or masks
            if sources is None and is_data:
                if self._frozen:
                    self.notes.append(f"{spec.name}: what feeds it is not known, as no gradient passes there.")
                    continue
                sources = [Source(None)]
            for source in sources or ():
                if source.layer is not None:
                    self._edge(source, index)
                    continue
                axis = 1 if spec.channels_first and tensor.dim() > 2 else tensor.dim() - 1
                part = tensor.narrow(axis, source.start, source.width) if source.width else tensor
                known = self._inputs.get(part.shape[axis])
                if known is None:
                    known = self._add_input(part.detach(), spec, batch_first=batch_first)
                if known is not None:
                    self._edge(replace(source, layer=known), index)

    def _edge(self, source: Source, target: int) -> None:
        """Notes that data flowed from a layer to another."""
        if source.layer is None or source.layer == target or (source.layer, target) in self.edges:
            return
        if sum(to == target for _, to in self.edges) < _MAX_SOURCES:
            self.edges[source.layer, target] = source
        else:
            self.notes.append(f"{self.layers[target].spec.name}: only {_MAX_SOURCES} of the layers that feed it are connected.")


def _in_backward() -> bool:
    """Returns whether autograd is running backward, where activation checkpointing calls modules a second time."""
    task = getattr(torch._C, "_current_graph_task_id", None)
    return task is not None and task() != -1
