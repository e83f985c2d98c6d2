"""What stands in a real MLflow server, read by its client, is what the records say; also when the server was away."""

from __future__ import annotations

import importlib
import logging
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sample_records import HOSTILE_LAYERS, a_png, a_record, a_snapshot, numbers_of, pixels
from servers import mlflow_server

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import Records
from lightning_iit.records.names import layer_slug, record_name
from lightning_iit.records.store import load_run
from lightning_iit.trackers import Journal, trackers_for
from lightning_iit.trackers.deliver import deliver, main
from lightning_iit.trackers.destinations import destinations
from lightning_iit.trackers.mlflow import MLflowRun, without_credentials
from lightning_iit.trackers.write_queue import Backoff

QUICK = Backoff(first=0.1, longest=0.5)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@pytest.fixture
def stoppable(server, monkeypatch):
    """The server, for a test that stops it; it runs again afterwards."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # so that it is the journal which tries again, not MLflow
    yield server
    server.start()


@pytest.fixture(params=["lightning.pytorch.loggers", "pytorch_lightning.loggers"])
def logger(request, server):
    """An MLFlowLogger of each package, with its run created, as a trainer does before setup."""
    return a_logger(server, request.param)


def a_logger(server, package="lightning.pytorch.loggers"):
    logger = importlib.import_module(package).MLFlowLogger(tracking_uri=server.url)
    assert logger.run_id
    return logger


def artifacts(client, run_id, path=None):
    for found in client.list_artifacts(run_id, path):
        if found.is_dir:
            yield from artifacts(client, run_id, found.path)
        else:
            yield found.path


def check_run(logger, records, images, folder, *, also=()):
    """Every metric, image and artifact of the records is in the run, at its step and time, once, and nothing else."""
    client, run_id = logger.experiment, logger.run_id
    check_numbers(client, run_id, records)
    names = set(artifacts(client, run_id))
    ours = {name for name in names if name.startswith("iit/")}
    # The viewer's page is there where the run also has files to make it from.
    assert ours - {"iit/viewer.html"} == {record_name(*record.key) for record in records} | set(also)
    folder.mkdir(exist_ok=True)
    client.download_artifacts(run_id, "iit", str(folder))
    assert load_run(folder) == Records.ordered(records)
    check_images(client, run_id, records, images, names)


def check_numbers(client, run_id, records):
    data = client.get_run(run_id).data
    expected = {}
    for record in records:
        slug = layer_slug(record.layer)
        for key, value in numbers_of(record).items():
            expected.setdefault(key, []).append((record.global_step, round(record.wall_time * 1000), value))
        assert data.tags[f"iit.layer.{slug}"][:499] == record.layer[:499]
        assert data.tags[f"iit.kind.{slug}"] == record.kind
        assert data.tags[f"iit.formalism.{slug}"] == ", ".join(record.formalisms)
    assert {key for key in data.metrics if key.startswith("iit")} == set(expected)
    for key, points in expected.items():
        logged = [(metric.step, metric.timestamp, metric.value) for metric in client.get_metric_history(run_id, key)]
        assert sorted(logged) == sorted(points), key


def check_images(client, run_id, records, images, names):
    pngs = [name for name in names if name.startswith("images/") and name.endswith(".png")]
    assert len(pngs) == sum(map(len, images.values()))
    assert len([name for name in names if name.endswith(".webp")]) == len(pngs)
    for name in pngs:
        key, step, milliseconds = re.fullmatch(r"images/(.+)\+step\+(\d+)\+timestamp\+(\d+)\+[\w-]+\.png", name).groups()
        first, slug, image = key.split("~")
        assert first == "iit_details"
        (record,) = [r for r in records if layer_slug(r.layer) == slug and r.global_step == int(step)]
        assert round(record.wall_time * 1000) == int(milliseconds)
        file = Path(client.download_artifacts(run_id, name))
        np.testing.assert_array_equal(pixels(file.read_bytes()), pixels(images[record.key][image]))


def a_run_of_records(layers=("fc1", "gru"), epochs=range(-1, 3)):
    records = [a_record(layer, epoch) for epoch in epochs for layer in layers]
    images = {record.key: {"tpm": a_png(seed), "mip": a_png(1000 + seed)} for seed, record in enumerate(records)}
    return records, images


def test_what_was_logged_before_a_resume_is_not_logged_again(tmp_path, server):
    """The server is asked: a new process remembers nothing."""
    logger = a_logger(server)
    records, images = a_run_of_records()
    for known in (records[:-2], records):
        journal = Journal(trackers_for([logger], None))
        for record in known:
            journal.write(record, images[record.key])
        assert journal.close(timeout=120) == ()
    check_run(logger, records, images, tmp_path / "down")


def test_the_server_holds_what_the_records_say(tmp_path, logger):
    records, images = a_run_of_records()
    journal = Journal(trackers_for([logger], tmp_path / "run"), options={"units": 4, "selection": "variance", "layers": None})
    for record in random.Random(0).sample(records, len(records)):
        journal.write(record, images[record.key])
    journal.attach("report.md", "# Φ\n".encode())
    journal.write_network(a_snapshot(0))
    assert journal.close(timeout=120) == ()
    check_run(
        logger, records, images, tmp_path / "got", also=["iit/options.json", "iit/report.md", "iit/network/snapshot=0000.json"]
    )
    assert (tmp_path / "got/iit/report.md").read_text("utf-8") == "# Φ\n"
    assert logger.experiment.get_run(logger.run_id).data.params == {
        "iit.units": "4",
        "iit.selection": "variance",
        "iit.layers": "None",
    }
    assert (tmp_path / "run/iit/report.md").read_text("utf-8") == "# Φ\n"
    assert load_run(tmp_path / "run") == Records.ordered(records)


def test_hostile_layers_keep_apart(tmp_path, server):
    logger = a_logger(server)
    records, _ = a_run_of_records(HOSTILE_LAYERS, epochs=[0])
    journal = Journal(trackers_for([logger], None))
    for record in records:
        journal.write(record)
    assert journal.close(timeout=120) == ()
    check_run(logger, records, {}, tmp_path / "got")


def test_a_second_attempt_at_a_record_doubles_nothing(tmp_path, server):
    logger = a_logger(server)
    records, images = a_run_of_records(["fc1"], epochs=[-1, 0])
    run = MLflowRun(logger.experiment, logger.run_id)
    for record in records:
        run.log(record, images[record.key], again=False)
    for record in records:
        run.log(record, images[record.key], again=True)
    check_run(logger, records, images, tmp_path / "got")


# --- faults


def test_a_server_that_goes_away_and_comes_back_gets_everything(tmp_path, stoppable, caplog):
    """Stopped after the second epoch of six and started again after the fourth: nothing is lost and nothing comes twice."""
    caplog.set_level(logging.INFO, logger="lightning_iit")
    records, images = a_run_of_records(epochs=range(6))
    logger = a_logger(stoppable)
    journal = Journal(trackers_for([logger], tmp_path / "run"), backoff=QUICK)
    for record in records:
        if record.key == ("fc1", 2):
            assert journal.flush(timeout=60)
            stoppable.stop()
        if record.key == ("fc1", 4):
            assert not journal.flush(timeout=30), "the server is away, so not everything can have been written"
            assert load_run(tmp_path / "run") == Records.ordered(records[:8]), "the files do not wait for the server"
            stoppable.start()
        before = time.monotonic()
        journal.write(record, images[record.key])
        assert time.monotonic() - before < 0.5, "the training thread must not wait"
    assert journal.close(timeout=120) == ()
    check_run(logger, records, images, tmp_path / "got")
    said = [record.getMessage() for record in caplog.records if record.name == "lightning_iit"]
    assert len(said) == 2, said
    assert "cannot take" in said[0]
    assert "takes records again" in said[1]


def test_a_server_that_hangs_holds_nothing_up_and_gets_everything(tmp_path, stoppable, monkeypatch, caplog):
    """It takes connections and answers none of them, and then goes on."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    records, images = a_run_of_records(epochs=range(4))
    logger = a_logger(stoppable)
    journal = Journal(trackers_for([logger], tmp_path / "run"), backoff=QUICK)
    stoppable.pause()
    began = time.monotonic()
    for record in records:
        journal.write(record, images[record.key])
    assert time.monotonic() - began < 0.5, "the training thread must not wait"
    while "cannot take" not in caplog.text:
        assert time.monotonic() - began < 60
        time.sleep(0.1)
    assert load_run(tmp_path / "run") == Records.ordered(records)
    stoppable.go_on()
    assert journal.close(timeout=120) == ()
    check_run(logger, records, images, tmp_path / "got")


