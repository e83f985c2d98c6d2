"""What is watched is changed by a command, from the next epoch on: what is analysed then, what is refused, what is said of it."""

from __future__ import annotations

import re
from io import StringIO

import msgspec
import pytest
import torch
from lightning.pytorch import Callback, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from models import Gru, sequence_data
from rich.console import Console
from training import trainer

from lightning_iit import IITCallback, load_run
from lightning_iit.commands.control import run_control
from lightning_iit.comparison.change import change
from lightning_iit.comparison.courses import RunData
from lightning_iit.comparison.runs import compare
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records.steering.folder import answers_in, read_command, send
from lightning_iit.records.steering.selection import Selection
from lightning_iit.run.commands import steering
from lightning_iit.run.folder import RunFolder
from lightning_iit.viewer.answers import answers
from lightning_iit.viewer.logdir import LogDirSource

pytestmark = pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")

BEGINNING = {"layers": "net.gru", "units": 3, "groups": 3, "table": False, "extra_budget": 0.0, "window": 2, "pictures": False}
BATCHES = 4


class Sender(Callback):
    """Sends commands at given batches, counted from 1 over the whole training."""

    def __init__(self, told, callback):
        self.told, self.callback, self.weights = told, callback, []

    def on_train_batch_end(self, trainer, module, *_):
        self.weights = [value.detach().clone() for value in module.parameters()]
        for selection in self.told.get(trainer.global_step, []):
            send(self.callback._run.run_dir, "watch", watch=selection)


def trained(folder, told=None, *, epochs=5, options=None, ckpt_path=None, more=(), **callback_options):
    seed_everything(5, verbose=False)
    callback = IITCallback(**BEGINNING | callback_options)
    made = trainer(folder, callback, *more, epochs=epochs, **(options or {}))
    made.callbacks.insert(0, sender := Sender(told or {}, callback))
    made.fit(Gru(), sequence_data(64), ckpt_path=ckpt_path)
    return callback, sender


@pytest.fixture(autouse=True)
def at_every_batch(monkeypatch):
    monkeypatch.setattr(steering, "_EVERY", 0.0)


TWO_LAYERS = Selection(layers=("net.gru", "net.out"))
OTHER_UNITS = Selection(units=(0, 1, 4), groups=1, formalism=("iit3", "iit4-2023"), null_model="none")
CHANGES = {2: [TWO_LAYERS], 10: [OTHER_UNITS]}
"""The second layer is watched from epoch 1 on, other units by two formalisms from epoch 3 on."""


@pytest.fixture(scope="module")
def steered(tmp_path_factory):
    """A training that is told to watch other things, twice; and trainings that watch these from their beginning on."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(steering, "_EVERY", 0.0)
    folder = tmp_path_factory.mktemp("steered")
    runs = {
        "told": trained(folder / "told", CHANGES),
        "plain": trained(folder / "plain"),
        "both layers": trained(folder / "both", layers=["net.gru", "net.out"]),
        "other units": trained(folder / "other", layers=["net.gru", "net.out"], **OTHER_UNITS.options),
    }
    monkeypatch.undo()
    return runs


def of(run, layer, epoch):
    return next(one for one in run[0].records if (one.layer, one.epoch) == (layer, epoch))


def numbers(record):
    """The data of a record and each Φ of it: all but what a budget of time decides, and after how many changes it was made."""
    data = {name: getattr(record, name) for name in ("key", "kind", "axis", "units", "thresholds", "observed_thresholds")}
    phis = [(one.formalism, one.phi, [(group.units, group.phis) for group in one.survey.groups]) for one in record.by_formalism]
    return data | {"counts": record.counts, "observed": record.observed, "phis": phis}


def test_a_change_is_made_with_the_next_epoch_and_training_stays_the_same(steered):
    """Of every epoch that which then was to be watched is watched, and nothing else."""
    callback, sender = steered["told"]
    found = [(one.epoch, one.layer, one.provenance.selection) for one in callback.records]
    gru, out = "net.gru", "net.out"
    assert found == [
        *((epoch, gru, 0) for epoch in (-1, 0)),
        *((epoch, layer, number) for epoch in (1, 2) for layer, number in ((gru, 0), (out, 1))),
        *((epoch, layer, 2) for epoch in (3, 4) for layer in (gru, out)),
    ]
    assert all(torch.equal(one, other) for one, other in zip(sender.weights, steered["plain"][1].weights, strict=True))
    assert [one.outcome for one in answers_in(callback._run.run_dir)] == ["done", "done"]
    assert load_run(callback._run.run_dir) == callback.records


def test_a_layer_that_stays_is_analysed_as_if_nothing_had_been_said(steered):
    for epoch in (-1, 0, 1, 2):
        assert numbers(of(steered["told"], "net.gru", epoch)) == numbers(of(steered["plain"], "net.gru", epoch))


def test_what_is_new_is_analysed_as_in_a_training_that_began_with_it(steered):
    """The first epoch has no window of other units' counts; the second one joins the first, as the window is two epochs."""
    for layer in ("net.gru", "net.out"):
        fresh, settled = (of(steered["told"], layer, epoch) for epoch in (3, 4))
        assert numbers(settled) == numbers(of(steered["other units"], layer, 4))
        wanted = of(steered["other units"], layer, 3)
        assert (fresh.units, fresh.thresholds) == (wanted.units, wanted.thresholds)
        assert fresh.formalisms == ("iit3", "iit4-2023")
    perturbed = [numbers(of(run, "net.gru", 3))["phis"] for run in (steered["told"], steered["other units"])]
    assert perturbed[0] == perturbed[1]
    watched = [of(steered["told"], "net.out", epoch).counts.transitions for epoch in (1, 2, 3, 4)]
    assert watched == [63, 126, 63, 126]
    assert of(steered["both layers"], "net.out", 1).counts.transitions == 126
    nulls = [of(steered[name], "net.out", 4).null for name in ("both layers", "told")]
    assert (nulls[0].name, nulls[1]) == ("cut", None)


