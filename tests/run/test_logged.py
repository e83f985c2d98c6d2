"""What a real training run leaves in TensorBoard's event files and in a real MLflow server is what the records say."""

from __future__ import annotations

import inspect
import json
import re
from csv import DictReader
from pathlib import Path

import numpy as np
import pytest
from event_files import read_events
from lightning.pytorch import seed_everything
from lightning.pytorch.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger
from models import Gru, sequence_data
from places import PROJECT
from sample_records import pixels
from servers import mlflow_server
from training import assert_same, trainer

from lightning_iit import IITCallback, System, compute_phi, load_run
from lightning_iit.cli import main
from lightning_iit.records import Computed, decode
from lightning_iit.viewer.mlflow_source import MLflowSource

LAYERS = ("net.gru", "net.out")
SCALARS = {
    "phi",
    "phi_mean",
    "phi_max",
    "concepts",
    "sum_small_phi",
    "coverage",
    "transitions",
    "effective_information",
    "determinism",
    "degeneracy",
    "entropy",
    "seconds",
}
CHANGE = ("phi_change", "phi_change_p")


def numbers(record):
    """The numbers of a record by the keys that they must have in every logger."""
    survey = record.survey
    of_layer = {"phi": survey.phi, "phi_se": survey.se, "phi_low": survey.low, "phi_high": survey.high}
    of_layer |= {name: value for name, value in record.scalars.items() if name in CHANGE}
    found = {f"iit/{name}/{record.layer}": value for name, value in of_layer.items() if value is not None}
    return found | {f"iit_details/{record.layer}/{name}": value for name, value in record.scalars.items() if name not in CHANGE}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two layers, three epochs and the untrained network, with a TensorBoard, an MLflow and a CSV logger."""
    folder = tmp_path_factory.mktemp("run")
    with mlflow_server(folder / "server") as server:
        tensorboard = TensorBoardLogger(folder, name="", version="tb")
        mlflow = MLFlowLogger("experiment", tracking_uri=server.url)
        csv = CSVLogger(folder, name="", version="csv")
        callback = IITCallback(list(LAYERS), units=3, groups=1, states=2, table=False)
        runner = trainer(folder, callback, epochs=3, logger=[tensorboard, mlflow, csv])
        seed_everything(4, verbose=False)  # of other weights two purviews may have the same φ but for the seventh decimal
        runner.fit(Gru(), sequence_data(), sequence_data(16, seed=1))
        yield folder, callback, mlflow


def test_every_epoch_and_layer_has_its_record(run):
    folder, callback, _ = run
    records = callback.records
    assert [record.key for record in records] == [(layer, epoch) for epoch in (-1, 0, 1, 2) for layer in LAYERS]
    assert all(isinstance(record.result, Computed) for record in records)
    assert all(set(record.scalars) >= SCALARS for record in records)
    assert load_run(folder / "tb") == records


def test_the_event_file(run):
    folder, callback, _ = run
    events = read_events(folder / "tb")
    assert sum(map(len, events.records.values())) == 4 * len(LAYERS)
    assert_same(sorted(events.all_records(), key=lambda r: (r.epoch, r.layer)), callback.records)
    assert sum(map(len, events.scalars.values())) == sum(len(numbers(record)) for record in callback.records)
    assert {tag.split("/")[0] for tag in (*events.scalars, *events.images)} == {"iit", "iit_details"}
    for layer in LAYERS:  # the first page of TensorBoard's charts has 12
        first = [tag for tag in (*events.scalars, *events.images) if tag.startswith("iit/") and tag.endswith(f"/{layer}")]
        assert f"iit/phi/{layer}" in first
        assert len(first) <= 6
    for record in callback.records:
        for tag, value in numbers(record).items():
            found = {point.step: point for point in events.scalars[tag]}
            assert found[record.global_step].value == float(np.float32(value))
            assert found[record.global_step].wall_time == record.wall_time
        for name in ("tpm", "mip"):
            shown = {point.step: point.value for point in events.images[f"iit_details/{record.layer}/{name}"]}
            assert len(shown) == 4
            height, width, _ = pixels(shown[record.global_step]).shape
            assert (width, height) == (700, 560)
            stored = folder / "tb" / "iit" / record.layer / f"epoch={record.epoch:04d}.{name}_small.png"
            np.testing.assert_array_equal(pixels(shown[record.global_step]), pixels(stored.read_bytes()))


def test_the_mlflow_server(run):
    _, callback, logger = run
    client, run_id = logger.experiment, logger.run_id
    keys = {key for record in callback.records for key in numbers(record)}
    assert {key for key in client.get_run(run_id).data.metrics if key.startswith("iit")} == keys
    for key in keys:
        history = client.get_metric_history(run_id, key)
        assert sorted((metric.step, metric.timestamp, metric.value) for metric in history) == [
            (record.global_step, round(record.wall_time * 1000), numbers(record)[key])
            for record in callback.records
            if key in numbers(record)
        ]
    for layer in LAYERS:
        of_layer = [record for record in callback.records if record.layer == layer]
        for record in of_layer:
            path = client.download_artifacts(run_id, f"iit/{layer}/epoch={record.epoch:04d}.json")
            assert decode(Path(path).read_bytes()) == record
    page = Path(client.download_artifacts(run_id, "iit/viewer.html")).read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "structural Φ is 0" in Path(client.download_artifacts(run_id, "iit/report.md")).read_text()
    tags = client.get_run(run_id).data.tags
    for layer in LAYERS:
        kinds = {record.kind for record in callback.records if record.layer == layer}
        assert {tags[f"iit.kind.{layer}"]} == kinds
        assert tags[f"iit.layer.{layer}"] == layer


def test_mlflow_shows_the_small_pictures_and_keeps_the_large_ones(run):
    folder, callback, logger = run
    client, run_id = logger.experiment, logger.run_id
    client.download_artifacts(run_id, "images", str(folder))
    for record in callback.records:
        stem = f"iit/{record.layer}/epoch={record.epoch:04d}"
        there = {file.path for file in client.list_artifacts(run_id, f"iit/{record.layer}") if file.path.startswith(f"{stem}.")}
        assert there == {f"{stem}{end}" for end in (".json", ".tpm.png", ".tpm.svg", ".mip.png", ".mip.svg")}
        for end in (".tpm.png", ".tpm.svg", ".mip.png", ".mip.svg"):
            stored = (folder / "tb" / f"{stem}{end}").read_bytes()
            assert Path(client.download_artifacts(run_id, f"{stem}{end}")).read_bytes() == stored
        for name in ("tpm", "mip"):
            (shown,) = (folder / "images").glob(f"iit_details~{record.layer}~{name}+step+{record.global_step}+*.png")
            np.testing.assert_array_equal(
                pixels(shown.read_bytes()), pixels((folder / "tb" / f"{stem}.{name}_small.png").read_bytes())
            )


def test_mlflow_has_the_options_that_differ_as_params_and_all_in_a_file(run):
    """MLflow prints every param of a run into the card of each picture, which hid the pictures."""
    folder, _, logger = run
    params = logger.experiment.get_run(logger.run_id).data.params
    defaults = {name: str(parameter.default) for name, parameter in inspect.signature(IITCallback).parameters.items()}
    given = {"layers": ",".join(LAYERS), "units": "3", "groups": "1", "states": "2"}
    assert params == {f"iit.{name}": value for name, value in given.items()}
    all_options = defaults | given | {"table": "False"}  # which changes no number, and is no param
    text = logger.experiment.download_artifacts(logger.run_id, "iit/options.json", str(folder))
    assert json.loads(Path(text).read_text()) == all_options
    uri = logger._tracking_uri
    assert MLflowSource(uri).options(logger.run_id).items() >= all_options.items()
    report = (folder / "tb" / "iit" / "report.md").read_text()
    assert all(f"`{name}=" in report for name in defaults)


def test_the_csv_logger_has_the_scalars(run):
    folder, callback, _ = run
    with (folder / "csv" / "metrics.csv").open() as file:
        rows = list(DictReader(file))
    found = {(int(row["step"]), key): float(text) for row in rows for key, text in row.items() if key.startswith("iit") and text}
    assert found == {(record.global_step, key): value for record in callback.records for key, value in numbers(record).items()}


def test_every_scalar_that_the_readme_names_is_logged(run):
    _, callback, _ = run
    readme = (PROJECT / "README.md").read_text()
    (always,) = re.findall(r"^\| (`phi`.*?) \| TensorBoard", readme, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", always)) == SCALARS | {"states"}
    assert all(set(record.scalars) >= SCALARS | {"states"} for record in callback.records)


def test_records_are_plain_json(run):
    folder, callback, _ = run
    for record in callback.records:
        data = json.loads((folder / "tb" / "iit" / record.layer / f"epoch={record.epoch:04d}.json").read_text())
        assert data["state_order"] == "little-endian"
        assert data["formalism"] == "iit3"
        assert len(data["counts"]["on"]) == 8


def test_a_table_of_the_records(run):
    _, callback, _ = run
    table = callback.records.to_dataframe()
    assert list(table["phi"]) == [record.phi for record in callback.records]
    assert set(table["null"]) <= {record.null_words for record in callback.records}


def test_every_phi_is_what_pyphi_says(run):
    _, callback, _ = run
    analysed = [(record, state) for record in callback.records for state in record.states]
    assert len(analysed) == 16
    for record, state in analysed:
        # With six decimals, PyPhi's default, the last bit decides between two purviews whose φ ends in a 5; with ten it does not.
        system = System(tpm=record.tpm.state_by_node, state=state.state)
        again = compute_phi(system, engine="pyphi", pyphi_options={"PRECISION": 10})
        assert state.result.phi == pytest.approx(again.phi, abs=3e-6)
        assert state.result.cut == again.cut
        assert [concept.mechanism for concept in state.result.concepts] == [concept.mechanism for concept in again.concepts]


def test_verify_finds_no_difference_to_pyphi(run, capsys):
    folder, _, _ = run
    assert main(["verify", str(folder / "tb"), "--engine", "pyphi", "--sample", "3"]) == 0
    assert "0 differ" in capsys.readouterr().out
