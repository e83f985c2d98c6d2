"""Several callbacks in one trainer: each with a name, a state, a folder, metrics and a run in the viewer of its own."""

from __future__ import annotations

import copy

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger
from models import Mlp, flat_data
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from training import assert_same, train, trainer

from lightning_iit import IITCallback, InvalidArgumentError, RecordError, load_run
from lightning_iit.trackers.deliver import deliver
from lightning_iit.viewer.export import export
from lightning_iit.viewer.logdir import LogDirSource
from lightning_iit.viewer.sources import open_source

QUIET = {"null_model": None, "table": False, "pictures": False}
KEYS = "iit/phi/net.1", "iit/fine/phi/net.1"
"""The keys of Φ of a layer, for a callback without a name and for one that is called "fine"."""


def several(*names: str | None) -> list[IITCallback]:
    """Callbacks of the same layer, the first of two units, the second of three."""
    return [IITCallback("net.1", units=2 + more, name=name, **QUIET) for more, name in enumerate(names)]


def fit(folder, callbacks, *, epochs=2, ckpt_path=None, **options) -> Trainer:
    seed_everything(5, verbose=False)
    runner = trainer(folder, callbacks[0], *callbacks[1:], epochs=epochs, **options)
    runner.fit(Mlp(), flat_data(), ckpt_path=ckpt_path)
    return runner


def sizes(records) -> set[int]:
    return {len(record.units.indices) for record in records}


@pytest.mark.parametrize(
    ("names", "folders"),
    [((None, None), (".", "callback-2")), ((None, "fine"), (".", "fine")), (("rough", "fine"), ("rough", "fine"))],
)
def test_each_has_records_of_its_own_as_if_it_were_alone(tmp_path, names, folders):
    callbacks = several(*names)
    fit(tmp_path, callbacks)
    for units, callback, folder in zip((2, 3), callbacks, folders, strict=True):
        alone = train(tmp_path / f"alone-{units}", units=units, groups="auto", states="auto", epochs=2, pictures=False)
        assert_same(callback.records, alone.records)
        assert load_run(tmp_path / folder) == callback.records


def test_a_folder_of_several_says_which_there_are(tmp_path):
    fit(tmp_path, several("rough", "fine"), epochs=1)
    with pytest.raises(RecordError, match=r"Runs below it: '.*fine', '.*rough'"):
        load_run(tmp_path)


def test_metrics_are_under_the_name(tmp_path):
    callbacks = [
        IITCallback("net.1", units=2, when_busy="wait", prog_bar=True, **QUIET),
        IITCallback("net.1", units=3, when_busy="wait", prog_bar=True, name="fine", **QUIET),
    ]
    logger = CSVLogger(tmp_path)
    runner = fit(tmp_path, callbacks, logger=logger)
    for key, earlier, callback in zip(KEYS, ("iit/net.1/phi", "iit/fine/net.1/phi"), callbacks, strict=True):
        assert runner.callback_metrics[key].item() == pytest.approx(callback.records[-1].survey.phi)
        assert runner.callback_metrics[earlier] == runner.callback_metrics[key]
        assert runner.progress_bar_metrics[key] == pytest.approx(callback.records[-1].survey.phi)
        assert earlier not in runner.progress_bar_metrics
    columns = (tmp_path / "lightning_logs/version_0/metrics.csv").read_text().splitlines()[0].split(",")
    assert {*KEYS, "iit_details/net.1/transitions", "iit_details/fine/net.1/transitions"} <= set(columns)


def test_in_tensorboard_each_is_a_run(tmp_path):
    logger = TensorBoardLogger(tmp_path)
    callbacks = several(None, "fine")
    fit(tmp_path, callbacks, logger=logger)
    runs = EventMultiplexer().AddRunsFromDirectory(str(tmp_path)).Reload()
    for run, callback in zip(("version_0", "version_0/fine"), callbacks, strict=True):
        found = [event.value for event in runs.Scalars(f"lightning_logs/{run}", "iit/phi/net.1")]
        assert found == pytest.approx([record.survey.phi for record in callback.records])


def test_the_viewer_shows_each_as_a_run(tmp_path):
    callbacks = several(None, "fine")
    fit(tmp_path, callbacks, logger=CSVLogger(tmp_path), log_every_n_steps=1)
    source = LogDirSource(tmp_path / "lightning_logs" / "version_0")
    assert sorted(info.id for info in source.runs()[0]) == [".", "fine"]
    for run, callback in zip((".", "fine"), callbacks, strict=True):
        assert [row.phi for row in source.index(run).rows] == [record.phi for record in callback.records]
        assert [line.tag for line in source.scalars(run).series] == ["loss"]
        assert [row.epoch for row in source.index(run).networks] == [-1, 0, 1]


