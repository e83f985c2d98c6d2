"""Runs with the pictures of well-known networks: records that are made up, snapshots of the real modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import architectures
import msgspec
import torch
from viewer_runs import make_record, write_file, write_record

from lightning_iit.records import encode
from lightning_iit.snapshot.recorder import SnapshotRecorder

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from lightning_iit.records import NetworkSnapshot


def write_architecture(run: Path, model: nn.Module, batch: Tensor, layers: dict[str, int]) -> NetworkSnapshot:
    """Writes one epoch with a record of each layer, of so many units, and the network as it is drawn."""
    recorder = SnapshotRecorder(model, units={layer: make_record(layer, 0, n=n).units.indices for layer, n in layers.items()})
    with recorder.watch():
        model(batch)
    shot = recorder.snapshot(epoch=0, global_step=10)
    for layer, n in layers.items():
        write_record(run, msgspec.structs.replace(make_record(layer, 0, n=n), layer=layer))
    write_file(run / "iit" / "network" / "snapshot=0000.json", encode(shot))
    return shot


def gpt2(run: Path) -> NetworkSnapshot:
    layers = {"transformer.h.5.mlp": 3, "transformer.h.8": 2}
    return write_architecture(run, architectures.gpt2(12), torch.arange(20).view(2, 10), layers)


def resnet18(run: Path) -> NetworkSnapshot:
    return write_architecture(run, architectures.resnet18(), torch.randn(2, 3, 32, 32), {"layer3.0.conv1": 3})


def u_net(run: Path) -> NetworkSnapshot:
    return write_architecture(run, architectures.UNet(), torch.randn(2, 3, 16, 16), {"middle.second": 3})
