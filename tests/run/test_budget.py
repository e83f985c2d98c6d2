"""A budget of all analyses: layers and epochs take turns, what is left out is said, and no Φ that is computed is another one."""

from __future__ import annotations

import msgspec
import pytest
from lightning.pytorch import Callback, seed_everything
from models import Gru, Mlp, flat_data, sequence_data
from sample_records import a_record
from tasks import task
from training import comparable, train, trainer

from lightning_iit import IITCallback, load_run
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import Skipped
from lightning_iit.run.budget.judgements import Budget
from lightning_iit.run.budget.turns import Spent
from lightning_iit.run.results.kept import KeptRecords

LAYERS = ["net.1", "net.3", "net.4"]
OPTIONS = {"layers": LAYERS, "window": 2, "groups": 2, "when_busy": "wait", "table": True}


@pytest.fixture(scope="module")
def trainings(tmp_path_factory):
    """The same training without a budget and with one of nothing."""
    folder = tmp_path_factory.mktemp("budget")
    return {
        budget: train(folder / str(budget), Saves(folder / f"{budget}.ckpt"), epochs=5, budget=budget, **OPTIONS)
        for budget in (None, 0.0)
    }


class Saves(Callback):
    def __init__(self, path):
        self.path = path

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.current_epoch == 3:
            trainer.save_checkpoint(self.path)


def test_the_ends_are_always_analysed_and_their_numbers_are_those_without_a_budget(trainings):
    """What epochs of windows were left out is counted in them all the same."""
    whole = {record.key: record for record in trainings[None].records}
    spared = trainings[0.0].records
    assert all(record.phi is not None for record in whole.values())
    for layer in LAYERS:
        assert [one.epoch for one in spared if one.layer == layer and one.phi is not None] == [-1, 0, 4]
    for record in spared:
        if record.phi is not None:
            mine, other = (comparable(one) for one in (record, whole[record.key]))
            # The null of an epoch in between is an extra.
            assert {name: mine[name] for name in ("result", "survey", "counts", "tpm", "units")} == {
                name: other[name] for name in ("result", "survey", "counts", "tpm", "units")
            }


def test_what_is_left_out_is_in_record_report_and_on_the_terminal(trainings, tmp_path, capsys):
    callback = trainings[0.0]
    left_out = [record for record in callback.records if record.phi is None]
    assert [record.epoch for record in left_out] == [1] * 3 + [2] * 3 + [3] * 3
    assert {record.result.code for record in left_out if isinstance(record.result, Skipped)} == {"budget"}
    assert all("budget=0 of the training time" in record.result.reason for record in left_out)
    assert load_run(callback._run.run_dir) == callback.records
    sentence = "The budget left out 3 of 6 epochs: there is no Φ at epochs 1, 2, 3."
    report = (callback._run.run_dir / "iit" / "report.md").read_text(encoding="utf-8")
    assert report.count(sentence) == 3
    train(tmp_path, epochs=3, budget=0.0, **OPTIONS)
    printed = " ".join(capsys.readouterr().err.split())
    assert "net.1: The budget left out 1 of 4 epochs: there is no Φ at epoch 1." in printed


def test_a_perturbed_layer_is_left_out_before_it_is_perturbed(tmp_path):
    seed_everything(5, verbose=False)
    callback = IITCallback("net.gru", units=3, groups=2, budget=0.0, table=False, when_busy="wait")
    trainer(tmp_path, callback, epochs=4).fit(Gru(), sequence_data())
    assert [(one.epoch, one.kind, one.phi is None) for one in callback.records] == [
        (-1, "causal", False),
        (0, "causal", False),
        (1, "observational", True),
        (2, "observational", True),
        (3, "causal", False),
    ]


def test_a_resumed_run_goes_on_with_what_was_spent(trainings, tmp_path):
    import torch

    path = trainings[0.0]._run.run_dir.parents[2] / "0.0.ckpt"
    saved = torch.load(path, weights_only=False)
    (name,) = [key for key in saved["callbacks"] if "IITCallback" in key]
    spent = msgspec.convert(saved["callbacks"][name]["run"]["budget"], Spent)
    assert spent.left < 0
    assert spent.served == dict.fromkeys(LAYERS, 1)
    assert all(parts["analyses"] > 0 for parts in spent.costs.values())
    watched = {"units": 2, "states": "mode", "null_model": None}
    resumed = IITCallback(**(watched | OPTIONS), budget=0.0)
    trainer(tmp_path, resumed, epochs=6).fit(Mlp(), flat_data(), ckpt_path=path, weights_only=False)
    of_layer = [one for one in resumed.records if one.layer == "net.1"]
    assert [one.epoch for one in of_layer if one.phi is None] == [1, 2, 3, 4]  # a run without the state would analyse epoch 4
    del saved["callbacks"][name]["run"]["budget"]  # a state of an earlier version
    torch.save(saved, tmp_path / "old.ckpt")
    older = IITCallback(**(watched | OPTIONS), budget=0.0)
    trainer(tmp_path / "old", older, epochs=6).fit(Mlp(), flat_data(), ckpt_path=tmp_path / "old.ckpt", weights_only=False)
    assert [one.epoch for one in older.records if one.layer == "net.1" and one.phi is None] == [1, 2, 3]


def test_layers_take_turns_within_the_share():
    """Three layers that cost 1, 2 and 3 s, epochs of 4 s and a share of a half: 2 s an epoch for 6 s of work."""
    now = [0.0]
    budget = Budget(total=0.5, clock=lambda: now[0])
    costs = {"a": 1.0, "b": 2.0, "c": 3.0}
    analysed = dict.fromkeys(costs, 0)
    spent = 0.0
    for epoch in range(300):
        now[0] += 4.0
        chosen = budget.turn(list(costs), all_of_them=False)
        assert epoch or chosen == ["a", "b", "c"]
        for layer in chosen:
            budget.charge(layer, "analyses", costs[layer])
            analysed[layer] += 1
            spent += costs[layer]
        assert epoch == 0 or spent <= max(6.0, 0.5 * now[0])
    assert spent > 0.5 * now[0] - 6.0
    assert max(analysed.values()) - min(analysed.values()) <= 1


def test_a_wrong_budget_is_refused(tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"budget=-0\.25.*share of the training time"):
        trainer(tmp_path, IITCallback("net.1", budget=-0.25)).fit(Mlp(), flat_data())


def test_one_analysis_that_waited_for_a_core_does_not_say_how_long_the_next_takes():
    """So the last epoch keeps its interval on a machine whose cores others hold."""
    kept = KeptRecords()
    asked = task()

    def keep(epoch, seconds):
        record = a_record(asked.layer, epoch)
        kept.keep(msgspec.structs.replace(record, result=msgspec.structs.replace(record.result, seconds=seconds)))

    for epoch, seconds in enumerate((0.25, 0.002, 9.0)):
        keep(epoch, seconds)
    assert kept.seconds(asked) == 0.25
    for epoch in range(3, 6):  # what all latest ones take is believed, and the oldest are forgotten
        keep(epoch, 20.0)
    assert kept.seconds(asked) == 20.0
    assert kept.seconds(msgspec.structs.replace(asked, layer="other")) == KeptRecords(timed=False).seconds(asked)
