"""Commands to a training while it runs: what is done, what is refused, and that training stays the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest
import torch
from event_files import read_events
from lightning.pytorch import Callback, LightningDataModule, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from models import Gru, Mlp, flat_data, sequence_data
from places import PROJECT, SUPPORT
from torch.nn.functional import cross_entropy
from training import comparable, trainer

from lightning_iit import IITCallback, lesion, load_run
from lightning_iit.records import Computed, decode
from lightning_iit.records.steering.commands import Command
from lightning_iit.records.steering.folder import answer_to, answers_in, control_folder, read_lesion, send
from lightning_iit.records.steering.status import read_status, say_looking
from lightning_iit.run.commands import steering

GRU = {"layers": "net.gru", "units": 3, "groups": 3, "table": False, "extra_budget": 0.0}
MLP = {"layers": "net.1", "units": [0, 1, 2], "groups": 1, "null_model": None, "table": False}


@pytest.fixture(autouse=True)
def at_every_batch(monkeypatch):
    """Commands are looked for after each batch, so that tests know at which step one is obeyed."""
    monkeypatch.setattr(steering, "_EVERY", 0.0)


class Sender(Callback):
    """Sends commands at given batches (counted over the whole training); stands before the callback in the list."""

    def __init__(self, told, callback):
        self.told, self.callback, self.batches, self.steps = told, callback, 0, []

    def on_train_batch_end(self, trainer, *_):
        self.batches += 1
        self.steps.append((trainer.current_epoch, trainer.global_step))
        for verb, given in self.told.get(self.batches, []):
            send(self.callback._run.run_dir, verb, **given)


def trained(folder, told=None, *, model=None, data=None, epochs=2, options=None, callback_options=None, more=()):
    """Trains with commands at some batches; returns callback, trainer, the sender and the answers."""
    seed_everything(5, verbose=False)
    model = (model or Gru)()
    callback = IITCallback(**(GRU if isinstance(model, Gru) else MLP) | (callback_options or {}))
    sender = Sender(told or {}, callback)
    made = trainer(folder, callback, *more, epochs=epochs, **(options or {}))
    made.callbacks.insert(0, sender)
    made.fit(model, data or (sequence_data(64) if isinstance(model, Gru) else flat_data()))
    return callback, made, sender, answers_in(callback._run.run_dir)


def outcomes(answers):
    return [(one.command and one.command.verb, one.outcome) for one in answers]


# --- analysing now ---


@pytest.mark.parametrize("model", [Gru, Mlp])
@pytest.mark.parametrize("at", [1, 3])
def test_an_analysis_on_command_is_that_of_a_step_and_changes_nothing(tmp_path, model, at):
    """Its record is the one that every_n_steps makes at this step; those of the epochs, and the weights, are as without it."""
    plain, first, *_ = trained(tmp_path / "plain", model=model)
    steps, *_ = trained(tmp_path / "steps", model=model, callback_options={"every_n_steps": at})
    callback, second, _, (answer,) = trained(tmp_path / "asked", {at: [("analyse", {})]}, model=model)
    assert (answer.outcome, answer.epoch, answer.step) == ("done", 0, at)
    (asked,) = [record for record in callback.records if record.step is not None]
    (own,) = [record for record in steps.records if record.step == at]
    assert answer.records == (f"iit/{asked.layer}/epoch=0000-step={at:06d}.json",)
    assert decode((callback._run.run_dir / answer.records[0]).read_bytes()) == asked
    assert "Analysed on a command of " in " ".join(asked.notes)
    assert (asked.counts, asked.observed, asked.thresholds) == (own.counts, own.observed, own.thresholds)
    assert comparable(asked)["result"] == comparable(own)["result"]
    assert asked.survey == own.survey
    others = [comparable(record) for record in callback.records if record.step is None]
    assert others == [comparable(record) for record in plain.records]
    assert all(torch.equal(one, other) for one, other in zip(*(made.model.parameters() for made in (first, second)), strict=True))


def test_what_is_analysed_can_be_chosen(tmp_path):
    told = {
        3: [("analyse", {"layer": "net.gru", "state": "101"})],
        4: [("analyse", {"units": (7, 2), "formalism": "iit4-2023"})],
    }
    callback, *_, answers = trained(tmp_path, told, callback_options={"formalism": ("iit3", "iit4-2026")})
    assert [one.outcome for one in answers] == ["done", "done"]
    in_a_state, of_units = [record for record in callback.records if record.step is not None]
    assert [state.state for state in in_a_state.states] == [(1, 0, 1)]
    assert in_a_state.formalisms == ("iit3", "iit4-2026")
    assert isinstance(in_a_state.result, Computed)
    assert (of_units.units.indices, of_units.formalisms, of_units.kind) == ((7, 2), ("iit4-2023",), "causal")
    assert of_units.result.phi is not None
    assert len(of_units.states) == 4


def test_other_units_of_a_watched_layer_are_counted_from_the_command_on(tmp_path):
    callback, *_, (answer,) = trained(tmp_path, {3: [("analyse", {"units": (4, 9)})]}, model=Mlp)
    assert "from step 3 to the end of epoch 0" in answer.words
    (record,) = [record for record in callback.records if record.step is not None]
    assert (record.epoch, record.step, record.units.indices) == (0, 3, (4, 9))
    assert record.counts.transitions == 200 - 3 * 32 - 1  # samples of the batches that followed
    plain, *_ = trained(tmp_path / "plain", model=Mlp)
    assert [comparable(one) for one in callback.records if one.step is None] == [comparable(one) for one in plain.records]


def test_its_record_stays_out_of_curve_change_and_metrics(tmp_path):
    logger = TensorBoardLogger(tmp_path / "tb", name="", version="")
    options = {"callback_options": {"when_busy": "wait"}, "options": {"logger": logger}}
    callback, made, *_ = trained(tmp_path, {3: [("analyse", {})]}, **options)
    last = callback.records[-1]
    assert float(made.callback_metrics["iit/phi/net.gru"]) == pytest.approx(last.survey.phi)
    events = read_events(tmp_path / "tb").scalars
    assert [point.step for point in events["iit/phi/net.gru"]] == [0, 4, 8]
    assert [point.step for point in events["iit/steps/phi/net.gru"]] == [3]
    assert callback.change().after == pytest.approx(last.survey.phi)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"layer": "net.2"}, "is not watched; watched are 'net.gru'"),
        ({"state": "10"}, "has 2 places, and 3 units"),
        ({"state": "1x1"}, "give a 0 or 1 for each unit"),
        ({"units": (1, 1)}, "different units"),
        ({"units": (1, 99)}, "99"),
        ({"units": tuple(range(12))}, "give 2 to"),
    ],
)
def test_what_cannot_be_analysed_is_refused(tmp_path, given, words):
    callback, *_, (answer,) = trained(tmp_path, {2: [("analyse", given)]}, epochs=1)
    assert answer.outcome == "refused"
    assert words in answer.words
    assert [record.step for record in callback.records] == [None, None]


def test_a_step_is_analysed_once(tmp_path):
    *_, answers = trained(tmp_path, {2: [("analyse", {}), ("analyse", {})]}, epochs=1)
    assert [one.outcome for one in answers] == ["done", "refused"]
    assert "analysed already" in answers[1].words


# --- a lesion ---


class Validated(Gru):
    """Its validation changes what a module may hold, draws random numbers, and logs; so does a lesion, if nothing is put back."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))
        self.counted = []

    def validation_step(self, batch, batch_idx):
        self.seen += 1
        self.counted.append(batch_idx)
        outputs = self(batch[0] + 0.01 * torch.randn(()))
        loss = cross_entropy(outputs, batch[1])
        self.log("val_loss", loss)
        self.log_dict({"val_acc": (outputs.argmax(1) == batch[1]).float().mean()})
        return loss


