"""The end of a run: what is still open is waited for in sight of the user, and no picture is drawn in the training process."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lightning.pytorch import Callback
from places import SUPPORT
from processes import start_interruptible
from training import train

from lightning_iit import Tracker, load_run
from lightning_iit.cli import main
from lightning_iit.records import Computed, Failed, Open

SLOW = """
import sys
sys.path.insert(0, {tests!r})
from training import train
train({folder!r}, units=3, engine="pyphi", epochs=3, {more})
"""


def script(folder: Path, more: str = "") -> list[str]:
    """A training whose Φ take longer than its epochs."""
    return [sys.executable, "-c", SLOW.format(tests=str(SUPPORT), folder=str(folder), more=more)]


def test_a_terminal_shows_how_many_of_the_open_analyses_are_done(tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(script(tmp_path), stdout=subprocess.DEVNULL, stderr=theirs, env=os.environ | {"TERM": "xterm"})
    os.close(theirs)
    shown = _everything(ours)
    assert process.wait(60) == 0
    line = re.compile(r"Φ of net\.1, epochs? [\d, to-]+\D*?(\d+)/(\d+)")
    counts = [tuple(map(int, found)) for found in line.findall(re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown.decode()))]
    assert counts, shown.decode()[-2000:]
    (total,) = {total for _, total in counts}
    done = [done for done, _ in counts]
    assert total >= 2
    assert done[0] == 0
    assert done == sorted(done)
    assert done[-1] >= 1


def _everything(descriptor: int) -> bytes:
    shown = b""
    while chunk := _read(descriptor):
        shown += chunk
    return shown


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other end is closed
        return b""


def test_a_log_file_says_what_is_waited_for(tmp_path):
    done = subprocess.run(script(tmp_path), capture_output=True, text=True, timeout=120, check=True)
    said = re.search(
        r"IITCallback: waiting for [1-9] open analyses, at most 600 s: Φ of net\.1, epochs? [\d, to-]+\.(.*)", done.stderr
    )
    assert said, done.stderr[-2000:]
    assert "compiled" not in said[1], "PyPhi is not compiled"


@pytest.mark.parametrize("terminal", [False, True])
def test_the_first_analysis_on_a_machine_says_that_code_is_compiled(tmp_path, terminal):
    """And a later one does not: the code is on disk."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "TERM": "xterm"}
    environment.pop("NUMBA_CACHE_DIR", None)
    said = []
    for attempt in ("first", "second"):
        code = [*script(tmp_path / attempt)[:-1], script(tmp_path / attempt)[-1].replace('"pyphi"', '"fast"')]
        ours, theirs = pty.openpty()
        errors = theirs if terminal else subprocess.PIPE
        with subprocess.Popen(code, stdout=subprocess.DEVNULL, stderr=errors, env=environment) as process:
            os.close(theirs)
            shown = _everything(ours) if terminal else process.communicate(timeout=300)[1]
        assert process.returncode == 0
        said.append("The engine's code is compiled first" in " ".join(shown.decode().split()))
    assert said == [True, False]


def test_an_interrupt_while_waiting_ends_at_once_and_keeps_the_counts(tmp_path):
    process = start_interruptible(script(tmp_path), stderr=subprocess.PIPE, text=True)
    while "waiting for" not in (line := process.stderr.readline()):
        assert line, "it ended before"
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    assert process.communicate(timeout=60)[1] is not None
    assert process.returncode != 0
    assert time.monotonic() - asked < 20.0
    records = load_run(tmp_path)
    assert [record.epoch for record in records] == [-1, 0, 1, 2]
    assert [record.counts.transitions for record in records] == [199] * 4
    interrupted = [record for record in records if not isinstance(record.result, Computed)]
    assert interrupted
    assert all(isinstance(record.result, Failed) and record.result.code == "interrupted" for record in interrupted)
    assert main(["verify", str(tmp_path), "--settle"]) == 0
    assert all(isinstance(record.result, Computed) for record in load_run(tmp_path))


SAYS_THAT_IT_WAITS = {"": "waiting for", 'when_busy="wait", timeout=None': "about"}


@pytest.mark.parametrize("more", SAYS_THAT_IT_WAITS)
def test_sigterm_while_waiting_ends_the_wait_and_keeps_the_counts(tmp_path, more):
    """What a cluster's scheduler sends: before the process is killed, some seconds are left to keep what there is."""
    code = script(tmp_path, more)[-1].replace("units=3", "units=5" if more else "units=3") + "print('went on')"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        while SAYS_THAT_IT_WAITS[more] not in (line := process.stderr.readline()):
            assert line, "it ended before"
        time.sleep(1.0)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    # Lightning raises a SystemExit while epochs are left, and a training that was over ends as usual.
    assert (process.returncode, out) == (0, "" if more else "went on\n"), err[-2000:]
    records = load_run(tmp_path)
    assert [record.epoch for record in records] == ([-1, 0] if more else [-1, 0, 1, 2])
    assert {record.counts.transitions for record in records} == {199}
    ended = [record for record in records if not isinstance(record.result, Computed)]
    assert ended
    assert all(isinstance(record.result, Failed) and record.result.code == "interrupted" for record in ended)


class Stuck(Tracker):
    """Does not come back for a long time, as a server that hangs."""

    name = "the stuck tracker"

    def log(self, record, images):
        time.sleep(90)


class Clock(Callback):
    def on_train_end(self, trainer, pl_module):
        self.ended = time.monotonic()


@pytest.mark.filterwarnings("ignore:drain_timeout=4")
@pytest.mark.parametrize("engine", ["fast", "pyphi"])
def test_all_at_the_end_is_within_drain_timeout(tmp_path, caplog, engine):
    """Analyses that take longer and a tracker that hangs; trackers have two seconds more where analyses took all."""
    clock = Clock()
    units = {"fast": 2, "pyphi": 4}[engine]
    train(tmp_path, clock, units=units, engine=engine, trackers=[Stuck()], drain_timeout=4, pictures=False)
    assert time.monotonic() - clock.ended < 9
    assert "the stuck tracker did not take layer 'net.1'" in caplog.text
    records = load_run(tmp_path)
    assert [record.epoch for record in records] == [-1, 0, 1, 2]
    assert not any(isinstance(record.result, Open) for record in records), "the run's folder has all"


def test_pictures_are_drawn_in_workers_alone(tmp_path):
    code = script(tmp_path, "pictures=True")[-1] + "assert 'lightning_iit.figures' not in sys.modules\nprint('done')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "done\n", done.stderr[-2000:]
    records = load_run(tmp_path)
    assert all(isinstance(record.result, Computed) for record in records)
    assert len(list(tmp_path.rglob("*.tpm.png"))) == len(list(tmp_path.rglob("*.mip.png"))) == len(records)
