"""Trains in a process of its own, in a project of a hosted tracker; run by run/test_folder.py.

``folder_script.py FOLDER SEED [stay]``: the fit starts when the file FOLDER/go is there. With "stay" the process keeps a checkpoint
and stays in its second epoch until it is killed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from hosted import Hosted
from lightning.pytorch import Callback, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from models import Mlp, flat_data
from training import trainer

from lightning_iit import IITCallback


class Meet(Callback):
    def setup(self, trainer, pl_module, stage):
        print("ready", flush=True)
        while not (Path(trainer.default_root_dir) / "go").exists():
            time.sleep(0.001)


class Stay(Callback):
    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            print("staying", flush=True)
            time.sleep(600)


def main(folder: Path, seed: int, *, stays: bool) -> None:
    plain = {"null_model": None, "table": False, "pictures": False, "network": False, "initial": False}
    callback = IITCallback("net.1", units=2, groups=1, states="mode", seed=seed, **plain)
    saving = [Stay(), ModelCheckpoint(folder / "saved", save_last=True, save_on_train_epoch_end=True)] if stays else []
    seed_everything(seed, verbose=False)
    fit = trainer(folder, callback, Meet(), *saving, epochs=2, logger=Hosted(folder, "x7"), enable_checkpointing=stays)
    fit.fit(Mlp(), flat_data())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), stays="stay" in sys.argv)
