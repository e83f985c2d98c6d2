"""Trains until something happens to it; run by run/test_faults.py. No main guard on purpose: workers must not run it again."""

from __future__ import annotations

import sys
import time

from lightning.pytorch import Callback
from models import flat_data
from training import train

folder, fault = sys.argv[1:]
print("script started", flush=True)


class Happening(Callback):
    def on_train_epoch_end(self, trainer, pl_module):
        print(f"epoch {trainer.current_epoch} ended", flush=True)
        if fault in {"kill", "interrupt"} and trainer.current_epoch == 2:
            time.sleep(60)
        if fault == "terminate" and trainer.current_epoch == 2:
            deadline = time.monotonic() + 60.0
            while not trainer.received_sigterm and time.monotonic() < deadline:
                time.sleep(0.05)
        if fault == "error" and trainer.current_epoch == 2:
            raise RuntimeError("the training broke")


train(folder, Happening(), data=flat_data(), epochs=4)
print("script ended", flush=True)