def test_a_server_killed_while_it_is_written_to_gets_everything_once(tmp_path, stoppable):
    """Killed in the middle of an upload: what was there in part is completed, not doubled."""
    records, images = a_run_of_records(epochs=range(8))
    logger = a_logger(stoppable)
    journal = Journal(trackers_for([logger], None), backoff=QUICK)
    for record in records:
        journal.write(record, images[record.key])
    while len(there := list(stoppable.folder.glob(f"artifacts/**/{logger.run_id}/**/epoch=*.json"))) < 3:
        time.sleep(0.01)
    stoppable.stop()
    assert len(there) < len(records), "it must be killed before it has everything"
    time.sleep(1.0)
    stoppable.start()
    assert journal.close(timeout=120) == ()
    check_run(logger, records, images, tmp_path / "got")


def test_a_server_away_until_the_end_is_said_and_delivered_later(tmp_path, stoppable, caplog, capsys):
    records, images = a_run_of_records(epochs=range(3))
    run_dir = tmp_path / "run"
    logger = a_logger(stoppable)
    journal = Journal(trackers_for([logger], run_dir), backoff=QUICK)
    for record in records[:2]:
        journal.write(record, images[record.key])
    assert journal.flush(timeout=60)
    stoppable.stop()
    for record in records[2:]:
        journal.write(record, images[record.key])
    journal.write_network(a_snapshot(1))
    began = time.monotonic()
    (left,) = journal.close(timeout=60)
    assert time.monotonic() - began < 20
    assert len(left.labels) >= 4
    assert f"python -m lightning_iit.trackers.deliver {run_dir}" in left.words
    assert str(run_dir / "iit") in caplog.text
    command = [sys.executable, "-m", "lightning_iit.trackers.deliver", str(run_dir)]
    assert main([str(run_dir)]) == 1
    assert "refused" in capsys.readouterr().err
    stoppable.start()
    delivered = subprocess.run(command, capture_output=True, text=True, check=True)
    assert delivered.stdout == "4 records delivered.\n"
    assert deliver(run_dir) == 0, "a second delivery finds nothing missing"
    there = {found.path for found in logger.experiment.list_artifacts(logger.run_id, "iit")}
    assert {"iit/report.md", "iit/viewer.html"} <= there, "as after a training that reached its server"
    check_run(logger, records, images, tmp_path / "got", also=["iit/report.md", "iit/network/snapshot=0001.json"])


