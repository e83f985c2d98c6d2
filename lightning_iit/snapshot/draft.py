"""Turns the copied activations and weights of a network into a snapshot of limited size."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lightning_iit.records import Connections, NetworkBlock, NetworkLayer, NetworkSnapshot, encode

if TYPE_CHECKING:
    from lightning_iit.snapshot.layers import LayerSpec

_DIGITS = 4


@dataclass
class DraftLayer:
    """Holds the activations of one layer in the watched batch, for its sampled units.

    Attributes:
        spec: the layer's name, kind and width.
        indices: the sampled units, ascending.
        samples: the largest number of samples to keep.
        steps: the largest number of steps to keep.
        aliases: names of analysed modules whose output shows this layer's units (such as an activation function).
        analysed: the sampled units that are analysed.
        part: the part of its block that the layer is in.
        values: one activation tensor ``[sample, step, unit]`` for each call of the module.
        means: the mean activation ``[unit]`` over samples and steps, one for each call of the module.
    """

    spec: LayerSpec
    indices: tuple[int, ...]
    samples: int
    steps: int
    aliases: list[str] = field(default_factory=list)
    analysed: tuple[int, ...] = ()
    part: str = ""
    values: list[Tensor] = field(default_factory=list)
    means: list[Tensor] = field(default_factory=list)

    def sequence(self) -> Tensor | None:
        """Returns the activations ``[sample, step, unit]``, or None if the layer has none.

        The calls of one module (a recurrent cell, a shared layer) follow one another along the step axis. At most ``steps`` steps
        are returned.
        """
        if not self.values:
            return None
        shared = min(len(value) for value in self.values)
        return torch.cat([value[:shared] for value in self.values], dim=1)[:, : self.steps]


@dataclass(frozen=True)
class DraftConnections:
    """Holds the weights between the sampled units of two layers.

    Attributes:
        source: the position of the layer that the weights come from, in :attr:`SnapshotDraft.layers`.
        target: the position of the layer that the weights go to; equal to ``source`` for recurrent weights.
        of: which of the module's weights, such as "weight" or "candidate gate".
        total: the number of weights between all units of the two layers, sampled or not.
        weights: ``[to unit, from unit]``.
    """

    source: int
    target: int
    of: str
    total: int
    weights: Tensor


@dataclass(frozen=True)
class SnapshotDraft:
    """Holds copies of everything that a snapshot needs, so that :meth:`build` may run in any thread.

    Attributes:
        flows: from which layer to which data flowed, as positions in :attr:`layers`.
        blocks: the blocks that the layers are in.
        budget: the largest size of the snapshot's JSON, in bytes.
        keep: the largest number of weights to keep for each pair of layers.
    """

    epoch: int
    global_step: int
    wall_time: float
    layers: tuple[DraftLayer, ...]
    connections: tuple[DraftConnections, ...]
    flows: tuple[tuple[int, int], ...]
    blocks: tuple[NetworkBlock, ...]
    notes: tuple[str, ...]
    budget: int
    keep: int

    def build(self) -> NetworkSnapshot:
        """Builds the snapshot: keeps the strongest weights, and as many samples and steps as fit into the budget.

        While the JSON is too large, the larger part of it is reduced: activations (samples are halved, then steps) or weights. A
        snapshot that cannot shrink further is returned even if it is larger than the budget.
        """
        sequences = [layer.sequence() for layer in self.layers]
        samples = min((len(values) for values in sequences if values is not None), default=0)
        length = max((values.shape[1] for values in sequences if values is not None), default=0)
        keep = self.keep
        while True:
            snapshot = self._build(sequences, samples, length, keep)
            size = len(encode(snapshot))
            if size <= self.budget or (keep <= 1 and samples * length <= 1):
                return snapshot
            if samples * length > 1 and (keep <= 8 or _activity_share(snapshot, size) > 0.5):
                samples, length = (math.ceil(samples / 2), length) if samples > 1 else (samples, math.ceil(length / 2))
            else:
                keep = max(1, int(keep * max(0.25, min(0.9, self.budget / size))))

    def _build(self, sequences: list[Tensor | None], samples: int, length: int, keep: int) -> NetworkSnapshot:
        """Builds the snapshot with the given numbers of samples, steps and weights per pair of layers."""
        layers = [_layer(layer, values, samples, length) for layer, values in zip(self.layers, sequences, strict=True)]
        notes = self.notes
        if any(not _finite(layer) for layer in self.layers):
            notes = (*notes, "Activations that are not finite are shown as 0.")
        return NetworkSnapshot(
            epoch=self.epoch,
            global_step=self.global_step,
            wall_time=self.wall_time,
            layers=tuple(layers),
            connections=tuple(_connections(pair, self.layers, keep) for pair in self.connections),
            flows=self.flows,
            blocks=self.blocks,
            steps=tuple((sample, step) for sample in range(samples) for step in range(length)),
            notes=notes,
        )


def _activity_share(snapshot: NetworkSnapshot, size: int) -> float:
    """Estimates the fraction (0 to 1) of a snapshot's ``size`` in bytes that activations take, at 7 bytes for each."""
    numbers = sum(len(layer.indices) for layer in snapshot.layers) * len(snapshot.steps)
    return numbers * 7 / size


