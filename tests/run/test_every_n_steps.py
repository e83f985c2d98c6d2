"""Analyses within an epoch, every n training steps, beside those of the epochs."""

from __future__ import annotations

import pytest
import torch
from event_files import read_events
from lightning.pytorch import seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from models import Gru, Mlp, flat_data, sequence_data
from torch.utils.data import DataLoader, IterableDataset
from training import assert_same, train, trainer

from lightning_iit import IITCallback, load_run
from lightning_iit.records import Computed, decode
from lightning_iit.records.store import record_name
from lightning_iit.report.report import markdown
from lightning_iit.viewer.logdir import LogDirSource
from lightning_iit.viewer.sources import open_source

pytestmark = [
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`"),
    pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch ended"),
]
BATCH = 32


class Endless(IterableDataset):
    """Random vectors of 64 without an end."""

    def __iter__(self):
        random = torch.Generator().manual_seed(0)
        while True:
            x = torch.randn(64, generator=random)
            yield x, (x[0] > 0).long()


def within(records):
    return [record for record in records if record.step is not None]


def of_epochs(records):
    return [record for record in records if record.step is None]


@pytest.mark.parametrize("batches", [1, 2])
@pytest.mark.parametrize(("model", "data"), [(Mlp, flat_data), (Gru, sequence_data)])
def test_epochs_of_a_single_step_have_a_record_each(tmp_path, model, data, batches):
    callback = IITCallback(table=False, null_model=None)
    seed_everything(5, verbose=False)
    trainer(tmp_path, callback, epochs=20).fit(model(), data(BATCH * batches, batch=BATCH))
    assert [record.epoch for record in callback.records] == list(range(-1, 20))
    assert {type(record.result) for record in callback.records} == {Computed}
    assert {(record.observed or record.counts).transitions for record in callback.records} == {
        BATCH * batches - 1 if model is Mlp else BATCH * batches * 8
    }


def test_an_endless_epoch_is_analysed_every_n_steps(tmp_path):
    seed_everything(5, verbose=False)
    callback = IITCallback("net.1", units=2, every_n_steps=10, table=False)
    trainer(tmp_path, callback, epochs=-1, max_steps=25).fit(Mlp(), DataLoader(Endless(), BATCH))
    records = callback.records
    assert [(record.epoch, record.step, record.global_step) for record in records] == [
        (-1, None, 0),
        (0, 10, 10),
        (0, 20, 20),
        (0, None, 25),
    ]
    assert [record.counts.transitions for record in records[1:]] == [10 * BATCH - 1, 10 * BATCH - 1, 25 * BATCH - 1]
    assert all(isinstance(record.result, Computed) for record in records)
    (folder,) = (tmp_path / "iit").glob("*/iit/net.1")
    assert sorted(file.name for file in folder.glob("*.json")) == [
        "epoch=-001.json",
        "epoch=0000-step=000010.json",
        "epoch=0000-step=000020.json",
        "epoch=0000.json",
    ]
    assert load_run(tmp_path) == records
    assert records.to_dataframe()["step"].dropna().tolist() == [10, 20]
    assert "epoch 0, step 10" in repr(records[1])
    assert [record.null is None for record in records][-1] is False  # the last epoch has its null


def test_no_transition_goes_across_epochs_of_a_single_step(tmp_path):
    callback = train(tmp_path, data=flat_data(BATCH, batch=BATCH), epochs=30, every_n_steps=10, initial=False)
    assert [record.step for record in within(callback.records)] == [10, 20, 30]
    assert [record.epoch for record in within(callback.records)] == [9, 19, 29]
    assert {record.counts.transitions for record in within(callback.records)} == {10 * (BATCH - 1)}
    assert len(of_epochs(callback.records)) == 30


@pytest.mark.parametrize(
    ("model", "data", "options"),
    [
        (Mlp, flat_data, {"layers": "net.1"}),
        (Mlp, flat_data, {"layers": "net.1", "window": 2, "freeze_threshold": True, "groups": 2}),
        (Gru, sequence_data, {"layers": "net.gru"}),
        (Mlp, flat_data, {"layers": "net.1", "units": 5}),
    ],
)
def test_epochs_and_training_are_the_same_with_and_without(tmp_path, model, data, options):
    found = {}
    for every in (None, 3):
        seed_everything(5, verbose=False)
        trained = model()
        given = {"units": 3, "null_model": None, "table": False, "every_n_steps": every, "extra_budget": 1e6} | options
        callback = IITCallback(**given)
        trainer(tmp_path / str(every), callback).fit(trained, data())
        found[every] = callback.records, torch.cat([value.flatten() for value in trained.state_dict().values()]), torch.rand(3)
    (plain, weights, random), (both, weights_too, random_too) = found.values()
    assert within(both)
    assert not within(plain)
    assert_same(of_epochs(both), plain)
    assert torch.equal(weights, weights_too)
    assert torch.equal(random, random_too)
    assert {record.units.indices for record in both if record.units} >= {record.units.indices for record in within(both)}
    if options.get("freeze_threshold"):
        assert {record.thresholds.values for record in within(both) if record.step > 9} == {plain[-1].thresholds.values}


def test_a_perturbed_layer_has_thresholds_of_the_step(tmp_path):
    callback = train(tmp_path, model=Gru(), data=sequence_data(), layers="net.gru", every_n_steps=2, epochs=1, initial=False)
    steps = within(callback.records)
    assert {record.kind for record in steps} == {"causal"}
    assert len({record.thresholds.values for record in steps}) == len(steps) > 1
    assert all(record.perturbation is not None and record.phi is not None for record in steps)


def test_steps_stay_out_of_all_that_is_of_epochs(tmp_path):
    seed_everything(5, verbose=False)
    callback = IITCallback("net.1", units=2, every_n_steps=3, when_busy="wait", initial=False, table=False)
    fit = trainer(tmp_path, callback, epochs=2, logger=TensorBoardLogger(tmp_path, name="", version=""))
    fit.fit(Mlp(), flat_data())
    records = callback.records
    epochs = of_epochs(records)
    assert [record.step for record in within(records)] == [3, 6, 9, 12]
    assert float(fit.callback_metrics["iit/phi/net.1"]) == pytest.approx(epochs[-1].survey.phi)
    source = LogDirSource(tmp_path)
    ((run,), _) = source.runs()
    index = source.index(run.id)
    assert [(row.epoch, row.step, row.global_step) for row in index.rows] == [(0, None, 7), (1, None, 14)]
    assert [(row.epoch, row.step, row.phi) for row in index.steps] == [(one.epoch, one.step, one.phi) for one in within(records)]
    for one in records:
        assert decode(source.record(run.id, *one.key)) == one
        assert decode(open_source(str(tmp_path / record_name(*one.key))).record(".", *one.key)) == one
    assert markdown(records) == markdown(epochs)
    events = read_events(tmp_path)
    scalars = events.scalars
    assert [point.value for point in events.records["iit/net.1/record"]] == epochs
    assert [point.value for point in events.records["iit/net.1/steps/record"]] == within(records)
    assert [point.step for point in scalars["iit/phi/net.1"]] == [7, 14]
    for tag, phis in (
        ("iit/steps/phi/net.1", [record.survey.phi for record in within(records)]),
        ("iit_details/net.1/steps/phi", [record.phi for record in within(records)]),
    ):
        steps = [record.step for record in within(records)]
        assert [(point.step, pytest.approx(point.value)) for point in scalars[tag]] == list(zip(steps, phis, strict=True))
    assert not [tag for tag in scalars if "steps" in tag and "phi_change" in tag]
    assert not any("phi_change" in record.scalars for record in within(records))


def test_the_probe_is_run_every_n_steps(tmp_path):
    plain = train(tmp_path / "plain", probe=flat_data(seed=3), epochs=2)
    callback = train(tmp_path, probe=flat_data(seed=3), epochs=2, every_n_steps=7)
    assert [record.step for record in within(callback.records)] == [7, 14]
    assert_same(of_epochs(callback.records), plain.records)
    for step, epoch in zip(within(callback.records), of_epochs(callback.records)[1:], strict=True):
        assert step.counts == epoch.counts  # the weights after an epoch's last step
        assert step.thresholds == epoch.thresholds


def test_a_run_resumed_within_an_epoch_goes_on(tmp_path):
    seed_everything(5, verbose=False)
    options = {"units": 2, "null_model": None, "table": False, "every_n_steps": 3}
    first = IITCallback("net.1", **options)
    checkpoints = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=4, save_top_k=-1)
    logger = TensorBoardLogger(tmp_path, name="", version="")
    trainer(tmp_path, first, checkpoints, epochs=2, logger=logger, enable_checkpointing=True).fit(Mlp(), flat_data())
    again = IITCallback("net.1", **options)
    trainer(tmp_path, again, epochs=2, logger=logger).fit(Mlp(), flat_data(), ckpt_path=tmp_path / "step=4.ckpt")
    untrained, *rest = first.records  # the untrained network was not yet analysed at step 4
    assert [record.key for record in again.records] == [record.key for record in rest]
    assert_same(again.records[:1], rest[:1])  # step 3, before the checkpoint
    assert again.records[1].counts.transitions == 2 * BATCH - 1  # steps 5 and 6, after it
    assert load_run(tmp_path) == (untrained, *again.records)
