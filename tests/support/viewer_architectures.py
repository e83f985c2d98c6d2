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

    from lightning_iit.records import EpochRecord, NetworkSnapshot


def write_architecture(run: Path, model: nn.Module, batch: Tensor, layers: dict[str, tuple[int, int]]) -> NetworkSnapshot:
    """Writes one epoch with a record of each layer, of so many of its so many units, and the network as it is drawn."""
    records = {layer: _record(layer, n, width) for layer, (n, width) in layers.items()}
    recorder = SnapshotRecorder(model, units={layer: record.units.indices for layer, record in records.items() if record.units})
    with recorder.watch():
        model(batch)
    shot = recorder.snapshot(epoch=0, global_step=10)
    for record in records.values():
        write_record(run, record)
    write_file(run / "iit" / "network" / "snapshot=0000.json", encode(shot))
    return shot


def _record(layer: str, n: int, width: int) -> EpochRecord:
    record = make_record(layer, 0, n=n)
    units = tuple(sorted(index * width // 32 for index in record.units.indices)) if record.units else ()
    assert len(set(units)) == n, "two units of a record are one"
    return msgspec.structs.replace(record, units=msgspec.structs.replace(record.units, indices=units, width=width))


def gpt2(run: Path) -> NetworkSnapshot:
    layers = {"transformer.h.5.mlp": (3, 16), "transformer.h.8": (2, 16)}
    return write_architecture(run, architectures.gpt2(12), torch.arange(20).view(2, 10), layers)


def bert(run: Path) -> NetworkSnapshot:
    return write_architecture(run, architectures.bert(), torch.arange(20).view(2, 10), {"bert.encoder.layer.1": (3, 16)})


def resnet18(run: Path) -> NetworkSnapshot:
    return write_architecture(run, architectures.resnet18(), torch.randn(2, 3, 32, 32), {"layer3.0.conv1": (3, 256)})


def u_net(run: Path) -> NetworkSnapshot:
    return write_architecture(run, architectures.UNet(), torch.randn(2, 3, 16, 16), {"middle.second": (3, 24)})