def test_epochs_of_other_units_are_never_compared(steered):
    records = steered["told"][0].records
    assert [one.epoch for one in records if "phi_change" in one.scalars] == [0, 1, 2]
    with pytest.raises(InvalidArgumentError, match="epochs 2 and 4 are of other units: a command changed what is watched"):
        change(records, "net.gru", 2, 4)
    assert change(records, "net.gru", -1, 2).groups == 3
    assert change(records, "net.gru", 3, 4).groups == 1


def test_it_is_said_in_report_options_and_comparison(steered):
    run_dir = steered["told"][0]._run.run_dir
    report = (run_dir / "iit" / "report.md").read_text()
    assert "`watch --layers net.gru,net.out`" in report
    assert "From epoch 1 on 'net.gru', 'net.out' are watched. Units and thresholds of 'net.out' are chosen in that epoch" in report
    assert "since epoch 3 they are others than before. Φ of the analysed units went from " in report
    assert any(line.startswith("| 3 (other units) | 0.") for line in report.splitlines())
    assert "a command took effect that changed which units are watched" in report
    assert "the mean over" not in report.split("## Methods")[1]
    assert "`units=[0, 1, 4] (3 before epoch 3)`" in report
    assert "`layers=net.gru,net.out (net.gru before epoch 1)`" in report
    options = msgspec.json.decode((run_dir / "iit" / "options.json").read_bytes())
    assert (options["units"], options["formalism"], options["null_model"]) == ("[0, 1, 4]", "iit3,iit4-2023", "None")
    plain = (steered["plain"][0]._run.run_dir / "iit" / "report.md").read_text()
    assert not any(words in plain for words in ("(other units)", "A command", "before epoch"))


def test_runs_are_compared_by_the_epochs_since_the_change(steered):
    runs = [RunData(name, steered[name][0].records, {"told": name}).of("iit3") for name in ("told", "other units")]
    found = compare(runs, by="told")
    assert {curve.epochs for curve in found.curves if curve.side == "told=told"} == {(3, 4)}
    for layer in ("net.gru", "net.out"):
        words = f"In told a command changed which units of layer {layer!r} are watched; only epochs from 3 on are compared."
        assert words in found.notes


def test_the_page_is_told_which_epochs_are_of_the_same_units(steered):
    run_dir = steered["told"][0]._run.run_dir
    source = LogDirSource(run_dir)
    (run,), _ = source.runs()
    assert [(row.epoch, row.selection) for row in source.index(run.id).rows if row.layer == "net.gru"] == [
        *((-1, 0), (0, 0), (1, 0), (2, 0), (3, 2), (4, 2))
    ]
    told = answers(source, run.id).answers
    assert all(one.words.startswith("A command changed which units or groups are watched: since epoch 3 ") for one in told)
    found = {(one.layer, one.formalism): (one.epoch, one.to) for one in told}
    assert found == {(layer, name): (3, 4) for layer in ("net.gru", "net.out") for name in ("iit3", "iit4-2023")}


@pytest.mark.parametrize(
    "options", [{"probe": list(sequence_data(16)), "window": 1}, {"every_n_steps": 3, "freeze_threshold": True}]
)
def test_a_probe_and_analyses_within_epochs_follow_the_change(tmp_path, options):
    """Frozen thresholds are those of the first epoch of these units."""
    callback, _ = trained(tmp_path, {2: [Selection(units=(2, 5), groups=1)]}, epochs=3, **options)
    records = callback.records
    assert {one.epoch for one in records if one.units.indices == (2, 5)} == {1, 2}
    assert {one.epoch for one in records if len(one.units.indices) == 3} == {-1, 0}
    within = [(one.epoch, one.step, one.units.indices) for one in records if one.step is not None]
    if "probe" in options:
        assert within == []
        return
    assert [(epoch, step, len(units)) for epoch, step, units in within] == [(0, 3, 3), (1, 6, 2), (2, 9, 2), (2, 12, 2)]
    whole = {one.epoch: one for one in records if one.step is None}
    assert whole[1].observed_thresholds == whole[2].observed_thresholds != whole[0].observed_thresholds


