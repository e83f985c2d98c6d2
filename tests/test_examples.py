"""Every example runs as its first lines say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lightning_iit import load_run
from lightning_iit.records import Computed

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(folder: Path, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
        env=os.environ | {"COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-3000:]
    return done.stdout


def test_no_example_is_longer_than_60_lines():
    lengths = {file.name: len(file.read_text().splitlines()) for file in EXAMPLES.glob("*.py") if file.name != "gates.py"}
    assert {name: length for name, length in lengths.items() if length > 60} == {}


def test_the_demo(tmp_path):
    out = run(tmp_path, EXAMPLES / "digits_mlp.py")
    (version,) = (tmp_path / "runs" / "demo").glob("version_*")
    records = load_run(version)
    assert [record.key for record in records] == [(layer, epoch) for epoch in range(-1, 6) for layer in ("mlp.1", "rows")]
    assert all(isinstance(record.result, Computed) for record in records)
    assert {record.layer: record.kind for record in records} == {"mlp.1": "statistical", "rows": "causal"}
    rows = [record for record in records if record.layer == "rows"]
    assert {len(record.units.indices) for record in rows} == {6}
    assert sorted(record.phi for record in rows)[len(rows) // 2] > 0
    assert sum(record.result.cuts_evaluated > 1 for record in records) >= 0.8 * len(records)
    assert all(record.null is not None for record in records if record.epoch == 5)
    assert "tensorboard --logdir runs/demo" in out
    assert "mlflow ui" in out
    assert (version / "iit" / "report.md").read_text().count("structural Φ is 0") >= 1
    assert (version / "iit" / "network" / "snapshot=0005.json").exists()


def test_mnist_from_files_that_are_there(tmp_path, shared):
    run(tmp_path, EXAMPLES / "mnist_mlp.py", "--root", shared / "mnist", "--epochs", 1)
    (version,) = (tmp_path / "lightning_logs").glob("version_*")
    (before, after) = load_run(version)
    assert after.counts.transitions == 9_999
    assert before.layer == after.layer == "net.4"
    assert len(after.units.indices) == 6
    assert isinstance(after.result, Computed)


def test_lightning_cli_with_a_yaml_file(tmp_path):
    run(tmp_path, EXAMPLES / "cli.py", "fit", "--config", EXAMPLES / "config.yaml")
    (version,) = (tmp_path / "runs" / "cli" / "lightning_logs").glob("version_*")
    records = load_run(version)
    assert [record.epoch for record in records] == [-1, 0, 1, 2]
    assert all(isinstance(record.result, Computed) for record in records)


@pytest.mark.parametrize("name", ["recurrent", "pruning", "transformer_depth"])
def test_the_other_examples(tmp_path, name):
    out = run(tmp_path, EXAMPLES / f"{name}.py")
    assert "epoch" in out
    (events,) = {file.parent for file in tmp_path.rglob("events.out.tfevents*")}
    records = load_run(events)
    assert sum(isinstance(record.result, Computed) for record in records) >= 0.7 * len(records)


def test_a_sweep_over_checkpoints(tmp_path):
    out = run(tmp_path, EXAMPLES / "checkpoints.py")
    folder = tmp_path / "runs" / "checkpoints"
    records = load_run(folder)
    assert [record.epoch for record in records] == [0, 1, 2, 3, 4]
    assert all(isinstance(record.result, Computed) and record.null is not None for record in records)
    assert len({record.units for record in records}) == 1
    assert len({record.counts for record in records}) == 5
    assert len([line for line in out.splitlines() if line.startswith("epoch ")]) == 5
    assert (folder / "iit" / "report.md").exists()