class Kept(Callback):
    """Keeps the weights before a given step."""

    def __init__(self, batch):
        self.batch, self.weights = batch, {}

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        if trainer.global_step == self.batch:
            self.weights = {name: value.clone() for name, value in module.state_dict().items()}


def validated(folder, told=None, **options):
    loaders = {"train_dataloaders": sequence_data(64), "val_dataloaders": sequence_data(40, seed=1)}
    return trained(folder, told, model=Validated, data=DataModule(**loaders), **options)


class DataModule(LightningDataModule):
    def __init__(self, train_dataloaders, val_dataloaders):
        super().__init__()
        self.train_dataloader, self.val_dataloader = lambda: train_dataloaders, lambda: val_dataloaders


@pytest.mark.parametrize("probe", [False, True])
def test_a_lesion_on_command_is_measured_kept_and_leaves_training_the_same(tmp_path, probe):
    """After the first validation it is that of ``lesion`` on all validation data, with the weights of then."""
    callback_options = {"probe": list(sequence_data(16))} if probe else {}
    kept = Kept(6)
    told = {6: [("lesion", {"layer": "net.gru", "units": (0, 5)}), ("lesion", {"units": (1,), "to": "zero"})]}
    plain, first, *_ = validated(tmp_path / "plain", callback_options=callback_options)
    callback, second, _, answers = validated(tmp_path / "told", told, callback_options=callback_options, more=(kept,))
    assert outcomes(answers) == [("lesion", "done")] * 2
    states = [made.lightning_module.state_dict() for made in (first, second)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert first.lightning_module.counted == second.lightning_module.counted
    optimizers = [made.optimizers[0].state_dict() for made in (first, second)]
    assert optimizers[0] == optimizers[1]
    assert first.callback_metrics.keys() == second.callback_metrics.keys()
    assert all(torch.equal(value, second.callback_metrics[name]) for name, value in first.callback_metrics.items())
    assert [comparable(record) for record in callback.records] == [comparable(record) for record in plain.records]
    made = read_lesion(callback._run.run_dir / answers[0].records[0])
    model = Validated()
    model.load_state_dict(kept.weights)
    expected = lesion(model, list(sequence_data(40, seed=1)), "net.gru", (0, 5))
    assert (made.layer, made.units, made.samples, made.measures) == ("net.gru", (0, 5), 40, expected.measures)
    assert [one.name for one in made.measures] == ["loss", "val_acc"]
    assert answers[0].words == made.words
    report = (callback._run.run_dir / "iit" / "report.md").read_text()
    assert "`lesion --layer net.gru --units 0,5`" in report
    assert "`lesion --units 1 --to zero`" in report
    assert f"p = {made.p:.3f}" in report


@pytest.mark.parametrize("sanity", [0, 2])
def test_before_the_first_validation_a_lesion_is_of_the_batches_of_the_check_or_refused(tmp_path, sanity):
    options = {"num_sanity_val_steps": sanity}
    callback, *_, (answer,) = validated(tmp_path, {2: [("lesion", {"units": (0,)})]}, epochs=1, options=options)
    if not sanity:
        assert "ask again after its first validation" in answer.words
        return
    assert read_lesion(callback._run.run_dir / answer.records[0]).samples == 32


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "say which units"),
        ({"units": (99,)}, "no unit 99"),
        ({"units": (0,), "layer": "net.gur"}, "Close matches"),
        ({"units": tuple(range(12))}, "too few for a control"),
    ],
)
def test_a_lesion_that_cannot_be_made_is_refused_and_training_stays_the_same(tmp_path, given, words):
    _, first, *_ = validated(tmp_path / "plain", epochs=1)
    _, second, _, (answer,) = validated(tmp_path / "told", {2: [("lesion", given)]}, epochs=1)
    assert answer.outcome == "refused"
    assert words in answer.words
    states = [made.lightning_module.state_dict() for made in (first, second)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


# --- how long a training goes on ---


def test_stop_ends_after_the_epoch(tmp_path):
    keep = ModelCheckpoint(tmp_path, save_last=True)
    options = {"enable_checkpointing": True}
    callback, made, sender, (answer,) = trained(tmp_path, {2: [("stop", {})]}, epochs=5, options=options, more=(keep,))
    assert answer.words == "The training ends after epoch 0."
    assert sender.steps == [(0, 1), (0, 2), (0, 3), (0, 4)]
    assert [record.epoch for record in callback.records] == [-1, 0]
    assert Path(keep.last_model_path).exists()
    assert made.state.status == "finished"
    report = (callback._run.run_dir / "iit" / "report.md").read_text()
    assert "This training was steered: of 1 commands that came while it ran, 1 were obeyed." in report
    assert "| 0 | 2 | `stop` |" in report


def test_stop_now_ends_within_the_epoch_as_at_a_normal_end(tmp_path):
    callback, made, sender, (answer,) = trained(tmp_path, {2: [("stop-now", {})]}, epochs=5)
    assert answer.outcome == "done"
    assert sender.steps == [(0, 1), (0, 2)]
    assert [(record.epoch, type(record.result)) for record in callback.records] == [(-1, Computed), (0, Computed)]
    assert made.state.status == "finished"


@pytest.mark.parametrize(("epochs", "last", "words"), [(4, 3, "has 4 epochs now, not 2."), (1, 1, "it ends after this one")])
def test_the_number_of_epochs_can_be_changed(tmp_path, epochs, last, words):
    callback, *_, (answer,) = trained(tmp_path, {6: [("epochs", {"epochs": epochs})]})
    assert words in answer.words
    assert callback.records[-1].epoch == last
    assert callback.records[-1].survey.low is not None  # the last epoch is known as the last one


class Scheduled(Gru):
    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=8)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


