"""Each training has a folder of its own: others that live, other files, and runs that are resumed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from hosted import Hosted
from lightning.pytorch.callbacks import ModelCheckpoint
from models import Mlp, flat_data
from places import DATA, SUPPORT
from sample_records import a_record
from training import train, trainer

from lightning_iit import IITCallback, load_run
from lightning_iit.errors import RecordError
from lightning_iit.records.disk.owner import MARKER, is_alive, read_owner
from lightning_iit.records.store import write_record
from lightning_iit.run import folder as folder_module
from lightning_iit.run.folder import RunFolder, set_aside, take_folder
from lightning_iit.viewer.logdir import LogDirSource

pytestmark = pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")
PROCESSES, ROUNDS = 4, 10
PLAIN = {"pictures": False, "network": False, "initial": False}


@contextmanager
def processes(script, *arguments):
    """Processes that run a script of the tests, each with its own arguments, and wait for a word to start."""
    commands = [[sys.executable, str(SUPPORT / script), *map(str, own)] for own in arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, **pipes) for command in commands]
    try:
        for process in started:
            wait_for(process, "ready")
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def wait_for(process, word):
    for line in process.stdout:
        if line.strip() == word:
            return
    raise AssertionError(process.stderr.read()[-3000:])


def taken(path, **options):
    """A folder that is taken, and left again at once."""
    folder = take_folder(path, **({"numbered": False} | options))
    folder.end()
    return folder


def epochs(path):
    return [record.epoch for record in load_run(path)]


def test_processes_that_start_in_the_same_moment_take_different_folders(tmp_path):
    for number in range(ROUNDS):  # the records of a run that ended: they are moved aside, by one process alone
        write_record(tmp_path / f"wanted-{number}", a_record("earlier", 0))
    with processes("take_script.py", *[(tmp_path, ROUNDS)] * PROCESSES) as started:
        for number in range(ROUNDS):
            (tmp_path / f"go-{number}").touch()
            lines = [process.stdout.readline().split() for process in started]
            numbered, wanted = zip(*lines, strict=True)
            assert sorted(numbered) == [str(tmp_path / f"numbered-{number}/iit/{n}") for n in range(PROCESSES)]
            first = str(tmp_path / f"wanted-{number}")
            assert sorted(wanted) == [first, *(f"{first}_{n}" for n in range(1, PROCESSES))]
            assert [record.layer for record in load_run(Path(first, "iit-1"))] == ["earlier"]
            assert {read_owner(Path(path, "iit")).process for path in wanted} == {process.pid for process in started}


@pytest.mark.slow
def test_two_seeds_at_once_do_not_mix_and_a_killed_one_is_resumed_in_its_folder(tmp_path):
    run = tmp_path / "study" / "x7"
    with processes("folder_script.py", (tmp_path, 1, "stay"), (tmp_path, 2)) as (staying, other):
        (tmp_path / "go").touch()
        _, said = other.communicate(timeout=300)
        assert other.returncode == 0, said[-3000:]
        wait_for(staying, "staying")
        wait_until(lambda: (run / "iit/net.1/epoch=0000.json").exists() and (run.parent / "x7_1/iit").exists())
        owners = {path: read_owner(path / "iit") for path in (run, run.parent / "x7_1")}
        living = next(path for path, owner in owners.items() if owner.process == staying.pid)
        ended = next(path for path, owner in owners.items() if owner.process == other.pid)
        seeds = {path: {record.provenance.seed for record in load_run(path)} for path in owners}
        assert seeds == {living: {1}, ended: {2}}
        assert (is_alive(living / "iit"), is_alive(ended / "iit")) == (True, False)
        if ended != run:
            assert all(
                part in said for part in (f"{run / 'iit'} belongs to a training", f"process {staying.pid} ", str(ended / "iit"))
            )

        with pytest.warns(UserWarning, match="still running") as warned:
            resumed(tmp_path)
        assert [str(one.message) for one in warned if str(living / "iit") in str(one.message)]
        assert epochs(tmp_path / "study/x7_2") == [0, 1, 2]
        staying.kill()
        staying.wait()
        assert not is_alive(living / "iit"), "without waiting for the heartbeat to grow old"
        assert {record.epoch for record in load_run(living)} == {0}
        resumed(tmp_path)
        assert epochs(living) == [0, 1, 2]
    assert sorted(path.parent.name for path in run.parent.glob("*/iit*")) == ["x7", "x7_1", "x7_2"]


def resumed(folder):
    callback = IITCallback("net.1", units=2, null_model=None, table=False, seed=1, groups=1, states="mode", **PLAIN)
    fit = trainer(folder, callback, logger=Hosted(folder, "x7"))
    fit.fit(Mlp(), flat_data(), ckpt_path=folder / "saved/last.ckpt")


def wait_until(true, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_a_logger_runs_are_numbered_and_a_resume_goes_on_in_its_number(tmp_path):
    saved = ModelCheckpoint(tmp_path / "saved", save_last=True)
    train(tmp_path, saved, epochs=1, enable_checkpointing=True, **PLAIN)
    second = train(tmp_path, epochs=2, **PLAIN)
    assert load_run(tmp_path) == load_run(tmp_path / "iit") == load_run(tmp_path / "iit/1") == second.records, "the newest"
    callback = IITCallback("net.1", units=2, null_model=None, table=False, groups=1, states="mode", **PLAIN)
    trainer(tmp_path, callback).fit(Mlp(), flat_data(), ckpt_path=saved.last_model_path)
    assert load_run(tmp_path / "iit/0") == callback.records
    assert epochs(tmp_path / "iit/0") == [0, 1, 2]
    assert epochs(tmp_path / "iit/1") == [0, 1]
    for root in (tmp_path, tmp_path / "iit"):
        assert {run.id for run in LogDirSource(root).runs()[0]} == {"iit/0", "iit/1"}
    assert [row.epoch for row in LogDirSource(tmp_path).index("iit/1").rows] == [0, 1]


def test_records_of_0_1_0_stay_beside_numbered_runs(tmp_path):
    shutil.copytree(DATA / "run-0.1.0/iit", tmp_path / "iit")
    before = load_run(tmp_path)
    train(tmp_path, epochs=1, **PLAIN)
    with pytest.raises(RecordError, match=r"several runs. Give '.*iit' for the records right in this folder, or one of '.*iit/0'"):
        load_run(tmp_path)
    assert load_run(tmp_path / "iit") == before
    assert epochs(tmp_path / "iit/0") == [0]
    assert {run.id for run in LogDirSource(tmp_path).runs()[0]} == {".", "iit/0"}


def test_a_project_called_iit_is_left_alone(tmp_path):
    checkpoint = tmp_path / "iit/x7/checkpoints/epoch=0-step=7.ckpt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"weights")
    train(tmp_path, logger=Hosted(tmp_path, "x7", name="iit"), epochs=1, **PLAIN)
    train(tmp_path, epochs=1, **PLAIN)
    with pytest.warns(UserWarning, match=r"iit holds files that are not of lightning-iit \('0', 'x7'\); the files .* go to .*_1"):
        train(tmp_path, logger=Hosted(tmp_path, "", name=""), epochs=1, **PLAIN)
    assert checkpoint.read_bytes() == b"weights"
    assert not list(tmp_path.glob("iit-*"))
    assert {run.id for run in LogDirSource(tmp_path).runs()[0]} == {"iit/0", "iit/x7"}
    assert epochs(tmp_path) == epochs(tmp_path / "iit/x7") == epochs(tmp_path.with_name(f"{tmp_path.name}_1")) == [0]


@pytest.mark.parametrize("strange", ["checkpoints/epoch=3-step=9.ckpt", "last.ckpt", "sub/version_0/iit/net/epoch=0001.json"])
def test_files_of_others_are_not_moved_with_records_of_an_earlier_run(tmp_path, strange):
    run = tmp_path / "run"
    write_record(run, a_record("fc1", 0))
    file = run / "iit" / strange
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine")
    with pytest.warns(UserWarning, match="not of lightning-iit"):
        assert taken(run).run_dir == tmp_path / "run_1"
    assert file.read_text() == "mine"


def test_only_what_is_ours_is_set_aside(tmp_path):
    (tmp_path / "iit/version_0").mkdir(parents=True)
    assert set_aside(tmp_path) is None
    write_record(tmp_path, a_record("fc1", 0))
    assert set_aside(tmp_path) == tmp_path / "iit-1"


def test_a_run_that_ended_makes_room_and_one_that_lives_does_not(tmp_path):
    first = taken(tmp_path / "run")
    second = take_folder(tmp_path / "run", numbered=False)
    assert (first.run_dir, second.run_dir) == (tmp_path / "run",) * 2
    assert [path.name for path in (tmp_path / "run").glob("iit-*")] == ["iit-1"]
    with pytest.warns(UserWarning, match="still running"):
        third = taken(tmp_path / "run")
    assert third.run_dir == tmp_path / "run_1"
    with pytest.warns(UserWarning, match="still running"):
        assert taken(tmp_path / "run", resumed=second.run).run_dir == tmp_path / "run_2"
    second.end()
    again = taken(tmp_path / "run", resumed=third.run)
    assert (again.run_dir, again.known, again.run) == (tmp_path / "run_1", True, third.run), "a sibling is resumed where it was"


def test_a_checkpoint_of_0_1_0_goes_on_in_a_folder_of_0_1_0(tmp_path):
    write_record(tmp_path, a_record("fc1", 0))
    assert taken(tmp_path, resumed="").known
    assert not taken(tmp_path, resumed="").known, "the folder is another run's by now"


def test_a_training_gives_signs_of_life_until_it_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, "_HEARTBEAT", 0.05)
    folder = take_folder(tmp_path, numbered=False)
    marker = tmp_path / "iit" / MARKER
    os.utime(marker, (1.0, 1.0))
    wait_until(lambda: time.time() - marker.stat().st_mtime < 60)
    marker.unlink()
    wait_until(lambda: is_alive(tmp_path / "iit"))
    folder.end()
    assert read_owner(tmp_path / "iit").ended == pytest.approx(time.time(), abs=60)
    assert not is_alive(tmp_path / "iit")


def test_a_folder_that_was_taken_over_is_left_to_its_new_owner(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(folder_module, "_HEARTBEAT", 0.05)
    old, new = RunFolder(tmp_path), RunFolder(tmp_path)
    old.begin()
    new.begin()
    wait_until(lambda: "was taken by another training" in caplog.text)
    old.end()
    assert is_alive(tmp_path / "iit")
    new.end()


def test_where_no_sibling_can_be_made_nothing_is_mixed(tmp_path):
    wanted = tmp_path / ("r" * 255)  # no name may be longer
    living = take_folder(wanted, numbered=False)
    with pytest.warns(UserWarning, match="no folder can be made beside it"):
        assert take_folder(wanted, numbered=False) is None
    assert read_owner(wanted / "iit").run == living.run
    living.end()


def test_a_place_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "iit").write_text("a file where the folder should be")
    callback = train(tmp_path, epochs=1, **PLAIN)
    assert [record.epoch for record in callback.records] == [0]
