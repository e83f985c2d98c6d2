"""What breaks costs what it must and no more: the records are those of an uninterrupted run, but for the faulted one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from event_files import read_events
from lightning.pytorch import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from places import SUPPORT
from processes import start_interruptible
from small_disk import fill
from training import assert_same, comparable, train

from lightning_iit import load_run
from lightning_iit.records import Computed, Failed, Open, TimedOut, decode

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_servers")]
SCRIPT = SUPPORT / "interrupted_script.py"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole"), epochs=4).records


def start(folder: Path, fault: str) -> subprocess.Popen:
    return start_interruptible(
        [sys.executable, str(SCRIPT), str(folder), fault], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_record(folder: Path, epoch: int, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    file = folder / "iit/0/iit/net.1" / f"epoch={epoch:04d}.json"
    while not file.exists() or isinstance(decode(file.read_bytes()).result, Open):
        assert time.monotonic() < deadline, f"no record of epoch {epoch}"
        time.sleep(0.05)


def family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def gone_within(processes: list[psutil.Process], seconds: float) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not [process for process in alive if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_a_normal_end_leaves_no_process_and_runs_the_script_once(tmp_path, whole):
    script = start(tmp_path, "nothing")
    out, err = script.communicate(timeout=180)
    assert script.returncode == 0, err[-3000:]
    assert out.count("script started") == 1
    assert "script ended" in out
    assert_same(load_run(tmp_path), whole)


def test_an_error_in_training_keeps_every_record_until_then(tmp_path, whole):
    script = start(tmp_path, "error")
    _, err = script.communicate(timeout=180)
    assert script.returncode != 0
    assert "the training broke" in err
    assert_same(load_run(tmp_path), whole[:4])


@pytest.mark.parametrize(("fault", "signal_number"), [("interrupt", signal.SIGINT), ("terminate", signal.SIGTERM)])
def test_interrupt_ends_workers_and_keeps_records(tmp_path, whole, fault, signal_number):
    """Ctrl-C, and what a cluster's scheduler sends."""
    script = start(tmp_path, fault)
    wait_for_record(tmp_path, 2)
    children = family(script.pid)
    assert children
    script.send_signal(signal_number)
    script.communicate(timeout=60)
    assert gone_within(children, 5.0)
    assert_same(load_run(tmp_path), whole[:4])


def test_nothing_is_left_when_the_training_process_is_killed(tmp_path, whole):
    script = start(tmp_path, "kill")
    wait_for_record(tmp_path, 2)
    children = family(script.pid)
    assert children
    script.kill()
    script.communicate(timeout=60)
    assert gone_within(children, 5.0)
    assert_same(load_run(tmp_path), whole[:4])


def workers() -> list[int]:
    """The worker processes: they are forked by the fork server, a child of this process."""
    return [process.pid for child in psutil.Process().children() for process in child.children()]


class HurtWorkers(Callback):
    """Sends every worker process a signal, once, at the end of an epoch, while it computes or while it is idle."""

    def __init__(self, when: str, signal_number: int) -> None:
        self.when, self.signal_number = when, signal_number
        self.hurt: list[int] = []

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.current_epoch != 1:
            return
        iit = next(callback for callback in trainer.callbacks if hasattr(callback, "records"))
        deadline = time.monotonic() + 60.0
        while not self.hurt and time.monotonic() < deadline:
            settled = {record.epoch for record in iit.records}
            computing = settled == {-1, 0} and any(0.0 < task.fraction < 1.0 for task in iit.progress)
            idle = settled == {-1, 0, 1} and not iit.progress
            if computing if self.when == "computing" else idle:
                self.hurt = workers()
            time.sleep(0.005)
        for pid in self.hurt:
            os.kill(pid, self.signal_number)
        time.sleep(0.2)


@pytest.fixture(scope="module")
def whole_of_pyphi(tmp_path_factory):
    return train(tmp_path_factory.mktemp("pyphi"), units=3, engine="pyphi").records


def hurt(folder: Path, signal_number: int, whole, **options):
    """The one faulted record of a run whose worker is hurt while it computes; all else is the uninterrupted run's."""
    hurting = HurtWorkers("computing", signal_number)
    records = train(folder, hurting, units=3, engine="pyphi", **options).records
    assert hurting.hurt
    (faulted,) = [record for record in records if not isinstance(record.result, Computed)]
    assert faulted.epoch == 1
    assert faulted.counts == whole[2].counts
    assert [comparable(a) for a in records if a.epoch != 1] == [comparable(a) for a in whole if a.epoch != 1]
    assert load_run(folder) == records
    return faulted