@pytest.mark.parametrize(
    ("told", "options", "model", "words"),
    [
        (("epochs", {"epochs": 3}), {}, Scheduled, "OneCycleLR has total_steps=8, and 3 epochs take 12"),
        (("epochs", {"epochs": 0}), {}, Gru, "1 epoch or more"),
        (("epochs", {}), {}, Gru, "say how many epochs"),
        (("epochs", {"epochs": 1}), {"min_epochs": 2}, Gru, "min_epochs=2"),
        (("stop", {}), {"min_epochs": 2}, Gru, "min_epochs=2, and 1 would have ended"),
        (("stop-now", {}), {"min_epochs": 1}, Gru, "min_epochs=1, and 0 would have ended"),
        (("stop-now", {}), {"min_steps": 7}, Gru, "min_steps=7, and 6 would have been made"),
        (("resume", {}), {}, Gru, "not paused"),
    ],
)
def test_what_lightning_would_not_do_is_refused(tmp_path, told, options, model, words):
    at = 6 if "min_steps" in options else 2  # Lightning takes min_epochs=1 where min_steps is given
    _, _, sender, (answer,) = trained(tmp_path, {at: [told]}, model=model, options=options)
    assert answer.outcome == "refused"
    assert words in answer.words
    assert len(sender.steps) == 8  # and training goes on


