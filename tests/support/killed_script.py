"""Trains until it is killed, with analyses open; run by run/test_open.py. The workers stand still from the end of epoch 0 on."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import psutil
from lightning.pytorch import Callback
from training import train

folder, options = sys.argv[1], json.loads(sys.argv[2])


class StopWorkers(Callback):
    """Stops the idle workers, so that the analyses of all later epochs stay open."""

    def on_train_epoch_end(self, trainer, pl_module):
        iit = next(callback for callback in trainer.callbacks if hasattr(callback, "records"))
        if trainer.current_epoch == 0:
            while len(iit.records) < 2 or iit.progress:
                time.sleep(0.02)
            for server in psutil.Process().children():
                for worker in server.children():
                    os.kill(worker.pid, signal.SIGSTOP)
        if trainer.current_epoch == 2:
            print("epoch 2 ended", flush=True)
            time.sleep(120)


train(folder, StopWorkers(), epochs=5, **options)
