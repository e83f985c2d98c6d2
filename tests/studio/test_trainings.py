"""Real trainings of a real studio: one raises, others outlive the studio, are found again, killed and stopped."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
from studio_process import Studio, end_all, studio_process

from lightning_iit import load_run
from lightning_iit.studio.processes import end, ending_words
from lightning_iit.studio.queue import TrainingQueue
from lightning_iit.studio.records import YAML, Asked, Chosen, read_process

if TYPE_CHECKING:
    from pathlib import Path

OWN = {"task": {"name": "studio_own:Noise"}, "iit": {"units": "2", "groups": "1", "network": False, "pictures": False}}
FAILS: dict[str, Any] = {**OWN, "network": {"name": "studio_own:Slow", "values": {"fails": True}}, "epochs": 1, "seeds": [0]}
LASTS: dict[str, Any] = {**OWN, "network": {"name": "studio_own:Slow"}, "epochs": 9_999, "seeds": [1, 2]}
ARGUMENTS = ("--at-once", "2", "--allow", "studio_own")
FAILED, FIRST, SECOND, LAST = (f"slow-noise-{number}" for number in (1, 2, 3, 4))


def test_trainings_outlive_the_studio_and_say_how_they_ended(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    processes: list[psutil.Process] = []
    try:
        with studio_process(root, *ARGUMENTS) as studio:
            before(studio, root, processes)
            studio.process.kill()
            studio.process.wait()
        assert all(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)
        with studio_process(root, *ARGUMENTS) as studio:
            after(studio, root, processes)
    finally:
        end_all(root)


def before(studio: Studio, root: Path, processes: list[psutil.Process]) -> None:
    """One raises and makes room for the next one."""
    assert studio.post("start", FAILS) == (200, {"names": [FAILED]})
    assert studio.post("start", LASTS) == (200, {"names": [FIRST, SECOND]})
    studio.wait(FIRST, lambda job: job["phase"] == "running")
    assert studio.jobs()[SECOND]["phase"] == "waiting"
    failed = studio.wait(FAILED, lambda job: job["phase"] == "failed")
    assert failed["reason"] == "RuntimeError: the moon is in the wrong house"
    assert failed["output"].endswith("RuntimeError: the moon is in the wrong house")
    assert "in training_step" in failed["output"]
    for name in (FIRST, SECOND):
        assert studio.wait(name, lambda job: (job["epoch"] or 0) >= 1)["phase"] == "running"
        processes.append(read_process(root / name).find())


def after(studio: Studio, root: Path, processes: list[psutil.Process]) -> None:
    """The next studio goes on with what runs and what waits."""
    first, second = processes
    jobs = studio.jobs()
    assert {name: job["phase"] for name, job in jobs.items()} == {FAILED: "failed", FIRST: "running", SECOND: "running"}
    reached = jobs[SECOND]["epoch"]
    assert studio.post("start", LASTS | {"seeds": [3]}) == (200, {"names": [LAST]})
    os.kill(first.pid, signal.SIGKILL)
    killed = studio.wait(FIRST, lambda job: job["phase"] != "running")
    assert (killed["phase"], killed["reason"].partition(":")[0]) == ("killed", "Its process is gone without a word")
    studio.wait(LAST, lambda job: job["phase"] == "running")
    studio.wait(SECOND, lambda job: job["epoch"] > reached)
    tree = second.children(recursive=True)
    assert tree  # the workers
    for name in (SECOND, LAST):
        studio.wait(name, lambda _, name=name: read_process(root / name))
        assert studio.post("stop", {"names": [name]})[0] == 200
    assert [one for one in (second, *tree) if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
    assert {name: studio.jobs()[name]["phase"] for name in (SECOND, LAST)} == {SECOND: "stopped", LAST: "stopped"}
    assert studio.post("stop", {"names": [SECOND]})[0] == 409


def test_what_the_studio_runs_a_shell_can_run_again(tmp_path: Path) -> None:
    """By the line on top of the YAML file, in a folder of its own; nothing is written into the run."""
    root, other = tmp_path / "runs", tmp_path / "other"
    asked = Asked(
        network=Chosen(name="MLP", values={"width": 4}),
        task=Chosen(name="Parity", values={"samples": 200}),
        epochs=1,
        seeds=(3,),
        iit={"units": "2", "groups": "1", "network": False, "pictures": False, "initial": False},
    )
    queue = TrainingQueue(root)
    (name,) = queue.ask(asked)
    queue.close()
    run = root / name
    before = sorted(run.rglob("*"))
    (line,) = [line for line in (run / "studio" / YAML).read_text().splitlines() if line.startswith("# python")]
    program, *arguments = shlex.split(line.removeprefix("# ").replace("FOLDER", str(other)))
    assert program == "python"
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, cwd=tmp_path)
    (record,) = load_run(other)
    assert (record.epoch, len(record.units.indices)) == (0, 2)
    assert sorted(run.rglob("*")) == before


LINGERS = """
import signal, sys, time, pathlib
def last_words(*_):
    time.sleep(6)  # longer than a logger on a slow disk
    pathlib.Path(sys.argv[1]).write_text("all told")
    sys.exit()
signal.signal(signal.SIGTERM, last_words)
print("ready", flush=True)
time.sleep(600)
"""


def test_a_training_that_is_stopped_may_tell_its_loggers(tmp_path: Path) -> None:
    file = tmp_path / "said"
    with subprocess.Popen([sys.executable, "-c", LINGERS, str(file)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        end(psutil.Process(process.pid))
        assert file.read_text() == "all told"
        assert process.wait(10) == 0


def test_the_end_of_a_process_is_told_in_words() -> None:
    assert ending_words(-9) == "Its process was ended by SIGKILL; where memory was short, by the system."
    assert ending_words(3) == "Its process ended with status 3 and said no more."