# --- a pause ---


def test_no_step_is_made_while_training_is_paused(tmp_path):
    """Other commands are obeyed meanwhile."""
    seen = {}

    def go_on(directory, steps):
        while not any(one.command.verb == "pause" for one in answers_in(directory)):
            time.sleep(0.05)
        seen["before"] = len(steps)
        send(directory, "analyse", state="110")
        send(directory, "epochs", epochs=3)
        while len(answers_in(directory)) < 3:
            time.sleep(0.05)
        time.sleep(0.5)
        seen["after"] = len(steps)
        send(directory, "resume")

    class GoOn(Callback):
        def on_train_start(self, trainer, module):
            callback = trainer.callbacks[1]
            thread = threading.Thread(target=go_on, args=(callback._run.run_dir, trainer.callbacks[0].steps))
            thread.start()

    callback, _, sender, answers = trained(tmp_path, {3: [("pause", {})]}, more=(GoOn(),))
    assert outcomes(answers) == [("pause", "done"), ("analyse", "done"), ("epochs", "done"), ("resume", "done")]
    assert seen == {"before": 3, "after": 3}
    assert len(sender.steps) == 12
    assert [record.step for record in callback.records if record.step] == [3]


@pytest.mark.parametrize("verb", ["stop", "stop-now"])
def test_a_paused_training_can_be_ended(tmp_path, verb):
    _, _, sender, answers = trained(tmp_path, {2: [("pause", {}), (verb, {})]}, epochs=4)
    assert [one.outcome for one in answers] == ["done", "done"]
    assert len(sender.steps) == (4 if verb == "stop" else 2)


# --- what is no command ---


class Litter(Callback):
    """Puts things into the folder of commands that are none."""

    def __init__(self, things):
        self.things = things

    def on_train_batch_start(self, trainer, module, batch, index):
        if trainer.global_step == 1:
            folder = control_folder(trainer.callbacks[1]._run.run_dir)
            for name, data in self.things.items():
                os.mkfifo(folder / name) if data is None else (folder / name).write_bytes(data)


