"""The journal: nobody waits for it, order is kept, faults of one tracker stay its own, and nothing is lost."""

from __future__ import annotations

import csv
import importlib
import logging
import os
import random
import subprocess
import sys
import threading
import time

import pytest
from event_files import check_events
from hypothesis import given
from hypothesis import strategies as st
from index_files import read_index
from sample_records import a_png, a_record, numbers_of
from small_disk import fill, make_read_only

from lightning_iit.records import Records
from lightning_iit.records.store import load_run
from lightning_iit.trackers import Journal, trackers_for
from lightning_iit.trackers.files import FilesTracker
from lightning_iit.trackers.order import CaptureOrder
from lightning_iit.trackers.scalars import ScalarsTracker
from lightning_iit.trackers.write_queue import Backoff

QUICK = Backoff(first=0.05, longest=0.2)


class ListTracker:
    """Keeps what it is given; can be slow, and can refuse."""

    name, remedy = "the list", "Look elsewhere."
    on_caller = False

    def __init__(self, *, in_order=True, seconds=0.0, refuse=lambda record: None):
        self.in_order, self.seconds, self.refuse = in_order, seconds, refuse
        self.keys, self.threads, self.options, self.files, self.finished = [], set(), None, {}, None

    def log(self, record, images):
        time.sleep(self.seconds)
        if (error := self.refuse(record)) is not None:
            raise error
        self.keys.append(record.key)
        self.threads.add(threading.current_thread())

    def log_network(self, snapshot):
        self.keys.append(("network", snapshot.epoch))

    def log_options(self, options):
        self.options = options

    def attach(self, name, data):
        self.files[name] = data

    def finish(self, *, failed):
        self.finished = failed


# --- order


@given(st.permutations([(layer, epoch) for layer in "ab" for epoch in range(4)]))
def test_each_layer_comes_out_in_the_order_of_capture_without_delay(arrivals):
    """Against the plain statement: after each arrival, what is out is each layer's longest prefix that has come."""
    captured = [(layer, epoch) for epoch in range(4) for layer in "ab"]
    order = CaptureOrder()
    for key in captured:
        order.expect(key)
    out, come = [], set()
    for key in arrivals:
        out += order.put(key, key)
        come.add(key)
        for layer in "ab":
            prefix = []
            for epoch in range(4):
                if (layer, epoch) not in come:
                    break
                prefix.append((layer, epoch))
            assert [k for k in out if k[0] == layer] == prefix
    assert order.drain() == []


def test_a_tracker_that_needs_no_order_gets_results_at_once():
    tracker = ListTracker(in_order=False)
    journal = Journal([tracker])
    journal.expect(("fc1", 0))
    journal.expect(("fc1", 1))
    journal.write(a_record("fc1", 1))
    assert journal.flush(timeout=5)
    assert tracker.keys == [("fc1", 1)]
    journal.close(timeout=5)


# --- threads


