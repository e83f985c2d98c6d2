"""The queue in which the snapshots of a run are built."""

import threading
from dataclasses import dataclass, field

import torch

from lightning_iit.snapshot.writer import SnapshotQueue, SnapshotWriter


@dataclass
class Slow:
    """A draft whose snapshot is made when the test says so; the snapshot is its epoch."""

    epoch: int
    go_on: threading.Event = field(default_factory=threading.Event)
    problem: Exception | None = None

    def build(self):
        assert self.go_on.wait(20)
        if self.problem is not None:
            raise self.problem
        return self.epoch


def test_snapshots_are_built_off_the_training_thread():
    """put() comes back while a snapshot is still being handed over, in another thread; close() waits for it."""
    writer = SnapshotWriter(budget=50_000, seed=0)
    writer.begin(torch.nn.Linear(4, 4))
    go_on, sent = threading.Event(), []

    def take(snapshot):
        assert go_on.wait(20)
        sent.append((threading.current_thread().name, snapshot.epoch))

    queue = SnapshotQueue(take)
    for epoch in range(2):
        queue.put(writer.draft(epoch=epoch, global_step=epoch))
    assert sent == []
    go_on.set()
    queue.close(20)
    assert [epoch for _, epoch in sent] == [0, 1]
    assert all(name != threading.current_thread().name for name, _ in sent)


def test_the_snapshots_of_two_writers_come_in_the_order_in_which_they_were_put_in():
    """The untrained network has a writer of its own; trackers drop what comes with a step that goes back."""
    sent = []
    queue = SnapshotQueue(sent.append)
    untrained, trained = Slow(-1), Slow(0)
    queue.put(untrained)
    queue.put(trained)
    trained.go_on.set()
    threading.Timer(0.2, untrained.go_on.set).start()
    queue.close(20)
    assert sent == [-1, 0]


def test_a_snapshot_that_fails_is_said_and_the_next_one_is_built(caplog):
    sent = []
    queue = SnapshotQueue(sent.append)
    broken, whole = Slow(3, problem=RuntimeError("no such layer")), Slow(4)
    for draft in (broken, whole):
        draft.go_on.set()
        queue.put(draft)
    queue.close(20)
    assert sent == [4]
    assert "snapshot of epoch 3" in caplog.text
    assert "no such layer" in caplog.text


def test_what_waits_is_bounded_and_so_is_the_wait_at_the_end(caplog):
    sent = []
    queue = SnapshotQueue(sent.append)
    stuck = Slow(0)
    queue.put(stuck)
    for epoch in range(1, 40):
        queue.put(Slow(epoch))
    queue.close(0.1)
    (left_out, late) = (record.getMessage() for record in caplog.records)
    assert "epoch 16 is left out" in left_out
    assert "16 network snapshots were not built within 0.1 s" in late
    stuck.go_on.set()
