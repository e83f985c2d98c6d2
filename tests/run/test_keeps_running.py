"""Odd runs end as they should, with records that say what happened."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from models import Gru, Mlp, flat_data, sequence_data
from torch import nn
from training import assert_same, train, trainer

from lightning_iit import IITCallback, System, load_run, major_complex
from lightning_iit.errors import InvalidArgumentError, TooManyUnitsError, UnknownLayerError
from lightning_iit.records import Computed, Skipped
from lightning_iit.run.run import FewTransitionsWarning
from lightning_iit.run.trainer import ShuffledStreamWarning


def test_the_untrained_network_comes_first_and_every_epoch_follows(tmp_path):
    callback = train(tmp_path)
    assert [record.epoch for record in callback.records] == [-1, 0, 1, 2]
    assert all(isinstance(record.result, Computed) for record in callback.records)
    assert [record.global_step for record in callback.records] == [0, 7, 14, 21]
    assert load_run(tmp_path) == callback.records


def test_every_second_epoch(tmp_path):
    callback = train(tmp_path, epochs=4, every_n_epochs=2, initial=False)
    assert [record.epoch for record in callback.records] == [1, 3]


def test_nan_activations_are_left_out_counted_and_said(tmp_path):
    class Spoiled(Mlp):
        def forward(self, x):
            return super().forward(torch.where(x[:, :1] > 1.0, torch.nan, x))

        def training_step(self, batch, _):
            self(batch[0])
            return 0.0 * sum(parameter.sum() for parameter in self.parameters())

    callback = train(tmp_path, model=Spoiled(), epochs=1, initial=False)
    (record,) = callback.records
    x = flat_data().dataset.tensors[0]
    spoiled = (x[:, 0] > 1.0).tolist()
    assert record.left_out == sum(spoiled)
    assert record.counts.transitions == sum(not a and not b for a, b in pairwise(spoiled))
    assert any("finite" in note.lower() or "nan" in note.lower() for note in record.notes)


def test_a_layer_that_is_never_called_is_skipped_with_that_reason(tmp_path):
    class Lazy(Mlp):
        def __init__(self):
            super().__init__()
            self.unused = nn.Linear(4, 4)

    callback = train(tmp_path, model=Lazy(), layers=["net.1", "unused"], epochs=1, initial=False)
    used, unused = callback.records
    assert isinstance(used.result, Computed)
    assert isinstance(unused.result, Skipped)
    assert "unused" in unused.result.reason
    assert unused.phi is None


def test_an_epoch_without_a_transition_is_skipped_with_that_reason(tmp_path):
    callback = train(tmp_path, data=flat_data(1), epochs=2, initial=False)
    assert [record.result.code for record in callback.records] == ["no_transitions"] * 2


def test_dead_units_give_a_record(tmp_path):
    class Dead(Mlp):
        def forward(self, x):
            return self.net[2:](self.net[1](self.net[0](x) - 1e6))

    callback = train(tmp_path, model=Dead(), epochs=1, initial=False)
    (record,) = callback.records
    assert isinstance(record.result, Computed | Skipped)
    assert record.notes


def test_fast_dev_run_writes_nothing(tmp_path):
    callback = train(tmp_path, fast_dev_run=2)
    assert [record.epoch for record in callback.records] == [0]
    assert not list(tmp_path.rglob("*.json"))


def test_no_training_batch_gives_no_record(tmp_path):
    assert train(tmp_path, limit_train_batches=0).records == ()


def test_fitting_twice_goes_on(tmp_path):
    callback = IITCallback("net.1", units=2)
    model, data = Mlp(), flat_data()
    runner = trainer(tmp_path, callback, epochs=2)
    runner.fit(model, data)
    first = callback.records
    runner.fit_loop.max_epochs = 4
    runner.fit(model, data)
    assert [record.epoch for record in callback.records] == [-1, 0, 1, 2, 3]
    assert callback.records[:3] == tuple(first)
    assert load_run(tmp_path) == callback.records


def test_a_fresh_trainer_starts_a_run_of_its_own(tmp_path):
    callback = IITCallback("net.1", units=2)
    for _ in range(2):
        trainer(tmp_path, callback, epochs=1).fit(Mlp(), flat_data())
    assert [record.epoch for record in callback.records] == [-1, 0]
    assert load_run(tmp_path) == callback.records
    assert sorted(path.name for path in tmp_path.glob("iit/[0-9]*")) == ["0", "1"]


def test_validation_test_and_predict_do_not_count(tmp_path):
    class Evaluate(Callback):
        """Runs the model outside of training steps, in the middle of the epoch."""

        def on_train_batch_end(self, trainer, pl_module, *_):
            pl_module(torch.randn(7, 64))

    plain = train(tmp_path / "plain", initial=False)
    callback = IITCallback("net.1", units=2, groups=1, states="mode", initial=False, null_model=None)
    seed_everything(5, verbose=False)
    runner = trainer(tmp_path / "other", callback, epochs=3, num_sanity_val_steps=2)
    runner.fit(Mlp(), flat_data(), flat_data(40, seed=1))
    runner.test(runner.lightning_module, flat_data(40, seed=2), verbose=False)
    runner.predict(runner.lightning_module, flat_data(40, seed=2))
    assert_same(callback.records, plain.records)


def test_wrong_arguments_fail_before_training(tmp_path):
    with pytest.raises(UnknownLayerError, match=r"net\.1"):
        train(tmp_path, layers="ne.1")
    with pytest.raises(TooManyUnitsError, match="units"):
        train(tmp_path, units=30)
    with pytest.raises(TooManyUnitsError, match=r"hours|units"):
        train(tmp_path, units=7, engine="pyphi")
    for wrong in (
        {"states": "middle"},
        {"engine": "quick"},
        {"threshold": "mode"},
        {"selection": "best"},
        {"transitions": "space"},
        {"every_n_epochs": 0},
        {"window": 0},
        {"workers": 0},
        {"prior": 2.0},
        {"when_busy": "panic"},
        {"cuts": "two"},
        {"pyphi_options": {"MEASUR": "EMD"}},
    ):
        with pytest.raises(InvalidArgumentError):
            train(tmp_path, **wrong)


def test_training_is_bit_identical_with_and_without_the_callback(tmp_path):
    class Noisy(Mlp):
        def __init__(self):
            super().__init__(dropout=0.3)
            self.net.insert(1, nn.BatchNorm1d(128))
            self.losses = []

        def training_step(self, batch, index):
            loss = super().training_step(batch, index)
            self.losses.append(loss.item())
            return loss

    def weights(*callbacks):
        seed_everything(9, verbose=False)
        model = Noisy()
        Trainer(
            max_epochs=3,
            callbacks=list(callbacks),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            default_root_dir=tmp_path,
        ).fit(model, flat_data(shuffle=True), flat_data(40))
        return model.losses, model.state_dict()

    plain_losses, plain = weights()
    losses, watched = weights(IITCallback("net.2", units=2))
    assert losses == plain_losses
    assert all(torch.equal(watched[name], plain[name]) for name in plain)


def test_gradient_accumulation_changes_steps_not_counts(tmp_path):
    callback = train(tmp_path, accumulate_grad_batches=3, epochs=1, initial=False)
    assert callback.records[0].counts.transitions == 199


@pytest.mark.parametrize("monitor", ["iit/phi/net.gru", "iit/net.gru/phi"])
def test_early_stopping_and_checkpoints_on_phi_when_training_waits(tmp_path, monitor):
    callback = IITCallback("net.gru", units=2, when_busy="wait", initial=False)
    stop = EarlyStopping(monitor, patience=1, mode="min", min_delta=100.0, check_on_train_epoch_end=True)
    best = ModelCheckpoint(tmp_path, monitor=monitor, mode="max", save_on_train_epoch_end=True)
    runner = trainer(tmp_path, callback, stop, best, epochs=9, enable_checkpointing=True)
    runner.fit(Gru(), sequence_data())
    assert len(callback.records) == 2
    assert runner.callback_metrics[monitor].item() == pytest.approx(callback.records[-1].survey.phi)
    assert best.best_model_score.item() == pytest.approx(max(record.survey.phi for record in callback.records))


@pytest.mark.parametrize("monitor", ["iit/phi/net.1", "iit/net.1/phi"])
def test_a_monitor_of_a_single_group_sees_the_phi_of_that_group(tmp_path, monitor):
    callback = IITCallback("net.1", units=2, groups=1, states="mode", when_busy="wait", initial=False, table=False)
    stop = EarlyStopping(monitor, patience=1, mode="min", min_delta=100.0, check_on_train_epoch_end=True)
    runner = trainer(tmp_path, callback, stop, epochs=9)
    runner.fit(Mlp(), flat_data())
    assert len(callback.records) == 2
    assert runner.callback_metrics[monitor].item() == pytest.approx(callback.records[-1].phi)


def test_lightning_and_pytorch_lightning(tmp_path):
    import pytorch_lightning

    class Other(pytorch_lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))

        training_step, configure_optimizers, forward = Mlp.training_step, Mlp.configure_optimizers, Mlp.forward

    callback = IITCallback("net.1", units=2)
    pytorch_lightning.Trainer(
        max_epochs=2, callbacks=[callback], default_root_dir=tmp_path, enable_progress_bar=False, logger=False
    ).fit(Other(), flat_data())
    assert [type(record.result) for record in callback.records] == [Computed] * 3


def test_few_transitions_are_said_with_what_coin_flips_would_read(tmp_path):
    with pytest.warns(FewTransitionsWarning, match=r"net\.1.*3 units.*199 transitions for 8 possible states.*coin flips.*units=2"):
        train(tmp_path, units=3, epochs=1)


def test_a_shuffled_stream_is_said_once_and_in_each_record(tmp_path):
    with pytest.warns(ShuffledStreamWarning, match=r"net\.1.*order of the data, not about time") as seen:
        callback = train(tmp_path, data=flat_data(shuffle=True), epochs=2, initial=False)
    assert sum(warning.category is ShuffledStreamWarning for warning in seen) == 1
    assert all("not time" in note or "order" in note for record in callback.records for note in record.notes[:1])


def test_the_last_state_is_the_one_of_the_last_sample(tmp_path):
    callback = train(tmp_path, states="last", threshold="zero", epochs=1, initial=True)
    before, _ = callback.records
    seed_everything(5, verbose=False)
    with torch.no_grad():
        hidden = Mlp().net[:2](flat_data().dataset.tensors[0][-1:])[0, list(before.units.indices)]
    assert before.states[0].state == tuple((hidden > 0).int().tolist())


def test_the_latest_phi_is_in_the_progress_bar(tmp_path):
    callback = IITCallback("net.gru", units=2, when_busy="wait", prog_bar=True, table=False, null_model=None)
    runner = trainer(tmp_path, callback, epochs=2)
    runner.fit(Gru(), sequence_data())
    assert runner.progress_bar_metrics["iit/phi/net.gru"] == pytest.approx(callback.records[-1].survey.phi, abs=1e-6)


def test_without_a_name_a_layer_is_picked_and_named(tmp_path, caplog):
    with caplog.at_level("INFO"):
        callback = train(tmp_path, layers=None, epochs=1, initial=False)
    assert callback.records[0].layer == "net.4"
    assert "watches 'net.4'" in caplog.text


def test_the_null_the_interval_and_the_curve_of_the_last_epoch(tmp_path):
    callback = train(tmp_path, units=3, null_model="cut", epochs=2, initial=False, extra_budget=0.0)
    first, last = callback.records
    assert first.null is None
    assert first.null_words == "null not computed"
    assert last.null.surrogates == 19
    assert last.scalars["phi_p"] == last.null.p
    surrogates_above = sum(value >= last.phi - 1e-9 for value in last.null.values)
    assert last.null.p == pytest.approx((1 + surrogates_above) / 20)
    assert last.scalars["phi_null_95"] == max(last.null.values)
    assert last.scalars["phi_low"] <= last.scalars["phi_high"]
    assert last.curve[-1].mean == pytest.approx(last.phi)


def test_the_major_complex_is_logged(tmp_path):
    callback = train(tmp_path, units=3, complexes=True, epochs=1, initial=False)
    (record,) = callback.records
    assert record.scalars["major_complex_size"] == len(record.major_complex.nodes)
    again = major_complex(System(tpm=record.tpm.state_by_node, state=record.states[0].state), engine="pyphi")
    assert again.nodes == record.major_complex.nodes
