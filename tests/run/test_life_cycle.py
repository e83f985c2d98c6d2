"""Which state a fit goes on with: that of a checkpoint loaded for it, or of the same trainer and model; never any other."""

from __future__ import annotations

import pytest
from lightning.pytorch import seed_everything
from lightning.pytorch.tuner import Tuner
from models import Gru, Mlp, flat_data, sequence_data
from training import assert_same, train, trainer

from lightning_iit import IITCallback, load_run
from lightning_iit.capture.count.session import Capture
from lightning_iit.records import Computed, Failed

OPTIONS = {"units": 2, "null_model": None, "table": False}


def keep(folder, model, data, **options):
    """Trains two epochs, and returns the callback, its trainer and the path of a checkpoint."""
    callback = IITCallback(**(OPTIONS | options))
    runner = trainer(folder / "run", callback, epochs=2)
    runner.fit(model, data)
    runner.save_checkpoint(folder / "end.ckpt")
    return callback, runner, folder / "end.ckpt"


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
def test_a_state_loaded_for_another_stage_never_reaches_a_fit(tmp_path, stage):
    *_, path = keep(tmp_path, Mlp(), flat_data(), layers="net.1")
    callback = IITCallback("net.1", **OPTIONS | {"units": 3})
    runner = trainer(tmp_path / "new", callback, epochs=1)
    getattr(runner, stage)(Mlp(), flat_data(40), ckpt_path=path, weights_only=False)
    runner.fit(Mlp(), flat_data())
    assert [(record.epoch, len(record.units.indices)) for record in callback.records] == [(-1, 3), (0, 3)]


def test_a_search_for_a_learning_rate_leaves_nothing_behind(tmp_path):
    callback, _, _ = keep(tmp_path, Gru(), sequence_data(), layers="net.gru")
    old = callback.records
    model = Gru()
    runner = trainer(tmp_path / "run", callback, epochs=1)
    Tuner(runner).lr_find(model, sequence_data(), num_training=5, early_stop_threshold=None)
    runner.fit(model, sequence_data())
    assert [record.epoch for record in callback.records] == [-1, 0]
    assert sorted(folder.name for folder in tmp_path.glob("run/iit/[0-9]*")) == ["0", "1"]
    assert load_run(tmp_path / "run/iit/1") == callback.records
    assert load_run(tmp_path / "run/iit/0") == old


def test_a_second_fit_keeps_units_thresholds_and_windows(tmp_path):
    options = {"freeze_threshold": True, "window": 3, "selection": "variance"}
    options |= {"groups": 1, "states": "mode"}
    whole = train(tmp_path / "whole", epochs=4, **options).records
    seed_everything(5, verbose=False)
    model, data = Mlp(), flat_data()
    callback, runner, _ = keep(tmp_path, model, data, layers="net.1", **options)
    runner.fit_loop.max_epochs = 4
    runner.fit(model, data)
    assert_same(callback.records, whole)


def test_another_model_starts_anew(tmp_path):
    callback, runner, _ = keep(tmp_path, Mlp(), flat_data(), layers="net.1", window=3, threshold="zero")
    old = callback.records
    runner.fit_loop.max_epochs = 3
    runner.fit(Mlp(), flat_data())
    (record,) = callback.records
    assert (record.epoch, record.counts.transitions) == (2, 199)
    assert load_run(tmp_path / "run/iit/1") == callback.records
    assert load_run(tmp_path / "run/iit/0") == old


@pytest.mark.filterwarnings("ignore:IITCallback. Layer 'net.1' could not be recorded")
def test_a_fault_at_the_end_of_a_step_costs_its_epoch_alone(tmp_path, monkeypatch):
    steps = []
    catch_up = Capture._catch_up

    def fails_once(self, **options):
        steps.append(options)
        if len(steps) == 3:
            raise RuntimeError("no memory")
        return catch_up(self, **options)

    monkeypatch.setattr(Capture, "_catch_up", fails_once)
    with pytest.warns(UserWarning, match=r"counting a step failed \(RuntimeError: no memory\); training goes on"):
        callback = train(tmp_path, initial=False, calibration_batches=1)
    results = [record.result for record in callback.records]
    assert [type(result) for result in results].count(Failed) == 1
    assert [type(result) for result in results].count(Computed) == 2
    assert any("no memory" in result.reason for result in results if isinstance(result, Failed))
