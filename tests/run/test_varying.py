"""Watched units that never change: they are left out, and no Φ comes from rows that no data can have."""

from __future__ import annotations

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from models import Gru, sequence_data
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from training import train, trainer

from lightning_iit import IITCallback, analyse
from lightning_iit.records import Computed, Skipped
from lightning_iit.records.logged import layer_phi
from lightning_iit.tpm.counts import counts_from_codes
from lightning_iit.tpm.estimate import tpm_for_phi, tpm_from_counts
from lightning_iit.tpm.varying import constant_states, counts_of


class Watched(pl.LightningModule):
    """Its layer gives the data as they are, except that some units are dead in some epochs."""

    def __init__(self, dead: dict[int, list[int]]) -> None:
        super().__init__()
        self.net = nn.Identity()
        self.out = nn.Linear(4, 1)
        self.dead = dead

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        x = batch[0].clone()
        x[:, self.dead.get(self.current_epoch, [])] = -1.0
        return self.out(self.net(x)).pow(2).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-9)


def flips(rows: int = 400) -> DataLoader:
    return DataLoader(TensorDataset(torch.randn(rows, 4, generator=torch.Generator().manual_seed(1))), batch_size=50)


def watched(tmp_path, dead: dict[int, list[int]], epochs: int, **options):
    settings = {"layers": "net", "units": [0, 1, 2, 3], "threshold": "zero", "initial": False, "workers": 1, "selection": "first"}
    return train(tmp_path, model=Watched(dead), data=flips(), epochs=epochs, **(settings | options)).records


def test_a_unit_that_never_changed_is_left_out_and_phi_is_that_of_the_others(tmp_path) -> None:
    (record,) = watched(tmp_path / "a", {0: [1]}, 1)
    (without,) = watched(tmp_path / "b", {}, 1, units=[0, 2, 3])
    assert record.units.indices == without.units.indices == (0, 2, 3)
    assert (record.counts, record.tpm, record.thresholds) == (without.counts, without.tpm, without.thresholds)
    assert record.phi == without.phi > 0
    assert any("takes no part in any integration: unit 1." in note for note in record.notes)
    assert all(record.tpm.visited)


def test_the_choice_is_kept_and_a_unit_that_dies_later_is_named(tmp_path) -> None:
    first, second, third = watched(tmp_path, {0: [1], 2: [3]}, 3)
    assert [record.units.indices for record in (first, second, third)] == [(0, 2, 3)] * 3
    assert second.phi > 0
    assert third.phi == 0
    assert any("Unit 3 (number 2 of the 3) was never ON in this window" in note for note in third.notes)
    assert not any("Unit 3" in note for note in second.notes)


def test_a_unit_that_changes_in_the_window_is_no_dead_one(tmp_path) -> None:
    records = watched(tmp_path, {1: [3]}, 2, window=2)
    assert [record.units.indices for record in records] == [(0, 1, 2, 3)] * 2
    assert not any("takes no part" in note for record in records for note in record.notes)


def test_where_no_unit_varies_the_layer_is_skipped_and_chosen_later(tmp_path) -> None:
    first, second = watched(tmp_path, {0: [0, 1, 2, 3], 1: [2]}, 2)
    assert isinstance(first.result, Skipped)
    assert first.result.code == "no_unit_varies"
    assert "threshold" in first.result.reason
    assert second.units.indices == (0, 1, 3)


def test_one_unit_that_varies_has_no_phi_to_speak_of(tmp_path) -> None:
    (record,) = watched(tmp_path, {0: [0, 1, 2]}, 1)
    assert record.units.indices == (3,)
    assert record.phi == 0


def test_units_of_two_bits_are_left_out_as_a_whole(tmp_path) -> None:
    with pytest.warns(UserWarning, match="bits=2"):
        (record,) = watched(tmp_path, {0: [0]}, 1, units=3, bits=2, threshold="median")
    assert record.units.indices == (1, 1, 2, 2)
    assert len(record.counts.visits) == 16
    assert isinstance(record.result, Computed)


def test_each_group_leaves_out_its_own(tmp_path) -> None:
    (record,) = watched(tmp_path, {0: [0]}, 1, units=2, groups=6, selection="random")
    groups = record.survey.groups
    assert {group.units.indices for group in groups} >= {(1, 2), (1, 3), (2, 3)}
    assert all(0 not in group.units.indices and group.phi is not None for group in groups)
    assert {group.phi for group in groups if len(group.units.indices) == 1} <= {0.0}


