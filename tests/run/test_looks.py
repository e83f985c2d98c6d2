"""How often a training looks for commands, and how often it writes what its units do; steps are much quicker than both."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from lightning.pytorch import Callback, seed_everything
from models import Gru, sequence_data
from training import trainer

from lightning_iit import IITCallback
from lightning_iit.records.steering.activity import RING, read_rows
from lightning_iit.records.steering.folder import control_folder
from lightning_iit.records.steering.status import say_looking

OPTIONS = {
    "layers": "net.gru",
    "units": 2,
    "groups": 1,
    "table": False,
    "extra_budget": 0.0,
    "initial": False,
    "null_model": None,
    "every_n_epochs": 9_999,
}
SECONDS, STEPS = 2.0, 100
"""A training goes on for so long, and for so many steps at least."""
RENEWED = 0.3
"""Seconds between two signs that somebody looks, which each change the folder."""


class Counting(Callback):
    """Counts what is asked about the folder of commands while batches are made; stands after the callback in the list."""

    def __init__(self, *, looks: bool):
        self.looks, self.renewed, self.asked, self.times, self.rows = looks, 0.0, [], {}, {}

    def on_train_batch_start(self, trainer, module, batch, index):
        folder, now = control_folder(trainer.callbacks[0]._run.run_dir), time.monotonic()
        if not self.times:
            self.folder, self.began = folder, now
            self.times[0] = now
            del self.asked[:]
        if self.looks and now - self.renewed >= RENEWED:
            self.renewed = now
            say_looking(folder)

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        self.seconds = time.monotonic() - self.began
        self.times[trainer.global_step] = self.seconds
        if self.looks:
            self.rows |= {row.number: row for row in read_rows(self.folder / RING)}
        if self.seconds > SECONDS and trainer.global_step > STEPS:
            self.many = {kind: self.asked.count((kind, self.folder)) for kind in ("stat", "iterdir")}
            trainer.should_stop = True


@pytest.fixture(params=[False, True], ids=["nobody", "somebody"])
def trained(request, tmp_path, monkeypatch):
    """A training at which nobody looks, or somebody."""
    counting = Counting(looks=request.param)
    for kind in ("stat", "iterdir"):
        plain = getattr(Path, kind)

        def counted(self, *given, kind=kind, plain=plain, **named):
            counting.asked.append((kind, self))
            return plain(self, *given, **named)

        monkeypatch.setattr(Path, kind, counted)
    seed_everything(5, verbose=False)
    trainer(tmp_path, IITCallback(**OPTIONS), counting, epochs=10_000).fit(Gru(), sequence_data(6400))
    return counting


def test_the_folder_is_looked_at_twice_a_second_and_activity_is_written_five_times(trained):
    most = 2 * trained.seconds + 2
    assert len(trained.times) > STEPS
    assert 3 <= trained.many["stat"] <= most
    assert trained.many["iterdir"] <= trained.many["stat"]
    if not trained.looks:
        assert trained.many["iterdir"] <= 6  # after the folder was made
        assert trained.rows == {}
        return
    written = [trained.times[row.step] for _, row in sorted(trained.rows.items())]
    assert [number for number, _ in sorted(trained.rows.items())] == list(range(1, len(written) + 1))
    assert 3 <= len(written) <= 5 * trained.seconds + 2
