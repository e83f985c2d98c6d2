"""Whether the training that owns a folder is alive: its process decides on its own machine, its heartbeat elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import msgspec
import pytest

from lightning_iit.records.disk.owner import MARKER, Owner, is_alive, process_start, read_owner, this_machine

HERE = {"machine": this_machine(), "process": os.getpid(), "process_started": process_start(os.getpid())}


def owned(folder, *, age=0.0, **changes):
    """A folder whose owner gave its last sign of life ``age`` seconds ago."""
    fields = {"run": "a", "host": "elsewhere", "machine": "another", "process": os.getpid(), "process_started": "1", "started": 0.0}
    (folder / MARKER).write_bytes(msgspec.json.encode(Owner(**(fields | changes))))
    os.utime(folder / MARKER, (time.time() - age,) * 2)
    return folder


@pytest.mark.parametrize(("age", "alive"), [(0, True), (55, True), (65, False), (1e6, False), (-3600, True)])
def test_elsewhere_the_heartbeat_decides(tmp_path, age, alive):
    folder = owned(tmp_path, age=age)
    assert is_alive(folder) is alive
    assert is_alive(folder, now=time.time() + 3600) is (age < -3500), "by the clock that stamps the files"


def test_an_ended_training_is_not_alive(tmp_path):
    assert not is_alive(owned(tmp_path, ended=1.0))
    assert not is_alive(owned(tmp_path, ended=1.0, **HERE))


@pytest.mark.skipif(not this_machine(), reason="only Linux says when a process started")
def test_on_one_machine_the_process_decides_whatever_the_clock_says(tmp_path):
    assert is_alive(owned(tmp_path, age=1e6, **HERE))
    assert not is_alive(owned(tmp_path, **(HERE | {"process_started": "1"}))), "the process id was used again"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        theirs = HERE | {"process": child.pid, "process_started": process_start(child.pid)}
        assert is_alive(owned(tmp_path, age=1e6, **theirs))
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(tmp_path), "a process that ended and was not yet waited for"
        child.wait()
        assert not is_alive(owned(tmp_path, **theirs))


@pytest.mark.parametrize("content", [b"", b"{", b'{"run": 3}'])
def test_a_file_that_cannot_be_read_counts_by_its_heartbeat(tmp_path, content):
    (tmp_path / MARKER).write_bytes(content)
    assert read_owner(tmp_path) is None
    assert is_alive(tmp_path)
    assert not is_alive(tmp_path, now=time.time() + 61)


def test_a_folder_without_an_owner_is_not_alive(tmp_path):
    assert not is_alive(tmp_path)
    assert not is_alive(tmp_path / "missing")
