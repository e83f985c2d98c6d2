"""Where Lightning trains in processes that it starts, the callback in the starting process has the records of the run."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from places import SUPPORT

from lightning_iit import load_run

SCRIPT = SUPPORT / "spawn_script.py"


@pytest.mark.parametrize("strategy", ["ddp_spawn", "ddp_notebook"])
def test_the_parent_has_the_records_of_the_run(tmp_path, strategy):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), strategy], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.splitlines()[-1])
    first, second = (load_run(tmp_path / "iit" / name) for name in ("0", "1"))
    assert [record.epoch for record in first] == [-1, 0, 1]
    assert found["2 epochs"] == [[record.epoch, record.phi] for record in first]
    assert [record.epoch for record in second] == [-1, 0]
    assert found["1 epochs"] == [[record.epoch, record.phi] for record in second]
    assert found["a copy made before"] == 0, "a copy is another callback, which has trained nothing"
    assert found["a copy made after"] == len(second)