def test_one_of_several_is_exported_from_its_folder(tmp_path):
    callbacks = several(None, "fine")
    fit(tmp_path, callbacks, epochs=1)
    for folder in (tmp_path / "iit" / "0", tmp_path / "fine"):
        page = export(str(folder), tmp_path / "page.html")
        assert page.stat().st_size > 0


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # in MLflow's own store
def test_in_mlflow_each_is_a_run_of_the_viewer_and_can_be_delivered(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    logger = MLFlowLogger(tracking_uri=uri, artifact_location=str(tmp_path / "artifacts"))
    callbacks = several(None, "fine")
    fit(tmp_path / "runs", callbacks, logger=logger)
    source, run = open_source(uri), logger.run_id
    assert [info.id for info in source.runs()[0]] == [run, f"{run}/fine"]
    for which, callback in zip((run, f"{run}/fine"), callbacks, strict=True):
        assert [row.phi for row in source.index(which).rows] == [record.phi for record in callback.records]
        assert [row.epoch for row in source.index(which).networks] == [-1, 0, 1]
    metrics = logger.experiment.get_run(run).data.metrics
    for key, callback in zip(KEYS, callbacks, strict=True):
        assert metrics[key] == pytest.approx(callback.records[-1].survey.phi)
    assert {"iit_details/net.1/phi", "iit_details/fine/net.1/phi"} <= set(metrics)
    folder = tmp_path / "artifacts" / run / "artifacts" / "fine" / "iit" / "net.1"
    (folder / "epoch=0001.json").unlink()
    (own,) = [path.parent for path in (tmp_path / "runs").rglob("fine/iit")]
    assert deliver(own) == 1
    assert (folder / "epoch=0001.json").is_file()


def test_a_checkpoint_keeps_the_state_of_each(tmp_path):
    names = (None, None, "fine")
    saves = ModelCheckpoint(tmp_path, save_last=True)
    fit(tmp_path / "whole", several(*names), epochs=4)
    fit(tmp_path / "parts", [*several(*names), saves], enable_checkpointing=True)
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)["callbacks"]
    keys = {"IITCallback", "IITCallback{'name': 'callback-2'}", "IITCallback{'name': 'fine'}"}
    assert keys == {key for key in state if key.startswith("IITCallback")}
    callbacks = several(*names)
    fit(
        tmp_path / "parts",
        [*callbacks, ModelCheckpoint(tmp_path)],
        epochs=4,
        ckpt_path=tmp_path / "last.ckpt",
        enable_checkpointing=True,
    )
    for place, folder in enumerate((".", "callback-2", "fine")):
        assert_same(callbacks[place].records, load_run(tmp_path / "whole" / folder))
        assert load_run(tmp_path / "parts" / folder) == callbacks[place].records


def test_one_without_a_name_keeps_the_key_of_before():
    assert IITCallback().state_key == "IITCallback"
    assert IITCallback(name="fine").state_key == "IITCallback{'name': 'fine'}"


@pytest.mark.parametrize("names", [("fine", "fine"), ("fine", "FINE"), (None, "x", None, "callback-2")])
def test_two_of_one_name_are_refused_before_training(tmp_path, names):
    with pytest.raises(InvalidArgumentError, match=r"called '.*IITCallback\(name=\.\.\.\)"):
        fit(tmp_path, several(*names))
    assert not list(tmp_path.rglob("*.json"))


def test_one_callback_twice_is_refused_before_training(tmp_path):
    callback = IITCallback("net.1", units=2)
    with pytest.raises(InvalidArgumentError, match="in this trainer twice"):
        fit(tmp_path, [callback, callback])


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "é", "x" * 41, "iit", "IIT", "layer", "steps", "con", "a--b", 3, "a\n"])
def test_a_name_that_cannot_be_is_refused_before_training(tmp_path, name):
    with pytest.raises(InvalidArgumentError, match="name="):
        fit(tmp_path, [IITCallback("net.1", units=2, name=name)])


def test_a_copy_made_before_while_and_after_training_trains_as_the_callback_did(tmp_path):
    class Copying(ModelCheckpoint):
        """Copies the callback while it watches."""

        copied = None

        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            if batch_idx in (0, 3):
                self.copied = copy.deepcopy(callback)

    callback = IITCallback("net.1", units=2, name="fine", **QUIET)
    before, copying = copy.deepcopy(callback), Copying(tmp_path)
    fit(tmp_path / "first", [callback, copying], enable_checkpointing=True)
    copies = [before, copying.copied, copy.deepcopy(callback)]
    assert [len(one.records) for one in (copies[0], copies[2])] == [0, 3]
    for number, one in enumerate(copies):
        fit(tmp_path / str(number), [one])
        assert_same(one.records, callback.records)
