"""What the callback costs a training step, in time and memory; Φ itself is left out.

Blocks of steps with and without the callback take turns within one run, so that whatever else the machine does hits both alike;
each block is compared with the block before it. Only ratios are asserted.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from itertools import pairwise

import pytest
from lightning.pytorch import Trainer
from models import Gru, Mlp, flat_data, sequence_data
from places import SUPPORT

from lightning_iit import IITCallback

STEPS = 500
PAIRS = 20
BATCH = 64
NO_PHI = {"initial": False, "every_n_epochs": 10**6, "null_model": None, "units": 4}


def timed(model_class):
    """A model that times each epoch's steps, and has the callback in every other epoch."""

    class Timed(model_class):
        def __init__(self, callback, *arguments):
            super().__init__(*arguments)
            self.callback = callback
            self.blocks = []

        def on_train_batch_start(self, batch, batch_idx):
            # From the second step on: the first one of an epoch may choose units, and what it costs is spread over no steps.
            if batch_idx == 1:
                self.began = time.perf_counter()

        def on_train_batch_end(self, outputs, batch, batch_idx):
            self.ended = time.perf_counter()

        def on_train_epoch_end(self):
            watched = self.callback in self.trainer.callbacks
            self.blocks.append((watched, (self.ended - self.began) / (STEPS - 1)))
            if watched:
                self.trainer.callbacks.remove(self.callback)
                self.callback._watching.watch.detach()
            else:
                self.trainer.callbacks.insert(0, self.callback)
                self.callback._watching.watch.attach(self)

    return Timed


def measure(folder, model_class, data, layers, *, arguments=(), **options):
    """The median time of a step without the callback (seconds), and the median ratio of a block with it to the one without."""
    callback = IITCallback(layers, **NO_PHI, **options)
    model = timed(model_class)(callback, *arguments)
    trainer = Trainer(
        max_epochs=2 * PAIRS + 1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        callbacks=[callback],
    )
    trainer.fit(model, data)
    ratios = [on[1] / off[1] for off, on in pairwise(model.blocks) if on[0]]
    assert len(ratios) >= PAIRS
    return statistics.median(seconds for watched, seconds in model.blocks if not watched), statistics.median(ratios)


pytestmark = pytest.mark.usefixtures("one_thread")


CASES = {
    "digits MLP, one layer": (Mlp, ["net.4"], {}),
    "digits MLP, three layers": (Mlp, ["net.1", "net.3", "net.4"], {}),
    "GRU": (Gru, ["net.gru"], {"tpm": "observe"}),
    "GRU, perturbed at each epoch's end": (Gru, ["net.gru"], {"tpm": "perturb"}),
}


@pytest.mark.slow
@pytest.mark.benchmark
@pytest.mark.parametrize("case", CASES)
def test_time_of_a_step(tmp_path, case, capsys):
    model_class, layers, options = CASES[case]
    rows = STEPS * BATCH
    data = flat_data(rows, batch=BATCH) if model_class is Mlp else sequence_data(rows, steps=8, batch=BATCH)
    arguments = () if model_class is Mlp else (64,)
    seconds, ratio = measure(tmp_path, model_class, data, layers, arguments=arguments, **options)
    with capsys.disabled():
        extra = (ratio - 1) * seconds * 1e6
        print(f"\n{case}: {seconds * 1e6:.0f} µs a step, {extra:.1f} µs more with the callback, ratio {ratio:.4f}")
    assert ratio <= 1.02 + 0.01 * (len(layers) - 1)


MEMORY = """
import resource, sys, warnings
from pathlib import Path
sys.path.insert(0, {tests!r})
warnings.simplefilter("ignore")
from lightning.pytorch import Trainer
from models import Mlp, flat_data
callbacks = []
if {watched}:
    from lightning_iit import IITCallback
    callbacks = [IITCallback("net.4", initial=False, every_n_epochs=10**6, null_model=None)]
trainer = Trainer(max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
                  enable_model_summary=False, default_root_dir={folder!r}, callbacks=callbacks)
trainer.fit(Mlp(), flat_data(500 * 64, batch=64))
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def peak_memory(folder, *, watched):
    """The peak resident memory (MB) of a training process."""
    code = MEMORY.format(tests=str(SUPPORT), watched=watched, folder=str(folder))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    return float(next(line.split()[1] for line in run.stdout.splitlines() if line.startswith("peak")))


@pytest.mark.slow
@pytest.mark.benchmark
def test_memory_of_the_training_process(tmp_path, capsys):
    without, with_ = (peak_memory(tmp_path, watched=watched) for watched in (False, True))
    with capsys.disabled():
        print(f"\npeak memory: {without:.0f} MB without the callback, {with_ - without:.0f} MB more with it")
    assert with_ - without <= 50
