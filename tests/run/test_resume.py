"""A run that goes on from a checkpoint has the records of one that was never interrupted."""

from __future__ import annotations

import json
import shutil
import time

import pytest
import torch
from lightning.pytorch import Callback, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from models import Gru, Mlp, flat_data, sequence_data
from training import assert_same, train, trainer

from lightning_iit import IITCallback, Tracker, load_run
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.pool.inline_pool import InlinePool
from lightning_iit.phi.pool.pool import WorkerPool
from lightning_iit.records import Computed, Records
from lightning_iit.run.options import RunOptions
from lightning_iit.run.request import phi_task
from lightning_iit.run.resume import EarlierPart
from lightning_iit.run.run import Run
from lightning_iit.run.windows import Watched
from lightning_iit.trackers.files import FilesTracker
from lightning_iit.trackers.journal import Journal

pytestmark = pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")

CASES = {
    "median thresholds": {},
    "frozen thresholds": {"freeze_threshold": True},
    "a window over the border": {"window": 3, "threshold": "zero"},
    "every second epoch": {"every_n_epochs": 2, "window": 2},
}


def resume(folder, saved, options, model, data, *, epochs, logger=False):
    callback = IITCallback(
        **({"layers": "net.1", "units": 2, "groups": 1, "states": "mode", "null_model": None, "table": False} | options)
    )
    trainer(folder, callback, epochs=epochs, logger=logger).fit(model, data, ckpt_path=saved.last_model_path)
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
    # The first part's last epoch has an interval, since no epoch followed.
    found, expected = (
        [(record.key, record.counts, record.perturbation, record.phi, record.survey.phi) for record in run]
        for run in (records, whole)
    )
    assert found == expected
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


def saved_state(folder, **options):
    """The callback's state in a checkpoint of two epochs in ``folder/run``, and the checkpoint's ModelCheckpoint."""
    saved = ModelCheckpoint(folder / "saved", save_last=True)
    train(folder / "run", saved, epochs=2, enable_checkpointing=True, when_busy="wait", **options)
    state = torch.load(saved.last_model_path, weights_only=False)["callbacks"]
    return saved, next(value for key, value in state.items() if "IITCallback" in key)


def test_the_state_is_as_large_after_200_epochs_as_after_10(tmp_path):
    def size(epochs):
        callback = train(tmp_path / str(epochs), epochs=epochs, window=2, pictures=False, network=False, when_busy="wait")
        assert len(callback.records) == epochs + 1
        return len(json.dumps(callback.state_dict()))

    assert size(200) == pytest.approx(size(10), abs=100)


def test_without_the_folder_the_earlier_records_are_said_to_be_missing(tmp_path):
    saved, _ = saved_state(tmp_path)
    shutil.rmtree(tmp_path / "run" / "iit")
    with pytest.warns(UserWarning, match=r"3 of the 3 records of the resumed run that wrote into .*run.iit.0.iit are not there"):
        records = resume(tmp_path / "rest", saved, {}, Mlp(), flat_data(), epochs=4)
    assert [record.epoch for record in records] == [2, 3]
    assert all(isinstance(record.result, Computed) for record in records)


@pytest.mark.parametrize("place", ["run", "elsewhere"])
def test_a_folder_of_another_run_is_not_gone_on_in(tmp_path, place):
    """The records of the run that was moved aside are found by its id, also where the run goes on in another directory."""

    def logger(name="run"):
        return TensorBoardLogger(tmp_path, name="", version=name)

    saved, _ = saved_state(tmp_path, logger=logger(), pictures=True)
    mine = load_run(tmp_path / "run")
    other = train(tmp_path / "run", epochs=1, logger=logger()).records
    records = resume(tmp_path / place, saved, {}, Mlp(), flat_data(), epochs=3, logger=logger(place))
    assert [record.epoch for record in records] == [-1, 0, 1, 2]
    assert records[:3] == mine
    assert load_run(tmp_path / place) == records
    assert (tmp_path / place / "iit" / "net.1" / "epoch=0001.tpm.png").exists(), "the pictures come along"
    assert load_run(tmp_path / "run" / "iit-1") == mine
    assert load_run(tmp_path / "run" / ("iit-2" if place == "run" else "iit")) == other