def command(**fields):
    return msgspec.json.encode({"id": "x", "verb": "stop-now"} | fields)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (command(verb="explode"), "Invalid enum value 'explode'"),
        (command(schema=99), "schema 99"),
        (command(run="another"), "meant for the run another"),
        (command(epochs="many"), "cannot be read as a command"),
        (b"\xff\xfe", "cannot be read as a command"),
        (b"{" * 100_000, "more than 65,536 bytes"),
        (b'{"id": "x", "verb": "stop', "cannot be read as a command"),
        (None, "named pipe"),
    ],
)
def test_what_cannot_be_obeyed_is_answered_and_does_nothing(tmp_path, data, words):
    _, _, sender, (answer,) = trained(tmp_path, more=(Litter({"1.command.json": data, ".2.command.json.tmp": b"x"}),))
    assert (answer.id, answer.outcome) == ("1", "refused")
    assert words in answer.words
    assert len(sender.steps) == 8


def test_a_command_that_is_written_slowly_is_read_when_it_is_whole(tmp_path):
    whole = command()

    class Slowly(Callback):
        def on_train_batch_start(self, trainer, module, batch, index):
            folder = control_folder(trainer.callbacks[1]._run.run_dir)
            if trainer.global_step in {1, 2}:
                (folder / "1.command.json").write_bytes(whole[:20] if trainer.global_step == 1 else whole)

    _, _, sender, (answer,) = trained(tmp_path, more=(Slowly(),))
    assert answer.outcome == "done"
    assert len(sender.steps) == 3


def test_senders_whose_clocks_differ_are_obeyed(tmp_path):
    """Ids of commands begin with the clock of their sender: that is the order of one look; a later look takes what came later."""
    hour = 3600 * 10**9
    sent = {1: [(-hour, 5), (hour, 4)], 5: [(-2 * hour, 3)]}

    class Senders(Callback):
        def on_train_batch_start(self, trainer, module, batch, index):
            folder = control_folder(trainer.callbacks[1]._run.run_dir)
            for off, epochs in sent.pop(trainer.global_step, []):
                name = f"{time.time_ns() + off:020d}-abcdef"
                (folder / f"{name}.command.json").write_bytes(command(id=name, verb="epochs", epochs=epochs))

    callback, made, _, answers = trained(tmp_path, data=sequence_data(64 * 3), epochs=1, more=(Senders(),))
    assert {one.command.epochs: one.outcome for one in answers} == {5: "done", 4: "done", 3: "done"}
    assert [one.command.epochs for one in sorted(answers, key=lambda one: one.step)][-1] == 3
    assert made.max_epochs == 3
    assert callback.records[-1].epoch == 2


def test_a_thousand_commands_are_all_answered(tmp_path):
    told = {2: [("epochs", {"epochs": 0})] * 500 + [("resume", {})] * 500}
    *_, answers = trained(tmp_path, told, data=sequence_data(64 * 16), epochs=1, callback_options={"initial": False})
    assert len(answers) == 1000
    assert {one.outcome for one in answers} == {"refused"}


def resumed(tmp_path, between):
    """Trains an epoch, is told to stop, and goes on from the checkpoint after ``between`` was called with the run's directory."""

    def options():
        return {"logger": TensorBoardLogger(tmp_path / "log", name="", version=""), "enable_checkpointing": True}

    keep = ModelCheckpoint(tmp_path, save_last=True)
    callback, *_ = trained(tmp_path, {2: [("stop", {})]}, epochs=3, options=options(), more=(keep,))
    found = between(callback._run.run_dir)
    again = IITCallback(**GRU)
    more = ModelCheckpoint(tmp_path, save_last=True)
    trainer(tmp_path, again, more, epochs=3, **options()).fit(Gru(), sequence_data(64), ckpt_path=keep.last_model_path)
    return callback, again, found


def test_a_file_in_the_place_of_the_folder_stops_no_training(tmp_path, caplog):
    def block(directory):
        shutil.rmtree(control_folder(directory))
        control_folder(directory).write_text("mine")

    first, again, _ = resumed(tmp_path, block)
    assert "This training takes no commands, since" in caplog.text
    assert again._run.run_dir == first._run.run_dir
    assert control_folder(again._run.run_dir).read_text() == "mine"
    assert again.records[-1].epoch == 2
    assert again.records[-1].phi is not None


