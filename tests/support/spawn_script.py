"""Trains on two processes that Lightning starts, and prints what the callback has in the process that started them."""

from __future__ import annotations

import copy
import json
import sys

from lightning.pytorch import Trainer, seed_everything
from models import Gru, sequence_data

from lightning_iit import IITCallback


def main(folder: str, strategy: str) -> None:
    seed_everything(3)
    callback = IITCallback("net.gru", units=2, null_model=None, table=False)
    before = copy.deepcopy(callback)
    found = {}
    for epochs in (2, 1):
        trainer = Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            devices=2,
            strategy=strategy,
            callbacks=[callback],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            default_root_dir=folder,
        )
        trainer.fit(Gru(), sequence_data(64))
        found[f"{epochs} epochs"] = [[record.epoch, record.phi] for record in callback.records]
    found["a copy made before"] = len(before.records)
    found["a copy made after"] = len(copy.deepcopy(callback).records)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