def test_a_killed_process_leaves_a_note_to_deliver_by(tmp_path, server):
    logger = a_logger(server)
    journal = Journal(trackers_for([logger], tmp_path))
    record = a_record()
    journal.write(record)
    assert journal.flush(timeout=60)
    (noted,) = destinations(tmp_path)
    assert (noted.tracking_uri, noted.run_id) == (server.url, logger.run_id)
    other = a_logger(server)
    assert deliver(tmp_path, tracking_uri=server.url, run_id=other.run_id) == 1
    check_run(other, [record], {}, tmp_path / "got", also=["iit/report.md"])
    with pytest.raises(InvalidArgumentError, match="give both tracking_uri and run_id"):
        deliver(tmp_path, run_id="unknown")
    journal.close(timeout=10)


def test_a_run_that_the_server_does_not_know_is_reported_once_each_and_the_files_are_written(tmp_path, server, caplog):
    logger = a_logger(server)
    trackers = trackers_for([logger], tmp_path)
    logger.experiment.delete_run(logger.run_id)
    journal = Journal(trackers, backoff=QUICK)
    records, _ = a_run_of_records(epochs=range(2))
    for record in records:
        journal.write(record)
    (left,) = journal.close(timeout=60)
    assert len(left.labels) == 4
    assert "MLflow run" in left.words
    assert load_run(tmp_path) == Records.ordered(records)


def test_a_resumed_run_with_other_options_keeps_the_params_and_tags_the_change(tmp_path, server):
    logger = a_logger(server)
    for units in (4, 6):
        journal = Journal(trackers_for([logger], None), options={"units": units, "long": "x" * 5000})
        assert journal.close(timeout=60) == ()
    data = logger.experiment.get_run(logger.run_id).data
    assert data.params["iit.units"] == "4"
    assert data.tags["iit.units"] == "6"
    assert len(data.params["iit.long"]) == 500


@pytest.mark.filterwarnings("ignore::DeprecationWarning:sqlalchemy", "ignore::DeprecationWarning:mlflow")
def test_a_local_database_needs_no_server(tmp_path):
    from lightning.pytorch.loggers import MLFlowLogger

    logger = MLFlowLogger(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db", artifact_location=str(tmp_path / "artifacts"))
    records, images = a_run_of_records(epochs=range(2))
    journal = Journal(trackers_for([logger], tmp_path / "run"))
    for record in records:
        journal.write(record, images[record.key])
    assert journal.close(timeout=120) == ()
    check_run(logger, records, images, tmp_path / "got")


def test_passwords_stay_out_of_messages_and_files():
    assert without_credentials("https://me:secret@host:5000/path?x=1") == "https://host:5000/path?x=1"
    for uri in ("http://host:5000", "sqlite:////tmp/a@b.db", "databricks", "file:///tmp/a@b"):
        assert without_credentials(uri) == uri
