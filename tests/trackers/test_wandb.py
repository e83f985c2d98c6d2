"""A real training with the logger of Weights & Biases, offline; what it left in the run's file is read back."""

from __future__ import annotations

import json

import numpy as np
import pytest
import wandb
from lightning.pytorch import seed_everything
from lightning.pytorch.loggers import WandbLogger
from models import Gru, sequence_data
from sample_records import pixels
from training import trainer
from wandb_files import read_run

from lightning_iit import IITCallback
from lightning_iit.records.logged import logged

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:There is a wandb run already in progress")


@pytest.fixture(scope="module", params=["", "second"])
def run(request, tmp_path_factory):
    """The callback, and what is in the file of the offline run; of a callback without and with a name."""
    folder = tmp_path_factory.mktemp("wandb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        patch.setenv("WANDB_SILENT", "true")
        seed_everything(4, verbose=False)
        logger = WandbLogger(project="phi", save_dir=folder, offline=True)
        options = {"name": request.param} if request.param else {}
        callback = IITCallback("net.gru", units=3, groups=3, formalism=("iit3", "iit4-2023"), table=False, **options)
        trainer(folder, callback, epochs=2, logger=logger, log_every_n_steps=1).fit(Gru(), sequence_data())
        logger.experiment.finish()
        wandb.teardown()  # ends the process that writes the file
    return callback, read_run(folder), folder, request.param


def test_every_number_is_there_at_its_step(run):
    callback, found, folder, scope = run
    for record in callback.records:
        numbers = logged(record, scope)
        (row,) = [row for row in found.history if numbers.keys() <= row.keys() and row["trainer/global_step"] == record.global_step]
        assert {name: row[name] for name in numbers} == pytest.approx(numbers)
        for image in ("tpm", "mip", "mip_iit4-2023"):
            key = "/".join(filter(None, ("iit_details", scope, record.layer, image)))
            assert (row[f"{key}/width"], row[f"{key}/height"], row[f"{key}/_type"]) == (700, 560, "image-file")
            (shown,) = folder.glob(f"wandb/offline-run-*/files/{row[f'{key}/path']}")
            (written,) = folder.rglob(f"{record.layer}/epoch={record.epoch:04d}.{image}_small.png")
            np.testing.assert_array_equal(pixels(shown.read_bytes()), pixels(written.read_bytes()))
    assert any("loss" in row for row in found.history)


def test_config_summary_and_artifact(run):
    callback, found, folder, scope = run
    options = found.config["iit"][scope] if scope else found.config["iit"]
    given = {"layers": "net.gru", "units": "3", "groups": "3", "formalism": "iit3,iit4-2023", "table": "False"}
    assert options == given | ({"name": scope} if scope else {})
    last = callback.records[-1]
    keys = {what: "/".join(filter(None, ("iit", scope, what, "net.gru"))) for what in ("kind", "formalism", "state")}
    assert found.summary[keys["kind"]] == "causal"
    assert found.summary[keys["formalism"]] == "iit3, iit4-2023"
    assert found.summary[keys["state"]] == "".join(map(str, last.states[0].state))
    ((name, files),) = [(name, files) for name, files in found.artifacts.items() if name.startswith("iit")]
    root = f"{scope}/iit" if scope else "iit"
    assert {
        f"{root}/net.gru/epoch=0001.json",
        f"{root}/report.md",
        f"{root}/options.json",
        *(f"{root}/net.gru/epoch=0001.{name}.{form}" for name in ("mip", "tpm", "mip_iit4-2023") for form in ("png", "svg")),
    } <= set(files)
    assert name.startswith(f"iit-{scope}-" if scope else "iit-")
    page = found.summary["/".join(filter(None, ("iit", scope, "viewer", "path")))]
    (file,) = folder.glob(f"wandb/offline-run-*/files/{page}")
    assert "<script" in file.read_text()
    assert json.dumps(last.epoch) in file.read_text()
