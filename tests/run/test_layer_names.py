"""Layers of any name: in a training, their records are written and read, and nobody else's are lost."""

from __future__ import annotations

import json
import os
import unicodedata

import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn
from torch.utils.data import DataLoader

from lightning_iit import IITCallback
from lightning_iit.records import decode_network
from lightning_iit.records.store import load_run
from lightning_iit.viewer.export import page_of

NAMES = (
    os.fsdecode(b"fc\xff"),
    "plain",
    "a/b",
    "a\\b",
    "tab\t\n\x00",
    "n" * 1000,
    unicodedata.normalize("NFC", "é"),
    unicodedata.normalize("NFD", "é"),
    "report",
)


class Named(pl.LightningModule):
    """Layers of these names, one after the other; ``report`` has a part ``md``, whose records could lie where the report is."""

    def __init__(self):
        super().__init__()
        for name in NAMES:
            layer = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
            layer.add_module("md", nn.Identity())
            self.add_module(name, layer)

    def training_step(self, batch, _):
        for name in NAMES:
            batch = getattr(self, name)(batch)
        return batch.square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def test_every_name_gets_its_records_and_costs_nobody_elses(tmp_path, caplog):
    callback = IITCallback(layers=[*NAMES[:-1], "report.md"], units=3, pictures=False)
    logger = TensorBoardLogger(tmp_path, name="")
    trainer = pl.Trainer(max_epochs=1, callbacks=[callback], logger=logger, enable_progress_bar=False, accelerator="cpu")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        data = torch.randn(128, 4)
        trainer.fit(Named(), DataLoader(data, batch_size=16))
    run = logger.log_dir
    written = {name.replace("\udcff", "\\udcff") for name in NAMES[:-1]} | {"report.md"}
    assert {record.layer for record in callback.records} == written
    assert {(record.layer, record.epoch) for record in load_run(run)} == {(name, epoch) for name in written for epoch in (-1, 0)}
    folder = tmp_path / "version_0" / "iit"
    assert "fc\\udcff" in (folder / "report.md").read_text(encoding="utf-8")
    assert "fc" in json.loads((folder / "options.json").read_text(encoding="utf-8"))["layers"]
    drawn = decode_network((folder / "network" / "snapshot=0000.json").read_bytes())
    assert any(layer.name.startswith("fc\\udcff") for layer in drawn.layers)
    assert b"fc\\\\udcff" in page_of(run)
    assert "surrogates" not in caplog.text
