"""The network as the viewer draws it at an epoch."""

from __future__ import annotations

from typing import TypeAlias

from lightning_iit.records.schema import SCHEMA_VERSION, Count, Epoch, Index, Record, Size, Step, WallTime

LayerKind: TypeAlias = str
"""What a layer is: "input", "linear", "conv", "rnn", "lstm", "gru", "embedding", "attention", "stream" (what several layers of a
block give together, as along a residual connection), "other", or the name of a kind that was added. The viewer gives each kind that
it knows a shape of its own, and all others that of "other"."""


class NetworkLayer(Record, frozen=True, kw_only=True):
    """Holds a layer of the drawn network: a sample of its units, and their activity.

    Args:
        name: the module's name in the model.
        kind: the type of the layer.
        width: how many units the layer has.
        indices: the sampled units, ascending.
        aliases: names of other modules that give this layer's output (an activation function after the layer).
        detail: the layer in words, such as "3x3 conv, 16 channels".
        analysed: the units of the analysed system, which are among the sampled ones.
        mean_activity: the mean activation of each sampled unit over the batch that was watched.
        activity: ``[step, sampled unit]``: the units' activations along :attr:`NetworkSnapshot.steps`.
        heads: the number of heads of an attention block; otherwise 0.
        part: the part of its block that the layer is in, "attention" or "MLP"; otherwise empty.
    """

    name: str
    kind: LayerKind
    width: Count
    indices: tuple[Index, ...]
    aliases: tuple[str, ...] = ()
    detail: str = ""
    analysed: tuple[Index, ...] = ()
    mean_activity: tuple[float, ...] = ()
    activity: tuple[tuple[float, ...], ...] = ()
    heads: Count = 0
    part: str = ""


class NetworkBlock(Record, frozen=True, kw_only=True):
    """Names a block of the drawn network, such as a transformer's: one of several modules of a class.

    Args:
        name: the module's name in the model.
        kind: the name of its class.
        layers: the positions of its layers in ``NetworkSnapshot.layers``.
    """

    name: str
    kind: str
    layers: tuple[Index, ...]


class Connections(Record, frozen=True, kw_only=True):
    """Holds the strongest weights between two layers.

    Args:
        from_layer: position of the source in ``NetworkSnapshot.layers``; equal to ``to_layer`` for recurrent weights.
        to_layer: position of the target in ``NetworkSnapshot.layers``.
        weights: ``(from unit, to unit, weight)``, strongest first; units are indices of the whole layer.
        of: which of the module's weights are drawn, such as "weight", "candidate gate" or "value projection".
        total: how many weights the module has between the two layers, whether their units are sampled or not.
        largest: the largest magnitude among the sampled units' weights, relative to which the viewer draws thickness.
    """

    from_layer: Index
    to_layer: Index
    weights: tuple[tuple[Index, Index, float], ...]
    of: str = "weight"
    total: Count = 0
    largest: Size = 0.0


class NetworkSnapshot(Record, frozen=True, kw_only=True):
    """Holds the network at an epoch, small enough to be drawn.

    Each snapshot is one JSON file, ``<log_dir>/iit/network/snapshot=0003.json``.

    Args:
        epoch: the epoch; -1 is the untrained network.
        global_step: the trainer's global step at the snapshot.
        wall_time: the time of the snapshot, in seconds since 1970.
        layers: the layers in forward order.
        connections: the strongest weights between layers.
        flows: ``(from layer, to layer)`` for each pair between which data flowed with no other layer between, as positions in
            ``layers``; empty in snapshots of version 0.1.0, which have connections only.
        blocks: the blocks that the layers are in.
        steps: the (sample, position in its sequence) of each row of the layers' ``activity``.
        notes: what a viewer should know, such as layers that were left out.
        schema_version: the version of the schema that was written.
    """

    epoch: Epoch
    global_step: Step
    wall_time: WallTime
    layers: tuple[NetworkLayer, ...]
    connections: tuple[Connections, ...] = ()
    flows: tuple[tuple[Index, Index], ...] = ()
    blocks: tuple[NetworkBlock, ...] = ()
    steps: tuple[tuple[Count, Count], ...] = ()
    notes: tuple[str, ...] = ()
    schema_version: Count = SCHEMA_VERSION