def test_a_folder_that_was_moved_aside_and_is_of_another_run_is_not_read(tmp_path):
    def logger():
        return TensorBoardLogger(tmp_path, name="", version="run")

    saved, _ = saved_state(tmp_path, logger=logger())
    train(tmp_path / "run", epochs=1, logger=logger())
    marker = tmp_path / "run" / "iit-1" / "owner.json"
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"run": "another"}))
    with pytest.warns(UserWarning, match="3 of the 3 records"):
        records = resume(tmp_path / "run", saved, {}, Mlp(), flat_data(), epochs=3, logger=logger())
    assert [record.epoch for record in records] == [2]


def test_what_the_last_judgement_made_of_a_record_survives(tmp_path):
    """A run that is stopped early judges its last record after a checkpoint was made of it."""

    class Stop(Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            if trainer.current_epoch == 1:
                trainer.should_stop = True
                while len(callback.records) < 3:
                    time.sleep(0.01)
                trainer.save_checkpoint(tmp_path / "before.ckpt")

        def on_train_end(self, trainer, pl_module):
            trainer.save_checkpoint(tmp_path / "end.ckpt")

    options = {"null_model": "cut", "extra_budget": 0.0}
    callback = IITCallback("net.1", units=2, groups=1, states="mode", table=False, **options)
    trainer(tmp_path / "run", callback, Stop(), epochs=9).fit(Mlp(), flat_data())
    assert callback.records[-1].null is not None
    saved = ModelCheckpoint(tmp_path)
    saved.last_model_path = tmp_path / "end.ckpt"
    records = resume(tmp_path / "rest", saved, options, Mlp(), flat_data(), epochs=3)
    assert records[:3] == callback.records


OTHER = {
    "units": ({"units": 3}, r"layer 'net.1': units=3, bits=1, groups=1 was asked for; the run was resumed with the units"),
    "bits": ({"bits": 2}, r"layer 'net.1': units=2, bits=2, groups=1 was asked for"),
    "threshold": ({"threshold": "zero"}, r"other options than before: threshold=zero \(before: median\)"),
    "layers": ({"layers": "net.4"}, r"other options than before: layers=net.4 \(before: net.1\)"),
    "engine": ({"prior": 0.4, "seed": 1}, r"seed=1 \(before: 0\), .*prior=0.4|prior=0.4 \(before: 0.5\), seed=1"),
}


@pytest.mark.filterwarnings("ignore::lightning_iit.run.run.TwoBitsWarning")
@pytest.mark.parametrize("option", OTHER)
def test_options_that_differ_from_the_checkpoint_are_said(tmp_path, option):
    saved, _ = saved_state(tmp_path)
    other, words = OTHER[option]
    with pytest.warns(UserWarning, match=words):
        records = resume(tmp_path / "run", saved, other, Mlp(), flat_data(), epochs=3)
    assert records[-1].epoch == 2


def test_options_that_change_no_number_are_not_said(tmp_path):
    saved, _ = saved_state(tmp_path)
    resume(tmp_path / "run", saved, {"units": "auto", "workers": 2, "pictures": False}, Mlp(), flat_data(), epochs=3)


def resume_with(folder, state, **options):
    callback = IITCallback("net.1", **({"units": 2, "groups": 1, "states": "mode", "null_model": None, "table": False} | options))
    callback.load_state_dict(state)
    trainer(folder, callback, epochs=2).fit(Mlp(), flat_data())
    return callback.records


def broken(state, *path):
    """A copy of the state with the part at the path spoilt."""
    state = json.loads(json.dumps(state))
    part = state
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = "spoilt"
    return state


PARTS = {
    "an open analysis": (("run", "open", 0), "open analysis 0 of the resumed run cannot be read and is left out"),
    "a window": (("run", "windows", Watched("net.1").text), "the window of 'net.1' of the resumed run cannot be read"),
    "units that vary": (("run", "varying", "net.1"), "the choice of units of 'net.1' of the resumed run cannot be read"),
    "what is settled": (("run", "settled"), "what is settled of the resumed run cannot be read"),
    "units": (("watch", "layers", "net.1", "units"), "layer 'net.1': its units and thresholds .* chosen anew"),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_cannot_be_read_costs_that_part_alone(tmp_path, part):
    _, state = saved_state(tmp_path, window=2)
    state["run"]["open"] = [["", ""]] if part == "an open analysis" else []
    path, words = PARTS[part]
    with pytest.warns(UserWarning, match=words):
        records = resume_with(tmp_path / "run", broken(state, *path), window=2)
    assert all(isinstance(record.result, Computed) for record in records)
    if part != "what is settled":
        assert {-1, 0, 1} <= {record.epoch for record in records}


@pytest.mark.parametrize("state", [["a list"], "text", {"run": 3}, {"run": {"open": {}}}, {"watch": {"layers": []}}, {"folder": 3}])
def test_a_state_that_is_none_is_a_clear_error(state):
    with pytest.raises(InvalidArgumentError, match=r"load_state_dict\(.*(a dict|expected)"):
        IITCallback("net.1").load_state_dict(state)


@pytest.mark.parametrize("here", [True, False])
def test_open_older_epochs_go_before_settled_younger_ones(tmp_path, here):
    """TensorBoard drops what stands after a step that goes back."""
    written = []

    class InOrder(Tracker):
        in_order = True

        def log(self, record, images):
            written.append((record.epoch, "tpm" in images))

    options = RunOptions(null_model=None)
    first, opened, younger = train(tmp_path, epochs=3, initial=False, pictures=True).records
    task = phi_task(options, opened, (opened.states[0].state,), dynamics=None)
    journal = Journal([InOrder()])
    run = Run(options, InlinePool(), journal)
    run.take_up(EarlierPart(records=(younger, first), open=((task, opened),), folder=tmp_path / "iit/0", here=here))
    journal.close(10.0)
    assert written == [(0, True), (1, True), (2, True)][1 if here else 0 :]
    assert [record.phi for record in run.analyses.records] == [first.phi, opened.phi, younger.phi]


def test_a_judgement_that_does_not_end_leaves_the_phi_as_it_was(tmp_path):
    done = train(tmp_path, epochs=1, initial=False).records[0]
    options = RunOptions(null_model=None)
    task = phi_task(options, done, (done.states[0].state,), dynamics=None)
    journal, pool = Journal([FilesTracker(tmp_path / "again")]), WorkerPool()
    run = Run(options, pool, journal)
    run.take_up(EarlierPart(records=(done,), open=((task, done),)))
    assert not run.drain(0.0)
    pool.close()
    assert journal.close(10.0) == ()
    assert run.analyses.records == Records([done])
    assert load_run(tmp_path / "again") == Records([done])


@pytest.mark.parametrize("layer", ["a", "a 1", "a steps", '["a", 0, false]', "\udcff"])
def test_what_a_checkpoint_names_is_read_again(layer):
    every = [Watched(layer, group, within) for group in (0, 1) for within in (False, True)]
    assert [Watched.of_text(one.text, ()) for one in every] == every


def test_keys_of_older_checkpoints_are_read():
    layers = ["a", "b 1", "c steps"]
    read = [Watched.of_text(text, layers) for text in ("a", "a 2", "a 2 steps", "a steps", "b 1", "c steps")]
    within = [Watched("a", 2, within=True), Watched("a", within=True)]
    assert read == [Watched("a"), Watched("a", 2), *within, Watched("b 1"), Watched("c steps")]