def _layer(layer: DraftLayer, values: Tensor | None, samples: int, length: int) -> NetworkLayer:
    """Returns a layer of the snapshot with its first ``samples`` samples and ``length`` steps."""
    rows: tuple[tuple[float, ...], ...] = ()
    if values is not None and samples:
        steps = torch.arange(length).clamp(max=values.shape[1] - 1)  # a layer without a time axis keeps its value
        rows = tuple(_numbers(row) for row in values[:samples][:, steps].flatten(0, 1))
    means = _numbers(torch.stack(layer.means).mean(dim=0)) if layer.means else ()
    return NetworkLayer(
        name=layer.spec.name,
        kind=layer.spec.kind,
        width=layer.spec.width,
        detail=layer.spec.detail,
        heads=layer.spec.heads,
        part=layer.part,
        indices=layer.indices,
        aliases=tuple(layer.aliases),
        analysed=layer.analysed,
        mean_activity=means,
        activity=rows,
    )


def _connections(pair: DraftConnections, layers: tuple[DraftLayer, ...], keep: int) -> Connections:
    """Returns the ``keep`` strongest sampled weights between two layers, without zeros; weights that are not finite count as 0."""
    weights = torch.nan_to_num(pair.weights, nan=0.0, posinf=0.0, neginf=0.0)
    flat = weights.flatten()
    order = flat.abs().topk(min(keep, len(flat))).indices.tolist()
    sources, targets = layers[pair.source].indices, layers[pair.target].indices
    columns = max(1, weights.shape[1])
    triples = tuple((sources[at % columns], targets[at // columns], _number(float(flat[at]))) for at in order)
    return Connections(
        from_layer=pair.source,
        to_layer=pair.target,
        weights=tuple(triple for triple in triples if triple[2] != 0.0),
        of=pair.of,
        total=pair.total,
        largest=_number(float(flat.abs().max())) if len(flat) else 0.0,
    )


def _finite(layer: DraftLayer) -> bool:
    """Returns whether all activations of a layer are finite."""
    return all(bool(torch.isfinite(value).all()) for value in layer.values)


def _numbers(row: Tensor) -> tuple[float, ...]:
    """Returns a tensor's values, rounded; values that are not finite become 0."""
    return tuple(_number(value) for value in torch.nan_to_num(row, nan=0.0, posinf=0.0, neginf=0.0).tolist())


def _number(value: float) -> float:
    """Rounds a value to four significant digits, which is enough for a picture."""
    return float(f"{value:.{_DIGITS}g}")
