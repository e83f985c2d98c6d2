"""A run that goes on from a checkpoint has the records of one that was never interrupted."""

from __future__ import annotations

import pytest
from lightning.pytorch import seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from models import Gru, Mlp, flat_data, sequence_data
from training import assert_same, train, trainer

from lightning_iit import IITCallback, load_run

pytestmark = pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")

CASES = {
    "median thresholds": {},
    "frozen thresholds": {"freeze_threshold": True},
    "a window over the border": {"window": 3, "threshold": "zero"},
    "every second epoch": {"every_n_epochs": 2, "window": 2},
}


def resume(folder, saved, options, model, data, *, epochs):
    callback = IITCallback(**({"layers": "net.1", "units": 2, "null_model": None, "table": False} | options))
    trainer(folder, callback, epochs=epochs).fit(model, data, ckpt_path=saved.last_model_path)
    return callback.records


@pytest.mark.parametrize("case", CASES)
def test_records_go_on_as_if_nothing_had_been(tmp_path, case):
    options = CASES[case]
    whole = train(tmp_path / "whole", epochs=5, **options).records
    saved = ModelCheckpoint(tmp_path / "saved", save_last=True)
    train(tmp_path / "half", saved, epochs=2, enable_checkpointing=True, **options)
    records = resume(tmp_path / "rest", saved, options, Mlp(), flat_data(), epochs=5)
    assert_same(records, whole)
    assert load_run(tmp_path / "rest") == records


def test_a_window_over_the_border_joins_the_epochs_of_both_parts(tmp_path):
    options = {"threshold": "zero", "initial": False}
    alone = train(tmp_path / "alone", epochs=4, **options).records
    saved = ModelCheckpoint(tmp_path / "saved", save_last=True)
    train(tmp_path / "half", saved, epochs=2, enable_checkpointing=True, window=3, **options)
    *_, third, fourth = resume(tmp_path / "rest", saved, options | {"window": 3}, Mlp(), flat_data(), epochs=4)
    visits = [record.counts.visits for record in alone]
    assert third.counts.visits == tuple(map(sum, zip(*visits[:3], strict=True)))
    assert fourth.counts.visits == tuple(map(sum, zip(*visits[1:], strict=True)))


def test_a_perturbed_layer_goes_on_in_the_folder_where_it_was(tmp_path):
    options = {"layers": "net.gru", "units": 3, "tpm": "perturb"}

    def model():
        seed_everything(5, verbose=False)
        return Gru()

    whole = train(tmp_path / "whole", model=model(), data=sequence_data(), epochs=4, **options).records
    saved = ModelCheckpoint(tmp_path / "saved", save_last=True)
    train(tmp_path / "run", saved, model=model(), data=sequence_data(), epochs=2, enable_checkpointing=True, **options)
    records = resume(tmp_path / "run", saved, options, Gru(), sequence_data(), epochs=4)
    assert_same(records, whole)
    assert load_run(tmp_path / "run") == records
    assert [folder.name for folder in tmp_path.glob("run/iit/[0-9]*")] == ["0"], "the second half is in the folder of the first"


def test_a_checkpoint_in_the_middle_of_an_epoch(tmp_path):
    """What the epoch's first half gave is not in a checkpoint: the resumed epoch counts what comes after it, and the others all."""
    whole = train(tmp_path / "whole", epochs=4, threshold="zero").records
    saved = ModelCheckpoint(tmp_path / "saved", save_last=True, every_n_train_steps=11, save_top_k=-1)
    train(tmp_path / "half", saved, epochs=2, threshold="zero", enable_checkpointing=True)
    records = resume(tmp_path / "rest", saved, {"threshold": "zero"}, Mlp(), flat_data(), epochs=4)
    assert [record.epoch for record in records] == [-1, 0, 1, 2, 3]
    assert_same(records[:2], whole[:2])
    assert [record.units for record in records] == [record.units for record in whole]
    assert [record.counts.transitions for record in records] == [199, 199, 95, 199, 199]