def test_the_choice_goes_on_after_a_checkpoint(tmp_path) -> None:
    callback = IITCallback("net", units=[0, 1, 2], threshold="zero", initial=False, workers=1, table=False)
    runner = trainer(tmp_path, callback, epochs=1)
    runner.fit(Watched({0: [1]}), flips())
    runner.save_checkpoint(tmp_path / "last.ckpt")
    again = IITCallback("net", units=[0, 1, 2], threshold="zero", initial=False, workers=1, table=False)
    trainer(tmp_path, again, epochs=2).fit(Watched({}), flips(), ckpt_path=tmp_path / "last.ckpt", weights_only=False)
    assert [record.units.indices for record in again.records] == [(0, 2)] * 2


def test_perturbed_units_are_kept() -> None:
    model = nn.Sequential(nn.GRU(3, 5, batch_first=True))
    with torch.no_grad():
        for name, weight in model[0].named_parameters():
            weight[torch.tensor([1, 6, 11])] = 0.0 if "weight" in name else 9.0
    (record,) = analyse(model, [torch.randn(6, 8, 3)], "0", units=[0, 1, 2], threshold=2.0, workers=0, null_model=None)
    assert record.kind == "causal" or isinstance(record.result, Skipped)
    assert record.units.indices == (0, 1, 2)


# --- counts and TPM -----------------------------------------------------------------------------------------------------------


def test_counts_of_some_units_are_those_of_their_states() -> None:
    codes = np.random.default_rng(0).integers(0, 16, 500)
    counts = counts_from_codes(codes[:-1], codes[1:], units=4)
    some = (codes >> 3 & 1) + 2 * (codes >> 1 & 1)
    assert counts_of(counts, [3, 1]) == counts_from_codes(some[:-1], some[1:], units=2)


def test_a_unit_that_never_changed_has_no_effect_in_the_tpm() -> None:
    codes = np.array([0b010, 0b011, 0b111, 0b110, 0b011, 0b010, 0b110])
    counts = counts_from_codes(codes[:-1], codes[1:], units=3)
    assert constant_states(counts).tolist() == [-1, 1, -1]
    plain, tpm = tpm_from_counts(counts), tpm_for_phi(counts)
    assert (plain.state_by_node[[0, 1, 4, 5]] == 0.5).all()
    assert tpm.state_by_node[[0, 1, 4, 5]].tolist() == plain.state_by_node[[2, 3, 6, 7]].tolist()
    assert (tpm.state_by_node[:, 1] == 1).all()
    assert tpm.visited.tolist() == plain.visited.tolist()


# --- what monitors Φ ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("dead", [{1: [0, 1, 2, 3]}, {0: [0, 1, 2, 3]}])
@pytest.mark.parametrize("monitor", ["iit/phi/net", "iit/net/phi"])
def test_an_epoch_without_phi_breaks_no_strict_early_stopping(tmp_path, monitor, mode, dead) -> None:
    callback = IITCallback("net", units=3, threshold="zero", initial=False, workers=1, table=False, when_busy="wait")
    stop = EarlyStopping(monitor, patience=9, mode=mode, strict=True, check_on_train_epoch_end=True)
    best = ModelCheckpoint(tmp_path, monitor=monitor, mode=mode, save_on_train_epoch_end=True)
    runner = trainer(tmp_path, callback, stop, best, epochs=3, enable_checkpointing=True)
    with pytest.warns(UserWarning, match=r"layer 'net' has no Φ in epoch \d; trainer\.callback_metrics keeps"):
        runner.fit(Watched(dead), flips())
    phis = [layer_phi(record) for record in callback.records]
    assert [phi is None for phi in phis] == [0 in dead, 1 in dead, False]
    assert runner.current_epoch == 3
    assert stop.best_score.item() == pytest.approx((min if mode == "min" else max)(phi for phi in phis if phi is not None))


def test_training_goes_on_with_the_last_value(tmp_path) -> None:
    seen = []

    class Reads(pl.Callback):
        def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            seen.append(float(trainer.callback_metrics["iit/phi/net"]))

    callback = IITCallback("net", units=3, threshold="zero", initial=False, workers=1, table=False, when_busy="wait")
    with pytest.warns(UserWarning, match=r"keeps [\d.]+, the last value"):
        trainer(tmp_path, callback, Reads(), epochs=2).fit(Watched({1: [0, 1, 2, 3]}), flips())
    assert seen == [pytest.approx(callback.records[0].survey.phi)] * 2


def test_a_recurrent_layer_is_unchanged(tmp_path) -> None:
    callback = train(tmp_path, model=Gru(), data=sequence_data(), layers="net.gru", epochs=1, initial=False)
    assert callback.records[0].kind == "causal"
