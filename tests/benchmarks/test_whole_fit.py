"""What the callback costs a whole fit with its defaults: the untrained network, the ends of the epochs and all, but the last wait.

Φ itself is left out: an engine of another package answers at once, so that the workers are idle but for their pictures and
diagnostics. Training has one core.

Two fits of one minute differ by more than the callback costs, on a machine that is shared. What is asserted is therefore taken from
one fit: its time against its time without that spent in the callback's own calls, in its hooks on the layers and on the training
thread. What Lightning itself spends on one more callback is not in it; the times of fits with and without the callback, which take
turns, are printed beside it.
"""

from __future__ import annotations

import functools
import math
import os
import statistics
import threading
import time

import pytest
from lightning.pytorch import Callback, seed_everything
from models import Gru, Mlp, flat_data, sequence_data
from training import trainer

from lightning_iit import IITCallback
from lightning_iit.capture.hooks.attached import ModuleHook
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
WORDS_OF_HOOKS = ("on_", "setup", "teardown")

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
    """Takes the time from the first step to the end of the last epoch, and the time that was spent in clocked calls by then."""

    def __init__(self, clocked=None):
        self.clocked = clocked or Clocked()

    def on_train_start(self, trainer, pl_module):
        self.clocked.seconds, self.began = 0.0, time.perf_counter()

    def on_train_epoch_end(self, trainer, pl_module):
        self.seconds, self.inside = time.perf_counter() - self.began, self.clocked.seconds


class Clocked:
    """Adds up the time that the training thread spends in some methods, of calls within calls the outer ones only."""

    def __init__(self):
        self.seconds, self._inside = 0.0, False

    def wrap(self, monkeypatch, kind, name):
        method = getattr(kind, name)

        @functools.wraps(method)
        def clocked(*args, **options):
            if self._inside or threading.current_thread() is not threading.main_thread():
                return method(*args, **options)
            self._inside, began = True, time.perf_counter()
            try:
                return method(*args, **options)
            finally:
                self._inside, self.seconds = False, self.seconds + time.perf_counter() - began

        monkeypatch.setattr(kind, name, clocked)


@pytest.fixture
def clocked(monkeypatch):
    """The clock of all hooks of the callback and of the layers."""
    found = Clocked()
    for name, method in vars(IITCallback).items():
        if name.startswith(WORDS_OF_HOOKS) and callable(method):
            found.wrap(monkeypatch, IITCallback, name)
    found.wrap(monkeypatch, ModuleHook, "__call__")
    return found


def fit(folder, case, *, epochs, batches, clocked=None):
    """The clock of a fit, watched if ``clocked``; it is the first callback at the start and the last one at the end of an epoch."""
    seed_everything(0)
    rows = batches * BATCH
    model, data = (Mlp(), flat_data(rows, batch=BATCH)) if case == "MLP" else (Gru(64), sequence_data(rows, steps=16, batch=BATCH))
    clock = Clock(clocked)
    callbacks = [IITCallback(engine="idle"), clock] if clocked else [clock]
    trainer(folder, *callbacks, epochs=epochs).fit(model, data)
    return clock


@pytest.mark.slow
@pytest.mark.benchmark
@pytest.mark.parametrize("case", ["MLP", "GRU"])
def test_time_of_a_fit(tmp_path, case, clocked, capsys):
    fit(tmp_path, case, epochs=1, batches=50, clocked=clocked)  # compiles
    step = fit(tmp_path, case, epochs=1, batches=200).seconds / 200
    batches = math.ceil(EPOCH_SECONDS / step)
    fits = [fit(tmp_path, case, epochs=EPOCHS, batches=batches, clocked=clocked if turn % 2 else None) for turn in range(2 * PAIRS)]
    ratios = [one.seconds / (one.seconds - one.inside) for one in fits[1::2]]
    with capsys.disabled():
        each, times = (", ".join(f"{one:.4f}" for one in ratios), " ".join(f"{one.seconds:.1f}" for one in fits))
        print(f"\n{case}: {EPOCHS} epochs of {fits[0].seconds / EPOCHS:.1f} s; each ratio {each}; seconds off, on, ...: {times}")
    assert statistics.median(ratios) <= 1.05
