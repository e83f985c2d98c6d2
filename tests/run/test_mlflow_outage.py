"""A training run whose MLflow server is stopped in the middle and started again: nothing is lost, nothing comes twice."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest
from lightning.pytorch import Callback, seed_everything
from lightning.pytorch.loggers import MLFlowLogger
from models import Gru, sequence_data
from servers import mlflow_server
from torch.nn.functional import cross_entropy
from training import assert_same, train, trainer

from lightning_iit import IITCallback, load_run
from lightning_iit.records import decode

OPTIONS = {
    "layers": ["net.gru", "net.out"],
    "units": 2,
    "groups": 1,
    "states": "mode",
    "null_model": None,
    "table": False,
    "extra_budget": 0.0,  # which epochs are resampled is a matter of time
}
EPOCHS = 6


class Silent(Gru):
    """Logs nothing itself: Lightning's MLFlowLogger writes on the training thread, and breaks there without a server."""

    def training_step(self, batch, _):
        return cross_entropy(self(batch[0]), batch[1])


def a_model() -> Silent:
    seed_everything(5, verbose=False)
    return Silent()


class Outage(Callback):
    """Stops the server before one epoch and starts it again after a later one."""

    def __init__(self, server, first: int, last: int) -> None:
        self.server, self.first, self.last = server, first, last
        self.settled_while_away: set[int] = set()

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == self.first:
            self.server.stop()

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.current_epoch == self.last:
            iit = next(callback for callback in trainer.callbacks if isinstance(callback, IITCallback))
            deadline = time.monotonic() + 60.0
            while self.first not in self.settled_while_away and time.monotonic() < deadline:
                self.settled_while_away = {record.epoch for record in iit.records}
                time.sleep(0.05)
            self.server.start()


@pytest.mark.slow
def test_a_server_stopped_in_mid_run_has_what_an_uninterrupted_run_has(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # so that it is the journal which tries again, not MLflow
    whole = train(tmp_path / "whole", model=a_model(), data=sequence_data(), epochs=EPOCHS, **OPTIONS).records
    with mlflow_server(tmp_path / "server") as server:
        logger = MLFlowLogger(tracking_uri=server.url)
        callback, outage = IITCallback(**OPTIONS), Outage(server, first=1, last=4)
        trainer(tmp_path / "hurt", callback, outage, epochs=EPOCHS, logger=logger).fit(a_model(), sequence_data())
        assert_same(callback.records, whole)
        (options,) = (tmp_path / "hurt").rglob("iit/options.json")
        assert_same(load_run(options.parents[1]), whole)
        assert outage.first in outage.settled_while_away, "Φ was computed while the server was away"
        assert "cannot take" in caplog.text
        check_server(logger, callback.records, tmp_path / "got")


def check_server(logger: MLFlowLogger, records, folder: Path) -> None:
    client, run_id = logger.experiment, logger.run_id
    for layer in OPTIONS["layers"]:
        of_layer = [record for record in records if record.layer == layer]
        for name in set(of_layer[0].scalars) & set(of_layer[-1].scalars):
            history = client.get_metric_history(run_id, f"iit_details/{layer}/{name}")
            expected = [(record.global_step, record.scalars[name]) for record in of_layer if name in record.scalars]
            assert sorted((metric.step, metric.value) for metric in history) == expected
    folder.mkdir()
    client.download_artifacts(run_id, "", str(folder))
    stored = [decode(file.read_bytes()) for file in folder.glob("iit/*/epoch=*.json")]
    assert sorted(stored, key=lambda record: record.key) == sorted(records, key=lambda record: record.key)
    pictures = Counter(file.name.split("+timestamp")[0] for file in folder.glob("images/*.png"))
    names = (f"iit_details~{record.layer}~{name}+step+{record.global_step}" for record in records for name in ("tpm", "mip"))
    assert pictures == Counter(names)
    assert (folder / "iit" / "viewer.html").exists()
    assert client.get_run(run_id).info.status == "FINISHED"
