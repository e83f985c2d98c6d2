"""The page examples/slurm.md, followed with a stand-in for SLURM that starts the jobs on this machine."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from executor_training import fit
from jsonargparse import ArgumentParser
from lightning.pytorch import Callback
from places import EXAMPLES, PROJECT, SUPPORT
from pool_tasks import wait_until

from lightning_iit import IITCallback, InvalidArgumentError, load_run
from lightning_iit.records import Computed

PAGE = (EXAMPLES / "slurm.md").read_text()
STAND_INS = {
    # Runs the job at once, in the background and in a process group of its own.
    "sbatch": """#!/bin/sh
for job; do :; done
cp "$job" "$SLURM_STAND_IN/job.sh"
setsid sh "$SLURM_STAND_IN/job.sh" >"$SLURM_STAND_IN/job.out" 2>&1 &
echo $! >"$SLURM_STAND_IN/pid"
echo "Submitted batch job 42"
""",
    "scancel": """#!/bin/sh
echo "$@" >>"$SLURM_STAND_IN/cancelled"
kill -- -$(cat "$SLURM_STAND_IN/pid")
""",
    # Runs the command once, without the options of srun.
    "srun": """#!/bin/sh
while [ "${1#--}" != "$1" ]; do shift; done
exec "$@"
""",
    "hostname": "#!/bin/sh\necho localhost\n",
}


def blocks(language: str) -> list[str]:
    """The page's code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """The stand-in on the path, and Dask's configuration as the page has it, but for two workers and this machine's network."""
    for name, text in STAND_INS.items():
        file = tmp_path / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    config = yaml.safe_load(blocks("yaml")[0])
    config["jobqueue"]["slurm"] |= {"cores": 2, "processes": 2, "memory": "2GiB", "interface": "lo", "log-directory": None}
    (tmp_path / "dask").mkdir()
    (tmp_path / "dask" / "jobqueue.yaml").write_text(yaml.safe_dump(config))
    programs = os.pathsep.join((str(tmp_path / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]))
    monkeypatch.setenv("PATH", programs)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (PROJECT, SUPPORT, EXAMPLES))))
    monkeypatch.setenv("DASK_CONFIG", str(tmp_path / "dask"))
    monkeypatch.setenv("SLURM_STAND_IN", str(tmp_path))
    return tmp_path


def test_the_first_way(slurm):
    """A script without a main guard, as users write it: jobs are submitted with Dask's settings, compute, and are cancelled."""
    script = slurm / "script.py"
    script.write_text(f"import runpy\nrunpy.run_path({str(SUPPORT / 'executor_training.py')!r}, run_name='__main__')\n")
    command = [sys.executable, str(script), str(slurm / "run"), "slurm"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.splitlines()[-1] == "['Computed', 'Computed', 'Computed', 'Computed']"
    job = (slurm / "job.sh").read_text()
    assert "#SBATCH -p cpu" in job
    assert "#SBATCH -A my-project" in job
    assert "--nthreads 1 " in job
    assert "--nworkers 2 " in job
    assert (slurm / "cancelled").read_text().split() == ["42"]
    pid = int((slurm / "pid").read_text())
    assert wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, 20)


def test_the_second_way(slurm):
    """The script of the page as it stands, but for the port and the number of workers; its train.py is the training of the test."""
    (script,) = (block for block in blocks("bash") if "srun" in block)
    port = str(20000 + os.getpid() % 20000)
    (slurm / "train.py").write_text(
        "import sys\nfrom executor_training import fit\n"
        "print([type(record.result).__name__ for record in fit('run', executor=sys.argv[1])[0].records])\n"
    )
    (slurm / "job.sh").write_text(script.replace("8786", port).replace("--nworkers 8", "--nworkers 2"))
    bash = shutil.which("bash")
    command = [bash, "-m", "job.sh"]  # with jobs, as `kill %1` needs them
    done = subprocess.run(command, cwd=slurm, capture_output=True, text=True, timeout=400, check=False)
    assert "A training with this executor would work." in done.stdout, done.stderr[-4000:]
    assert re.search("[12] tasks? at one time", done.stdout), done.stdout  # the second worker may come while the check goes on
    assert "['Computed', 'Computed', 'Computed', 'Computed']" in done.stdout, done.stderr[-4000:]
    assert all(isinstance(record.result, Computed) for record in load_run(slurm / "run"))


def test_the_callbacks_of_the_page_are_ones():
    (python,) = blocks("python")
    names = {"IITCallback": IITCallback}
    exec(python, names)
    assert (names["callback"].executor, names["callback"].workers) == ("slurm", 32)
    (given,) = yaml.safe_load(blocks("yaml")[1])["trainer"]["callbacks"]
    assert given["class_path"] == "lightning_iit.IITCallback"
    IITCallback(**given["init_args"]).check()
    parser = ArgumentParser()
    parser.add_argument("--callback", type=Callback)
    read = parser.parse_object({"callback": given}).callback.init_args
    assert (read.executor, read.workers) == ("slurm", 32), "as LightningCLI reads it"


def test_settings_that_are_missing_are_said_before_training(slurm, tmp_path):
    (slurm / "dask" / "jobqueue.yaml").write_text("jobqueue: {slurm: {interface: lo}}\n")
    with pytest.raises(InvalidArgumentError, match=r"(?s)executor='slurm'.*cores.*jobqueue\.yaml"):
        fit(tmp_path, executor="slurm")