def test_commands_of_before_are_not_obeyed_after_a_resume(tmp_path):
    first, again, late = resumed(tmp_path, lambda directory: send(directory, "stop-now"))
    assert again._run.run_dir == first._run.run_dir
    assert [record.epoch for record in again.records if record.step is None] == [-1, 0, 1, 2]
    one, other = answers_in(again._run.run_dir)
    assert (one.command.verb, one.outcome) == ("stop", "done")
    assert (other.id, other.outcome) == (late.id, "refused")
    assert "before this training began" in other.words


class Named(Gru):
    """A GRU whose layer has the name of the folder of commands."""

    def __init__(self):
        super().__init__()
        self.control, self.out = self.net["gru"], self.net["out"]
        del self.net

    def forward(self, x):
        return self.out(self.control(x)[0][:, -1])


@pytest.mark.parametrize("model", [Gru, Named])
def test_a_run_that_was_told_something_is_set_aside_like_any_other(tmp_path, model):
    for _ in range(2):
        options = {"logger": TensorBoardLogger(tmp_path / "log", name="", version="")}
        layer = {"layers": "control" if model is Named else "net.gru"}
        told = {2: [("stop", {})]}
        callback, *_ = trained(tmp_path, told, model=model, options=options, callback_options=layer)
    assert callback._run.run_dir == tmp_path / "log"
    assert len(answers_in(callback._run.run_dir)) == 1
    assert (tmp_path / "log" / "iit-1" / "control").is_dir()


def test_without_control_there_is_no_folder(tmp_path):
    _, _, sender, answers = trained(tmp_path, {2: [("stop-now", {})]}, callback_options={"control": False})
    assert answers == ()
    assert len(sender.steps) == 8


def test_several_callbacks_take_commands_each(tmp_path):
    other = IITCallback(**MLP | {"layers": "net.out", "units": 3}, name="other")
    *_, answers = trained(tmp_path, {2: [("analyse", {})]}, more=(other,))
    assert outcomes(answers) == [("analyse", "done")]
    assert answers_in(other._run.run_dir) == ()
    assert {record.step for record in other.records} == {None}


# --- two processes, one of them slower ---


