"""What the callback costs a whole fit with its defaults: the untrained network, the ends of the epochs and all, but the last wait.

Φ itself is left out: an engine of another package answers at once, so that the workers are idle but for their pictures and
diagnostics. Training has one core. Fits with and without the callback take turns, and each is compared with the one before it.
Only the ratio is asserted.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from itertools import pairwise

import pytest
from lightning.pytorch import Callback, seed_everything
from models import Gru, Mlp, flat_data, sequence_data
from training import trainer

from lightning_iit import IITCallback
from lightning_iit.phi.registry import engine_names

IDLE = '''
from lightning_iit.records import Computed, EngineInfo


class Idle:
    """Takes every system for one of Φ = 0.25."""

    name, max_units = "idle", 8

    def version(self):
        return "1.0"

    def load(self):
        pass

    def check_options(self, options):
        pass

    def seconds(self, n):
        return 0.0

    def analyse(self, systems, options, progress=None):
        for _ in systems:
            yield Computed(phi=0.25, engine=EngineInfo(name=self.name, version=self.version()), seconds=0.0)
'''
EPOCHS = 10
EPOCH_SECONDS = 5.0
PAIRS = 2
BATCH = 64

pytestmark = pytest.mark.usefixtures("one_thread", "idle")


@pytest.fixture
def idle(tmp_path, monkeypatch):
    """An installed package with that engine, here and in the workers."""
    metadata = tmp_path / "installed" / "idle-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata.parent / "idle.py").write_text(IDLE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: idle\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[lightning_iit.engines]\nidle = idle:Idle\n")
    monkeypatch.syspath_prepend(metadata.parent)
    monkeypatch.setenv("PYTHONPATH", str(metadata.parent), prepend=os.pathsep)
    engine_names.cache_clear()
    yield
    engine_names.cache_clear()


class Clock(Callback):
    """Takes the time from the first step to the end of the last epoch."""

    def on_train_start(self, trainer, pl_module):
        self.began = time.perf_counter()

    def on_train_epoch_end(self, trainer, pl_module):
        self.seconds = time.perf_counter() - self.began


def fit(folder, case, *, epochs, batches, watched):
    """The seconds of a fit; the clock is the first callback at the start and the last one at the end of an epoch."""
    seed_everything(0)
    rows = batches * BATCH
    model, data = (Mlp(), flat_data(rows, batch=BATCH)) if case == "MLP" else (Gru(64), sequence_data(rows, steps=16, batch=BATCH))
    clock = Clock()
    callbacks = [IITCallback(engine="idle"), clock] if watched else [clock]
    trainer(folder, *callbacks, epochs=epochs).fit(model, data)
    return clock.seconds


@pytest.mark.slow
@pytest.mark.benchmark
@pytest.mark.parametrize("case", ["MLP", "GRU"])
def test_time_of_a_fit(tmp_path, case, capsys):
    fit(tmp_path, case, epochs=1, batches=50, watched=True)  # compiles
    step = fit(tmp_path, case, epochs=1, batches=200, watched=False) / 200
    batches = math.ceil(EPOCH_SECONDS / step)
    seconds = [fit(tmp_path, case, epochs=EPOCHS, batches=batches, watched=bool(turn % 2)) for turn in range(2 * PAIRS)]
    ratios = [on / off for turn, (off, on) in enumerate(pairwise(seconds)) if turn % 2 == 0]
    ratio = statistics.median(ratios)
    with capsys.disabled():
        each = ", ".join(f"{one:.4f}" for one in ratios)
        print(f"\n{case}: {EPOCHS} epochs of {statistics.median(seconds[::2]) / EPOCHS:.1f} s, ratio {ratio:.4f} (each: {each})")
    assert ratio <= 1.05