def test_what_cannot_be_watched_is_refused_and_nothing_is_changed(tmp_path):
    asked = {
        1: (Selection(layers=("net.gur",)), "Close matches"),
        2: (Selection(units=(0, 99), groups=1), "layer 'net.gru' has 16 units and no unit 99"),
        3: (Selection(layers=("net.gru", "net.out"), units=(0, 12), groups=1), "layer 'net.out' has 10 units and no unit 12"),
        4: (Selection(null_model="cut"), "the units of 'net.gru' are set into each state"),
        5: (Selection(units=13), "at most"),
        6: (Selection(units=(0, 1)), "groups of units are drawn at random"),
        7: (Selection(), "say what is to be watched"),
        8: (Selection(units=3), "that is what is watched already"),
        9: (Selection(surrogates=0), "surrogates"),
        13: (Selection(groups=2), "no epoch follows epoch 3"),
    }
    told = {step: [selection] for step, (selection, _) in asked.items()}
    callback, sender = trained(tmp_path / "told", told, epochs=4)
    found = answers_in(callback._run.run_dir)
    for one, (_, words) in zip(found, asked.values(), strict=True):
        assert one.outcome == "refused", one.words
        assert words in one.words
    plain, other = trained(tmp_path / "plain", epochs=4)
    assert list(map(numbers, callback.records)) == list(map(numbers, plain.records))
    assert all(torch.equal(one, two) for one, two in zip(sender.weights, other.weights, strict=True))


def test_commands_of_one_epoch_are_taken_together(tmp_path):
    told = {1: [Selection(units=2)], 3: [Selection(groups=2)]}
    callback, _ = trained(tmp_path, told, epochs=3, window=1)
    assert [len(one.units.indices) for one in callback.records] == [3, 3, 2, 2]
    assert [len(one.survey.groups) for one in callback.records] == [3, 3, 2, 2]
    assert [one.provenance.selection for one in callback.records] == [0, 0, 1, 1]


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_resumed_run_keeps_the_changed_selection(tmp_path, epochs, steered):
    """Also one whose checkpoint was written after the command and before the epoch of the change."""

    def logged():
        return {"logger": TensorBoardLogger(tmp_path, name="", version=""), "enable_checkpointing": True}

    keep, again = (ModelCheckpoint(tmp_path, save_last=True) for _ in range(2))
    trained(tmp_path, CHANGES, options=logged(), more=(keep, Stop(epochs)))
    told = {10: CHANGES[10]} if epochs == 1 else {}
    callback, _ = trained(tmp_path, told, options=logged(), more=(again,), ckpt_path=keep.last_model_path)
    expected = steered["told"]
    for one, other in zip(callback.records, expected[0].records, strict=True):
        assert numbers(one) == numbers(other)
    assert [one.provenance.selection for one in callback.records] == [one.provenance.selection for one in expected[0].records]


class Stop(Callback):
    """Ends a training after so many epochs."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_train_epoch_end(self, trainer, module):
        trainer.should_stop = trainer.should_stop or trainer.current_epoch + 1 == self.epochs


@pytest.mark.parametrize(
    ("given", "selection"),
    [
        ({"layers": "net.gru, net.*"}, Selection(layers=("net.gru", "net.*"))),
        ({"units": "4", "groups": "auto"}, Selection(units=4, groups="auto")),
        (
            {"units": "3,8", "groups": "1", "formalism": "iit4-2023,iit3"},
            Selection(units=(3, 8), groups=1, formalism=("iit3", "iit4-2023")),
        ),
        ({"units": "auto", "null_model": "none", "surrogates": 99}, Selection(units="auto", null_model="none", surrogates=99)),
    ],
)
def test_it_is_told_from_a_shell(tmp_path, given, selection):
    run_dir = tmp_path / "run"
    folder = RunFolder(run_dir)
    (run_dir / "iit" / "control").mkdir(parents=True)
    folder.begin()
    try:
        assert run_control(str(run_dir), "watch", 0.1, False, Console(file=StringIO()), **given) == 1
    finally:
        folder.end()
    (file,) = (run_dir / "iit" / "control").glob("*.command.json")
    assert read_command(file).watch == selection
    assert read_command(file).words == f"watch {selection.words}"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "say what is watched from the next epoch on"),
        ({"groups": "many"}, "give how many groups"),
        ({"layer": "net.gru"}, "--layer: this belongs to the commands 'analyse' and 'lesion'"),
        ({"units": "a"}, "--units 'a'"),
        ({"formalism": "iit5"}, "formalism"),
    ],
)
def test_mistakes_in_a_shell_are_explained(tmp_path, given, words):
    with pytest.raises(InvalidArgumentError, match=re.escape(words)):
        run_control(str(tmp_path), "watch", 0.1, False, Console(), **given)
