"""A snapshot's raw material, and how it is brought under its byte budget."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lightning_iit.records import Connections, NetworkLayer, NetworkSnapshot, encode

if TYPE_CHECKING:
    from lightning_iit.snapshot.layers import LayerSpec

_DIGITS = 4


@dataclass
class DraftLayer:
    """What was seen of a layer: ``values`` has one ``[sample, step, unit]`` for each call, ``means`` one ``[unit]``."""

    spec: LayerSpec
    indices: tuple[int, ...]
    samples: int
    steps: int
    aliases: list[str] = field(default_factory=list)
    analysed: tuple[int, ...] = ()
    values: list[Tensor] = field(default_factory=list)
    means: list[Tensor] = field(default_factory=list)

    def sequence(self) -> Tensor | None:
        """``[sample, step, unit]``: several calls of one module (a cell, a shared layer) follow one another."""
        if not self.values:
            return None
        shared = min(len(value) for value in self.values)
        return torch.cat([value[:shared] for value in self.values], dim=1)[:, : self.steps]


@dataclass(frozen=True)
class DraftConnections:
    """Weights ``[to, from]`` between the sampled units of two layers."""

    source: int
    target: int
    of: str
    total: int
    weights: Tensor


@dataclass(frozen=True)
class SnapshotDraft:
    """Copies of all that a snapshot needs; :meth:`build` may run in any thread."""

    epoch: int
    global_step: int
    wall_time: float
    layers: tuple[DraftLayer, ...]
    connections: tuple[DraftConnections, ...]
    notes: tuple[str, ...]
    budget: int
    keep: int

    def build(self) -> NetworkSnapshot:
        """The snapshot: weights sorted and cut to the strongest, activity cut to what fits the budget."""
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
            steps=tuple((sample, step) for sample in range(samples) for step in range(length)),
            notes=notes,
        )


def _activity_share(snapshot: NetworkSnapshot, size: int) -> float:
    numbers = sum(len(layer.indices) for layer in snapshot.layers) * len(snapshot.steps)
    return numbers * 7 / size


def _layer(layer: DraftLayer, values: Tensor | None, samples: int, length: int) -> NetworkLayer:
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
        indices=layer.indices,
        aliases=tuple(layer.aliases),
        analysed=layer.analysed,
        mean_activity=means,
        activity=rows,
    )


def _connections(pair: DraftConnections, layers: tuple[DraftLayer, ...], keep: int) -> Connections:
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
    return all(bool(torch.isfinite(value).all()) for value in layer.values)


def _numbers(row: Tensor) -> tuple[float, ...]:
    return tuple(_number(value) for value in torch.nan_to_num(row, nan=0.0, posinf=0.0, neginf=0.0).tolist())


def _number(value: float) -> float:
    """Rounded to the digits that a picture can show."""
    return float(f"{value:.{_DIGITS}g}")