def test_two_ranks_obey_at_the_same_batch_and_pause_beyond_the_time_limit_of_their_strategy(tmp_path):
    """The second rank takes longer for each step; a collective operation may take 20 s, and the pause takes longer."""
    call = [sys.executable, str(SUPPORT / "steered_ddp_script.py"), str(tmp_path / "run")]
    with (tmp_path / "output.txt").open("w") as output:
        training = subprocess.Popen(call, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 120
        while not list((tmp_path / "run").rglob("control")) and time.monotonic() < deadline:
            time.sleep(0.2)
        (folder,) = (tmp_path / "run").rglob("control")
        directory = folder.parent.parent

        def told(verb, **given):
            return answer_to(directory, send(directory, verb, **given), 90)

        deadline = time.monotonic() + 60
        while (status := read_status(folder)) is None:  # the first rank alone says how far it is, while somebody looks
            say_looking(folder)
            time.sleep(0.5)
            assert time.monotonic() < deadline
        assert (status.pace, status.batches, status.epochs) == ("running", 20, 30)
        assert told("pause").outcome == "done"
        began = time.monotonic()
        analysed = told("analyse", state="110")
        assert analysed.outcome == "done"
        say_looking(folder)
        while read_status(folder).pace != "paused":
            time.sleep(0.2)
            assert time.monotonic() - began < 30
        assert read_status(folder).step == analysed.step
        assert told("epochs", epochs=2).outcome == "refused"  # the script has min_epochs=3
        time.sleep(max(0.0, 25 - (time.monotonic() - began)))
        assert told("resume").outcome == "done"
        assert told("stop").outcome == "refused"
        assert told("epochs", epochs=4).outcome == "done"
        assert training.wait(180) == 0, (tmp_path / "output.txt").read_text()[-3000:]
    finally:
        training.kill()
    steps = [(tmp_path / "run" / f"steps-of-rank-{rank}").read_text() for rank in (0, 1)]
    assert steps[0] == steps[1]
    records = load_run(directory)
    assert [record.epoch for record in records if record.step is None] == [-1, 0, 1, 2, 3]
    (asked,) = [record for record in records if record.step is not None]
    assert asked.provenance.world_size == 2
    assert asked.phi is not None


# --- from a shell ---


SCRIPT = """
import sys, time
sys.path.insert(0, {support!r})
from lightning.pytorch import Callback
from models import Gru, sequence_data
from training import trainer
from lightning_iit import IITCallback


class Slow(Callback):
    def on_train_batch_end(self, *_):
        time.sleep(0.05)


trainer({folder!r}, IITCallback("net.gru", units=3, groups=2, table=False), Slow(), epochs=1000).fit(
    Gru(), sequence_data(64), sequence_data(40)
)
"""


def shell(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    call = [sys.executable, "-m", "lightning_iit.cli", "control", *map(str, arguments)]
    done = subprocess.run(call, capture_output=True, text=True, timeout=120, env=environment, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_training_in_another_process_is_told_from_a_shell(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(support=str(SUPPORT), folder=str(tmp_path / "run")))
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with (tmp_path / "output.txt").open("w") as output:
        training = subprocess.Popen([sys.executable, str(script)], stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        deadline = time.monotonic() + 120
        while not list((tmp_path / "run").rglob("control")) and time.monotonic() < deadline:
            time.sleep(0.2)
        status, words = shell(tmp_path / "run", "pause")
        assert (status, words.startswith("Training is paused since")) == (0, True), words
        status, words = shell(tmp_path / "run", "analyse", "--state", "010", "--formalism", "iit4-2023", "--timeout", "120")
        assert status == 0, words
        assert "'net.gru': φ_s = " in words
        status, words = shell(tmp_path / "run", "epochs", "0")
        assert (status, words) == (1, "Refused: a training has 1 epoch or more, not 0.\n")
        status, words = shell(tmp_path / "run", "lesion", "--units", "0,1", "--to", "zero")
        assert status == 0, words
        assert words.startswith("Units 0, 1 of 'net.gru' set to 0 on ")
        assert "p = " in words
        status, words = shell(tmp_path / "run", "lesion", "--units", "2", "--json")
        (found,) = msgspec.json.decode(words)["lesions"]
        assert (status, found["units"], len(found["control_units"])) == (0, [2], 15)
        assert shell(tmp_path / "run", "resume")[0] == 0
        status, words = shell(tmp_path / "run", "watch", "--units", "2", "--groups", "1")
        assert status == 0, words
        assert "'net.gru' is watched, with units=2, groups=1." in words
        assert shell(tmp_path / "run", "stop")[0] == 0
        assert training.wait(120) == 0
    finally:
        training.kill()
    status, words = shell(tmp_path / "run", "log")
    assert (status, len(words.splitlines())) == (0, 8)
    status, words = shell(tmp_path / "run", "pause")
    assert status == 2
    assert "no training runs there" in words
    (folder,) = (tmp_path / "run").rglob("owner.json")
    assert load_run(folder.parent.parent)[-1].phi is not None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["epochs"], "give how many epochs"),
        (["pause", "3"], "a number belongs to the command 'epochs'"),
        (["stop", "--layer", "x"], "--layer: this belongs to the commands 'analyse' and 'lesion'"),
        (["analyse", "--to", "zero"], "--to: this belongs to the command 'lesion'"),
        (["lesion", "--state", "01", "--units", "1"], "--state: this belongs to the command 'analyse'"),
        (["lesion", "--layer", "x"], "give the units that are set"),
        (["analyse", "--formalism", "iit3,iit4-2023"], "give one"),
        (["pause", "--units", "1"], "--units: this belongs to the commands 'analyse', 'lesion' and 'watch'"),
        (["analyse", "--null-model", "cut"], "--null-model: this belongs to the command 'watch'"),
        (["pause"], "this is no run's directory"),
    ],
)
def test_mistakes_in_a_shell_are_explained(tmp_path, arguments, words):
    status, said = shell(tmp_path, *arguments)
    assert status == 2
    assert words in said


def test_words_of_a_command_are_those_of_the_shell():
    made = Command(id="1", verb="analyse", layer="net.gru", units=(1, 2), state="01", formalism="iit3")
    assert made.words == "analyse --layer net.gru --units 1,2 --state 01 --formalism iit3"
    assert Command(id="1", verb="epochs", epochs=7).words == "epochs 7"
    assert Command(id="1", verb="lesion", units=(1,), to="zero").words == "lesion --units 1 --to zero"
