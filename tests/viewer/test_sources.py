"""What the sources of the viewer list, and what they leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mlflow import MlflowClient

from lightning_iit.viewer import mlflow_source
from lightning_iit.viewer.mlflow_source import MLflowSource
from lightning_iit.viewer.scalars import read_scalars

if TYPE_CHECKING:
    from pathlib import Path

OWN = {"epoch_loss": 0.5, "step_size": 0.1, "epochs": 3.0, "loss": 0.25}
COUNTERS = {"epoch": 0.0, "step": 7.0, "hp_metric": -1.0, "iit/phi/fc1": 0.3, "iit_details/fc1/phi": 0.2}
COUNTERS["iit/fc1/phi"] = 0.3  # of version 0.1.0


def test_only_the_counters_of_lightning_are_no_metrics_of_the_run(tmp_path: Path) -> None:
    metrics = OWN | COUNTERS
    (tmp_path / "metrics.csv").write_text(f"{','.join(metrics)}\n{','.join(map(str, metrics.values()))}\n")
    assert {line.tag: line.points for line in read_scalars(tmp_path).series} == {tag: ((7, value),) for tag, value in OWN.items()}


@pytest.mark.filterwarnings("ignore:.*deprecated")  # inside MLflow
def test_a_tracking_store_lists_the_latest_runs_and_counts_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(uri)
    runs = [client.create_run("0", start_time=1000 * number) for number in range(1, 8)]
    for run in runs[:5]:
        client.set_tag(run.info.run_id, "iit.kind.fc1", "causal")
    for tag, value in (OWN | COUNTERS).items():
        client.log_metric(runs[4].info.run_id, tag, value)
    source = MLflowSource(uri)
    assert [len(source.runs()[0]), source.runs()[1]] == [5, 0]
    assert {line.tag for line in source.scalars(runs[4].info.run_id).series} == OWN.keys()
    monkeypatch.setattr(mlflow_source, "MAX_RUNS", 4)
    monkeypatch.setattr(mlflow_source, "_PAGE", 2)
    found, further = MLflowSource(uri).runs()
    assert ([info.modified for info in found], further) == ([5.0, 4.0], 3)
