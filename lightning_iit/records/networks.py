"""The network as it is drawn at an epoch."""

from __future__ import annotations

from typing import TypeAlias

from lightning_iit.records.schema import SCHEMA_VERSION, Record

LayerKind: TypeAlias = str
"""What a layer is: "input", "linear", "conv", "rnn", "lstm", "gru", "embedding", "attention", "other", or the name of a kind that
was added. The viewer gives each kind that it knows a shape of its own, and all others that of "other"."""


class NetworkLayer(Record, frozen=True, kw_only=True):
    """A layer in forward order: a sample of its units, and what they did.

    Args:
        name: the module's name in the model; ``aliases`` are modules whose output is this layer's (an activation after it).
        kind: what the layer is; ``detail`` says it in words ("3x3 conv, 16 channels").
        width: how many units the layer truly has; ``indices`` are the sampled ones, ascending, of which ``analysed`` are the
            units of the analysed system.
        mean_activity: of each sampled unit over the batch that was watched.
        activity: ``[step, sampled unit]``: the units' activations along :attr:`NetworkSnapshot.steps`.
        heads: of an attention block.
    """

    name: str
    kind: LayerKind
    width: int
    indices: tuple[int, ...]
    aliases: tuple[str, ...] = ()
    detail: str = ""
    analysed: tuple[int, ...] = ()
    mean_activity: tuple[float, ...] = ()
    activity: tuple[tuple[float, ...], ...] = ()
    heads: int = 0


class Connections(Record, frozen=True, kw_only=True):
    """The strongest weights between two layers (positions in ``NetworkSnapshot.layers``; equal for recurrent ones).

    Args:
        weights: ``(from unit, to unit, weight)``, strongest first; units are indices of the whole layer.
        of: which of the module's weights ("weight", "candidate gate", "value projection").
        total: how many weights the module has between the two layers, sampled or not.
        largest: the largest magnitude among the sampled units' weights: what the thickness is measured by.
    """

    from_layer: int
    to_layer: int
    weights: tuple[tuple[int, int, float], ...]
    of: str = "weight"
    total: int = 0
    largest: float = 0.0


class NetworkSnapshot(Record, frozen=True, kw_only=True):
    """The network at an epoch, small enough to be drawn. One JSON file each, under ``<log_dir>/iit/network/snapshot=0003.json``.

    ``steps`` names each row of the layers' ``activity`` as (sample, position in its sequence).
    """

    epoch: int
    global_step: int
    wall_time: float
    layers: tuple[NetworkLayer, ...]
    connections: tuple[Connections, ...] = ()
    steps: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()
    schema_version: int = SCHEMA_VERSION