def test_writing_from_many_threads_never_waits_and_reaches_one_thread_in_order():
    tracker = ListTracker(seconds=0.1)
    journal = Journal([tracker], options={"units": 4})
    keys = [(layer, epoch) for epoch in range(10) for layer in ("a", "b")]
    for layer, epoch in keys:
        journal.expect((layer, epoch))
    longest = []

    def write(key):
        before = time.monotonic()
        journal.write(a_record(*key))
        longest.append(time.monotonic() - before)

    threads = [threading.Thread(target=write, args=[key]) for key in random.Random(1).sample(keys, len(keys))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(longest) < 1.0, "20 records of 0.1 s each must not be waited for"
    assert journal.close(timeout=30, failed=True) == ()
    for layer in "ab":
        assert [key for key in tracker.keys if key[0] == layer] == [(layer, epoch) for epoch in range(10)]
    assert len(tracker.threads) == 1
    assert threading.main_thread() not in tracker.threads
    assert (tracker.options, tracker.finished) == ({"units": 4}, True)


def test_a_stuck_tracker_holds_up_neither_the_others_nor_the_end(tmp_path):
    stuck = ListTracker(seconds=60)
    journal = Journal([stuck, FilesTracker(tmp_path)])
    records = [a_record(epoch=epoch) for epoch in range(3)]
    for record in records:
        journal.write(record)
    began = time.monotonic()
    (left,) = journal.close(timeout=2)
    assert time.monotonic() - began < 4
    assert left.tracker == "the list"
    assert len(left.labels) == 4
    assert load_run(tmp_path) == Records.ordered(records)


def test_closing_ends_the_threads_and_late_records_are_reported(tmp_path, caplog):
    before = set(threading.enumerate())
    journal = Journal([ListTracker(), FilesTracker(tmp_path)])
    journal.write(a_record())
    assert journal.close(timeout=5) == ()
    assert journal.close(timeout=5) == ()
    journal.write(a_record(epoch=1))
    assert "'fc1' at epoch 1 came after the journal was closed" in caplog.text
    deadline = time.monotonic() + 5
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert set(threading.enumerate()) <= before


# --- faults


def test_closing_mends_an_index_that_a_crash_tore(tmp_path):
    journal = Journal(trackers_for([], tmp_path))
    journal.write(a_record(epoch=0))
    assert journal.flush(timeout=5)
    (tmp_path / "iit/index.jsonl").write_bytes(b'{"layer": "fc')
    journal.write(a_record(epoch=1))
    assert journal.close(timeout=5) == ()
    assert [entry.epoch for entry in read_index(tmp_path)] == [0, 1]


def test_what_fails_for_a_while_is_tried_again_in_order_and_said_once(caplog):
    caplog.set_level(logging.INFO, logger="lightning_iit")
    failures = iter([OSError("away")] * 5)
    tracker = ListTracker(refuse=lambda record: next(failures, None))
    journal = Journal([tracker], backoff=QUICK)
    for epoch in range(3):
        journal.write(a_record(epoch=epoch))
    deadline = time.monotonic() + 10
    while len(tracker.keys) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [epoch for _, epoch in tracker.keys] == [0, 1, 2]
    assert journal.close(timeout=5) == ()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_one_bad_record_costs_that_record_only(caplog):
    tracker = ListTracker(refuse=lambda record: ValueError("not this one") if record.epoch == 1 else None)
    journal = Journal([tracker], backoff=QUICK)
    for epoch in range(3):
        journal.write(a_record(epoch=epoch))
    (left,) = journal.close(timeout=5)
    assert [epoch for _, epoch in tracker.keys] == [0, 2]
    assert left.labels == ("layer 'fc1' at epoch 1",)
    assert "refused layer 'fc1' at epoch 1" in caplog.text
    assert "not this one" in left.words


def test_one_record_that_keeps_failing_does_not_hold_up_a_tracker_without_order():
    tracker = ListTracker(in_order=False, refuse=lambda record: OSError("too large") if record.epoch == 0 else None)
    journal = Journal([tracker], backoff=QUICK)
    for epoch in range(4):
        journal.write(a_record(epoch=epoch))
    (left,) = journal.close(timeout=20)
    assert sorted(epoch for _, epoch in tracker.keys) == [1, 2, 3]
    assert left.labels == ("layer 'fc1' at epoch 0",)
    assert "too large" in left.words


def test_a_full_disk_is_said_once_and_caught_up_when_there_is_room(disk, caplog):
    """The TensorBoard writer must survive too: its thread dies for good when it meets a full disk."""
    from lightning.pytorch.loggers import TensorBoardLogger

    logger = TensorBoardLogger(disk, name="", version="run")
    journal = Journal(trackers_for([logger], disk / "run"), backoff=QUICK)
    records = [a_record(epoch=epoch) for epoch in range(6)]
    journal.write(records[0], {"tpm": a_png()})
    assert journal.flush(timeout=10)
    logger.experiment.flush()  # it writes in a thread of its own, later; then only the plugin meets the full disk
    filler = fill(disk)
    for record in records[1:]:
        journal.write(record, {"tpm": a_png(record.epoch)})
    assert not journal.flush(timeout=10)
    filler.unlink()
    assert journal.close(timeout=10) == ()
    assert load_run(disk / "run") == Records.ordered(records)
    assert len(read_index(disk / "run")) == 6
    assert not list(disk.glob("run/iit/*/.*.tmp"))
    check_events(disk / "run", records, {record.key: {"tpm": a_png(record.epoch)} for record in records})
    logger.finalize("success")
    said = [record.getMessage() for record in caplog.records if record.name == "lightning_iit"]
    assert len(said) == 2, said
    assert all("cannot take layer 'fc1' at epoch 1" in words and "left" in words for words in said)


def test_a_disk_that_stays_read_only_ends_in_one_report(disk, caplog):
    make_read_only(disk)
    journal = Journal(trackers_for([], disk), options={"units": 4}, backoff=QUICK)
    for epoch in range(3):
        journal.write(a_record(epoch=epoch))
    began = time.monotonic()
    (left,) = journal.close(timeout=30)
    assert time.monotonic() - began < 10, "there is no point in waiting for a read-only disk"
    assert set(left.labels) >= {f"layer 'fc1' at epoch {epoch}" for epoch in range(3)}
    assert "Read-only file system" in left.words
    assert "callback.records" in left.words
    assert len([record for record in caplog.records if record.name == "lightning_iit"]) == 2


def test_a_folder_in_the_way_of_a_file_ends_in_a_report(tmp_path):
    (tmp_path / "iit").write_text("a file where the folder should be")
    journal = Journal(trackers_for([], tmp_path), backoff=QUICK)
    journal.write(a_record())
    (left,) = journal.close(timeout=10)
    assert str(tmp_path / "iit") in left.words


# --- which logger gets what


@pytest.mark.parametrize("package", ["lightning.pytorch.loggers", "pytorch_lightning.loggers"])
def test_csv_loggers_get_the_scalars_on_the_training_thread(tmp_path, package):
    logger = importlib.import_module(package).CSVLogger(tmp_path, name="", version="run")
    journal = Journal(trackers_for([logger], None))
    records = [a_record(layer, epoch) for epoch in range(3) for layer in ("fc1", "gru")]
    for record in records:
        journal.expect(record.key)
    for record in reversed(records):
        journal.write(record)
    assert not logger.experiment.metrics
    journal.pump()
    assert len(logger.experiment.metrics) == len(records)
    assert journal.close(timeout=10) == ()
    with (tmp_path / "run/metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    read = {(int(row["step"]), name): float(value) for row in rows for name, value in row.items() if value and name != "step"}
    assert read == {(record.global_step, key): value for record in records for key, value in numbers_of(record).items()}


def test_a_logger_without_pictures_or_files_gets_the_scalars():
    from lightning.pytorch.loggers.logger import Logger

    class Plain(Logger):
        name, version = "plain", "0"

        def __init__(self):
            self.logged = []

        def log_metrics(self, metrics, step=None):
            self.logged.append((step, metrics, threading.current_thread()))

        def log_hyperparams(self, params, *args, **kwargs):
            pass

    plain = Plain()
    journal = Journal(trackers_for([plain], None))
    record = a_record()
    journal.write(record, {"tpm": a_png()})
    assert journal.close(timeout=10) == ()
    assert plain.logged == [(record.global_step, numbers_of(record), threading.main_thread())]


@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_fast_dev_run_logs_nothing(tmp_path, package):
    lightning = importlib.import_module(package)
    logger = lightning.loggers.TensorBoardLogger(tmp_path)
    trainer = lightning.Trainer(fast_dev_run=True, logger=logger, accelerator="cpu", default_root_dir=tmp_path)
    assert trackers_for(trainer.loggers, None) == ()


def test_other_ranks_log_nothing(tmp_path, monkeypatch):
    from lightning.fabric.utilities.rank_zero import rank_zero_only
    from lightning.pytorch.loggers import TensorBoardLogger

    monkeypatch.setattr(rank_zero_only, "rank", 1)
    assert trackers_for([TensorBoardLogger(tmp_path)], None) == ()


def test_several_loggers_are_each_served(tmp_path):
    from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

    loggers = [TensorBoardLogger(tmp_path, name="", version=f"tb{i}") for i in range(2)] + [
        CSVLogger(tmp_path, name="", version="csv")
    ]
    trackers = trackers_for(loggers, tmp_path / "csv")
    assert [type(tracker) for tracker in trackers[::3]] == [FilesTracker, ScalarsTracker]
    journal = Journal(trackers)
    record = a_record()
    journal.write(record)
    assert journal.close(timeout=10) == ()
    for i in range(2):
        check_events(tmp_path / f"tb{i}", [record])
        loggers[i].finalize("success")
    assert load_run(tmp_path / "csv") == (record,)


def test_no_logger_and_no_folder_is_no_trouble():
    journal = Journal(trackers_for([], None), options={"units": 4})
    journal.expect(("fc1", 0))
    journal.write(a_record())
    journal.pump()
    assert journal.flush(timeout=1)
    assert journal.close(timeout=1) == ()


def test_trackers_import_neither_mlflow_nor_tensorboard_until_they_are_used(tmp_path):
    script = (
        "import sys; from lightning_iit.trackers import Journal, trackers_for; Journal(trackers_for([], sys.argv[1]))\n"
        "assert not {'torch', 'mlflow', 'tensorboard'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], check=True, env={**os.environ})