def test_a_worker_killed_while_computing_costs_one_result(tmp_path, whole_of_pyphi):
    faulted = hurt(tmp_path, signal.SIGKILL, whole_of_pyphi)
    assert isinstance(faulted.result, Failed)
    assert faulted.result.code == "worker_died"
    assert "SIGKILL" in faulted.result.reason


def test_an_analysis_that_overruns_costs_one_result(tmp_path, whole_of_pyphi):
    """The worker is stopped in its middle, so that it overruns whatever limit the others keep."""
    faulted = hurt(tmp_path, signal.SIGSTOP, whole_of_pyphi, timeout=20.0)
    assert isinstance(faulted.result, TimedOut)
    assert "20 s" in faulted.result.reason


def test_a_worker_killed_while_idle_costs_nothing(tmp_path, whole):
    killer = HurtWorkers("idle", signal.SIGKILL)
    records = train(tmp_path, killer, epochs=4).records
    assert killer.hurt
    assert_same(records, whole)


def test_an_analysis_that_overruns_is_timed_out_and_the_rest_goes_on(tmp_path):
    records = train(tmp_path, layers=["net.1", "net.4"], units=4, engine="pyphi", timeout=3.0, epochs=1, initial=False).records
    assert [type(record.result) for record in records] == [TimedOut, TimedOut]
    assert all("3" in record.result.reason and record.counts.transitions == 199 for record in records)
    assert all("phi" not in record.scalars for record in records)


def test_what_is_still_open_at_the_deadline_says_so_and_keeps_its_counts(tmp_path):
    with pytest.warns(UserWarning, match="still open 0.5 s after training"):
        records = train(tmp_path, units=4, engine="pyphi", drain_timeout=0.5, epochs=1, initial=False).records
    (record,) = records
    assert isinstance(record.result, Failed | TimedOut) or record.result.code == "drain_timeout"
    assert record.counts.transitions == 199


@pytest.mark.filterwarnings("ignore")
def test_a_full_disk_stops_neither_training_nor_the_records(disk, whole, caplog):
    fill(disk)
    assert_same(train(disk, epochs=4).records, whole)
    (said,) = [record.getMessage() for record in caplog.records if "did not take" in record.getMessage()]
    assert str(disk / "iit") in said
    assert "No space left" in said
    assert "callback.records" in said


def leave_room_in_the_last_page(writer) -> None:
    """Lets an event file end early in a page of the file system: the training's own few events still fit, on a full disk too."""
    (file,) = Path(writer.log_dir).glob("events.*")
    while file.stat().st_size % 4096 > 1024:
        writer.add_scalar("padding", 0.0, 0)
        writer.flush()


def wait_for_events(logger, epochs: set[int]) -> None:
    """Waits until the records and network snapshots of these epochs are in a logger's event file."""
    deadline = time.monotonic() + 60.0
    while True:
        logger.experiment.flush()
        events = read_events(Path(logger.log_dir))
        if {record.epoch for record in events.all_records()} >= epochs and {
            point.value.epoch for point in events.networks
        } >= epochs:
            return
        assert time.monotonic() < deadline, f"epochs {epochs} are not in the event file"
        time.sleep(0.1)


class FullForAWhile(Callback):
    """Fills the disk after the first epoch and makes room again when the trackers have met that."""

    def __init__(self, disk: Path, caplog) -> None:
        self.disk, self.caplog = disk, caplog

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            # What is on its way into the logger's file would end the logger, whose own events the training needs.
            wait_for_events(trainer.logger, epochs={-1, 0})
            leave_room_in_the_last_page(trainer.logger.experiment)
            self.filler = fill(self.disk)

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.current_epoch == 2:
            deadline = time.monotonic() + 60.0
            while self.caplog.text.count("cannot take") < 2 and time.monotonic() < deadline:
                time.sleep(0.05)
            self.filler.unlink()


@pytest.mark.filterwarnings("ignore")
def test_a_disk_that_has_room_again_gets_every_record(disk, whole, caplog):
    logger = TensorBoardLogger(disk, name="", version="run")
    assert_same(train(disk, FullForAWhile(disk, caplog), logger=logger, epochs=4, pictures=True).records, whole)
    assert caplog.text.count("cannot take") >= 2, "both the files and TensorBoard met the full disk"
    assert "did not take" not in caplog.text
    assert_same(load_run(disk / "run"), whole)
    assert len(list(disk.rglob("*.png"))) == 4 * len(whole)
    assert len(list(disk.rglob("*.svg"))) == 2 * len(whole)
    events = read_events(disk / "run")
    assert_same(events.all_records(), whole)
    assert {tag: len(points) for tag, points in events.images.items()} == dict.fromkeys(
        ("iit_details/net.1/tpm", "iit_details/net.1/mip"), 5
    )
