"""The survey of a layer, which is the default: several groups of its units, each counted, set, analysed and kept by itself."""

from __future__ import annotations

import json
import shutil
import threading
from itertools import combinations, pairwise, product
from math import comb
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from models import Gru, Mlp, flat_data, sequence_data
from msgspec.structs import replace
from torch import nn
from training import assert_same, train, trainer

from lightning_iit import IITCallback, analyse, load_run
from lightning_iit.capture.perturb.job import PerturbJob
from lightning_iit.cli import main
from lightning_iit.phi.compute import compute_phi
from lightning_iit.records import Computed, EpochRecord, Skipped, SurveyGroup, System, TimedOut, decode, encode
from lightning_iit.records.names import record_name
from lightning_iit.run.resume import earlier_part
from lightning_iit.run.run import FewTransitionsWarning

DEFAULT = {"units": 4, "groups": "auto", "states": "auto", "null_model": "auto", "pictures": False}
GRU = {**DEFAULT, "layers": "net.gru"}
EVERY_STATE = set(product((0, 1), repeat=4))


class Lstm(Gru):
    """An LSTM in the place of the GRU."""

    def __init__(self, hidden: int = 16) -> None:
        super().__init__(hidden)
        self.net["gru"] = nn.LSTM(8, hidden, batch_first=True)


def phi_of(group: SurveyGroup, state: tuple[int, ...]) -> float | None:
    """Φ of a group in a state from its counts, by the public function; None where the state is unreachable."""
    visits = np.array(group.counts.visits)[:, None]
    tpm = np.where(visits > 0, np.array(group.counts.on) / np.maximum(visits, 1), 0.5)
    return compute_phi(System(tpm=tpm, state=state, cm=group.cm)).phi


def mean_of(group: SurveyGroup) -> float:
    """The mean Φ of the states of a group, weighted by visits."""
    known = [(phi, weight) for phi, weight in zip(group.phis, group.visits, strict=True) if phi is not None and weight]
    return sum(phi * weight for phi, weight in known) / sum(weight for _, weight in known)


def check(record: EpochRecord, groups: int = 20) -> None:
    """What every record of a survey must have."""
    assert isinstance(record.result, Computed) or record.result.code == "state_unreachable", record.result
    survey = record.survey
    assert len({group.units.indices for group in survey.groups}) == len(survey.groups) == groups
    first = survey.groups[0]
    assert first.units == record.units
    assert (first.counts.visits, first.counts.on) == (record.counts.visits, record.counts.on)
    assert first.phis[first.states.index(record.states[0].state)] == record.phi
    assert [state.result.phi for state in record.states] == list(first.phis[: len(record.states)])
    assert all(set(group.states) == EVERY_STATE and not group.reason for group in survey.groups if len(group.states) > 1)
    assert survey.phi == pytest.approx(np.mean([mean_of(group) for group in survey.groups]), abs=1e-9)
    assert record.scalars["groups"] == groups
    assert record.scalars["phi_groups_max"] == pytest.approx(max(mean_of(group) for group in survey.groups))


def check_phis(record: EpochRecord, groups: tuple[int, ...]) -> None:
    """Some groups of a record have the Φ that the public function computes from their counts."""
    for group in (record.survey.groups[number] for number in groups):
        again = [phi_of(group, state) for state in group.states]
        assert [phi is None for phi in again] == [phi is None for phi in group.phis]
        assert [phi for phi in group.phis if phi is not None] == pytest.approx([phi for phi in again if phi is not None], abs=1e-6)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A run of an MLP with the default options: its folder and its callback."""
    folder = tmp_path_factory.mktemp("watched")
    return folder, train(folder, epochs=2, data=flat_data(1000), **DEFAULT)


@pytest.fixture(scope="module")
def perturbed(tmp_path_factory):
    """A run of a GRU with the default options: its folder and its callback."""
    folder = tmp_path_factory.mktemp("perturbed")
    return folder, train(folder, model=seeded(Gru), data=sequence_data(200), **GRU)


# --- what a survey says -----------------------------------------------------------------------------------------------


def test_watched_layer(watched):
    folder, callback = watched
    assert [record.epoch for record in callback.records] == [-1, 0, 1]
    for record in callback.records:
        check(record)
        assert record.kind == "statistical"
        assert record.null is None or record.null.name == "cut"
        assert {sum(group.counts.visits) for group in record.survey.groups} == {record.counts.transitions}
        assert record.survey.interval_words == "interval not computed"
        assert record.survey.groups[1].counts.joint == ()
    check_phis(callback.records[-1], (0, 1, 19))
    assert callback.records[-1].null.name == "cut", "the last Φ always has its null"
    assert load_run(folder) == callback.records


def test_counts_of_further_groups_by_a_plain_loop(tmp_path):
    """With weights that stay as they are, the hidden values of each epoch are those of the model at the end."""

    class Still(Mlp):
        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.0)

    model, data = Still(), flat_data(300)
    (record,) = train(tmp_path, model=model, data=data, epochs=1, initial=False, threshold="zero", **DEFAULT).records
    with torch.no_grad():
        on = (model.net[:2](data.dataset.tensors[0]) > 0).numpy()
    for group in record.survey.groups:
        codes = [sum(int(bit) << place for place, bit in enumerate(row)) for row in on[:, list(group.units.indices)]]
        visits, next_on = np.zeros(16, dtype=int), np.zeros((16, 4), dtype=int)
        for now, then in pairwise(codes):
            visits[now] += 1
            next_on[now] += [then >> place & 1 for place in range(4)]
        assert group.counts.visits == tuple(visits)
        assert np.array_equal(group.counts.on, next_on)
        expected = [
            sum(code == sum(bit << place for place, bit in enumerate(state)) for code in codes[:-1]) for state in group.states
        ]
        assert list(group.visits) == expected


def test_perturbed_layer(perturbed):
    _, callback = perturbed
    assert [record.epoch for record in callback.records] == [-1, 0, 1, 2]
    for record in callback.records:
        check(record)
        assert record.kind == "causal"
        assert record.null is None
        assert record.perturbation.sequences == 200
        for group in record.survey.groups:
            assert group.counts.visits == (200 * 8,) * 16, "each step of each sequence but the first"
            assert sum(group.visits) == 200 * 8
    check_phis(callback.records[-1], (0, 1, 19))
    for record in (callback.records[0], callback.records[-1]):
        survey = record.survey
        assert len(survey.resampled) == 200
        assert survey.se == pytest.approx(np.std(survey.resampled, ddof=1))
        assert survey.low <= np.median(survey.resampled) <= survey.high
        assert record.interval.low <= record.interval.high
        assert "whole sequences" in survey.interval_words


def test_every_epoch_surveys_the_same_groups(watched, perturbed):
    for _, callback in (watched, perturbed):
        assert len({tuple(group.units.indices for group in record.survey.groups) for record in callback.records}) == 1


def test_the_seed_fixes_the_survey(tmp_path, perturbed):
    again = train(tmp_path, model=seeded(Gru), data=sequence_data(200), **GRU)
    for one, other in zip(again.records, perturbed[1].records, strict=True):
        assert [group.phis for group in one.survey.groups] == [group.phis for group in other.survey.groups]
    ends = slice(None, None, 3)  # the untrained network and the last epoch always have resamples
    assert [record.survey for record in again.records[ends]] == [record.survey for record in perturbed[1].records[ends]]
    other = train(tmp_path / "other", model=Gru(), data=sequence_data(200), **GRU, seed=1, initial=False, epochs=1)
    assert other.records[0].survey.groups[1].units != again.records[0].survey.groups[1].units


def test_one_group_in_all_states(tmp_path):
    callback = train(tmp_path, model=Gru(), data=sequence_data(100), epochs=1, **(GRU | {"groups": 1}))
    for record in callback.records:
        check(record, groups=1)
        assert record.survey.phi == pytest.approx(mean_of(record.survey.groups[0]))
    (last,) = train(tmp_path / "mode", epochs=1, initial=False).records
    assert last.survey.phi == last.phi, "one group in one state"


@pytest.mark.parametrize(("units", "groups"), [(4, 5), (3, comb(5, 3)), (6, 1), ([0, 2], 1)])
def test_fewer_groups_in_a_narrow_layer(tmp_path, units, groups):
    options = GRU | {"units": units, "states": "mode"}
    (record,) = train(tmp_path, model=Gru(6 if units == 6 else 5), data=sequence_data(), epochs=1, initial=False, **options).records
    found = [group.units.indices for group in record.survey.groups]
    assert len(found) == groups
    if groups > 1:
        assert set(found) == set(combinations(range(5), len(found[0])))


def test_a_fixed_background_has_groups_too(tmp_path):
    callback = train(tmp_path, model=Gru(), data=sequence_data(), epochs=1, background="fixed", **(GRU | {"groups": 3}))
    for record in callback.records:
        assert (record.perturbation.background, record.perturbation.draws) == ("fixed", 1)
        assert len(record.survey.groups) == 3
        assert all(group.counts is not None or group.reason for group in record.survey.groups)
        assert record.survey.interval_words in {"interval not computed", "No group has a Φ."}


def test_surveys_within_an_epoch_and_of_a_probe(tmp_path):
    within = train(
        tmp_path / "steps", model=Gru(), data=sequence_data(), epochs=1, every_n_steps=2, **(GRU | {"groups": 4})
    ).records
    assert {record.step for record in within} == {None, 2, 4}
    assert all(len(record.survey.groups) == 4 and record.survey.phi is not None for record in within)
    probe = list(sequence_data(seed=1))
    probed = train(tmp_path / "probe", model=Gru(), data=sequence_data(), epochs=1, probe=probe, **(GRU | {"groups": 4})).records
    assert [record.epoch for record in probed] == [-1, 0]
    assert all(len(record.survey.groups) == 4 and record.survey.phi is not None for record in probed)


@pytest.mark.parametrize("run", ["watched", "perturbed"])
def test_verify_computes_some_groups_again(tmp_path, request, run, capsys):
    folder, _ = request.getfixturevalue(run)
    records = load_run(folder)
    assert main(["verify", str(folder), "--engine", "fast", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["analyses"] == sum(len(record.states) + 5 for record in records if record.phi is not None)
    (place,) = folder.rglob("epoch=0001.json")
    record = decode(place.read_bytes())
    groups = tuple(replace(group, phis=tuple(phi and phi + 1e-3 for phi in group.phis)) for group in record.survey.groups)
    copy = shutil.copytree(folder, tmp_path / "changed")
    (copy / place.relative_to(folder)).write_bytes(encode(replace(record, survey=replace(record.survey, groups=groups))))
    assert main(["verify", str(copy), "--engine", "fast", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    wrong = [one for one in found["comparisons"] if one["differences"]]
    assert {one["epoch"] for one in wrong} == {1}
    assert all("again" in one["differences"][0] for one in wrong)
    assert len(wrong) >= 1


# --- going on ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["net.1", "net.gru"])
def test_a_resumed_run_keeps_its_groups(tmp_path, layer):
    model, data = (Mlp, flat_data) if layer == "net.1" else (Gru, sequence_data)
    options = DEFAULT | {"layers": layer, "groups": 3, "window": 2, "seed": 4, "null_model": None, "extra_budget": 0.0}
    whole = train(tmp_path / "whole", model=seeded(model), data=data(), epochs=4, **options).records
    saved = ModelCheckpoint(tmp_path / "saved", save_last=True)
    train(tmp_path / "half", saved, model=seeded(model), data=data(), epochs=2, enable_checkpointing=True, **options)
    callback = IITCallback(table=False, **options)
    with pytest.warns(UserWarning, match="ckpt_path"):
        trainer(tmp_path / "rest", callback, epochs=4).fit(model(), data(), ckpt_path=saved.last_model_path)
    groups = {tuple(group.units.indices for group in record.survey.groups) for record in (*callback.records, *whole)}
    assert len(groups) == 1
    assert [record.survey.phi for record in callback.records] == [record.survey.phi for record in whole]
    assert_same(callback.records[-1:], whole[-1:])


def seeded(model: type[LightningModule]) -> LightningModule:
    seed_everything(2, verbose=False)
    return model()


# --- faults -----------------------------------------------------------------------------------------------------------


def test_a_broken_step_leaves_the_layer_without_a_phi_and_training_goes_on(tmp_path):
    def step(module, inputs, state):
        raise ValueError("no step today")

    callback = train(tmp_path, model=Gru(), data=sequence_data(), epochs=2, step=step, **GRU)
    assert [record.epoch for record in callback.records] == [-1, 0, 1]
    for record in callback.records:
        assert isinstance(record.result, Skipped)
        assert record.result.code == "step_failed"
        assert "no step today" in record.result.reason


def test_a_group_with_a_unit_that_was_never_finite_costs_no_other_group_its_phi(tmp_path):
    class Spoilt(Mlp):
        """Unit 7 is NaN in the activations that are watched, from the second epoch on, when the groups are known."""

        def __init__(self):
            super().__init__()
            self.shown = nn.Identity()

        def forward(self, x):
            hidden = self.net[:2](x)
            spoilt = hidden.detach().clone()[:, :8] - 0.1
            spoilt[:, 7] += torch.nan if self.current_epoch else 0.0
            self.shown(spoilt)
            return self.net[2:](hidden)

    options = DEFAULT | {"layers": "shown", "units": 2}
    before, after = train(tmp_path, model=Spoilt(), data=flat_data(300), epochs=2, initial=False, **options).records
    assert all(group.phi is not None for group in before.survey.groups)
    survey = after.survey
    assert len(survey.groups) == 20
    broken = [group for group in survey.groups if 7 in group.units.indices]
    assert broken
    assert all(group.phi is None and "NaN" in group.reason for group in broken)
    assert all(group.phi is not None for group in survey.groups if group not in broken)
    assert survey.phi == pytest.approx(np.mean([mean_of(group) for group in survey.groups if group not in broken]))


class Open(Callback):
    """Notes how many perturbations are open when an epoch starts; ends the training in one of them by an error."""

    def __init__(self, callback=None, error_in=None, error=KeyboardInterrupt):
        self.most, self.error_in, self.error = 0, error_in, error

    def on_train_epoch_start(self, trainer, pl_module):
        (callback,) = [one for one in trainer.callbacks if isinstance(one, IITCallback)]
        work = callback._run._work
        self.most = max(self.most, sum(not future.done() for future in work._perturbations._open))
        if trainer.current_epoch == self.error_in:
            raise self.error


def wide() -> dict:
    """A GRU whose perturbation takes longer than an epoch of its training."""
    return {"model": Gru(192), "data": sequence_data(64, batch=64), **GRU, "draws": 400, "extra_budget": 0.0}


def test_epochs_that_are_faster_than_the_perturbation(tmp_path):
    opened = Open()
    callback = train(tmp_path, opened, epochs=7, **wide())
    assert opened.most >= 1
    assert [record.epoch for record in callback.records] == list(range(-1, 7))
    for record in callback.records:
        check(record)


class Held(Callback):
    """Holds the perturbation of the first epoch until a checkpoint's state was taken in the second one."""

    def __init__(self, monkeypatch):
        self.go_on, run = threading.Event(), PerturbJob.run
        self.go_on.set()

        def held(job, groups):
            assert self.go_on.wait(60)
            return run(job, groups)

        monkeypatch.setattr(PerturbJob, "run", held)

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 0:
            self.go_on.clear()
        if trainer.current_epoch == 1:
            (callback,) = [one for one in trainer.callbacks if isinstance(one, IITCallback)]
            self.state = json.loads(json.dumps(callback.state_dict()))
            assert not self.go_on.is_set(), "the checkpoint did not wait for the perturbation"
            self.go_on.set()


class Blocked(Callback):
    """Holds all perturbations until the last epoch starts."""

    def __init__(self, monkeypatch):
        self.go_on, run = threading.Event(), PerturbJob.run

        def held(job, groups):
            assert self.go_on.wait(60)
            return run(job, groups)

        monkeypatch.setattr(PerturbJob, "run", held)

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == trainer.max_epochs - 1:
            self.go_on.set()


@pytest.mark.parametrize(("limit", "number", "left_out"), [("_MOST_PERTURBING", 4, [4, 5]), ("_MOST_BYTES", 0, [2, 3, 4, 5])])
def test_training_does_not_wait_for_perturbations_that_are_behind(tmp_path, monkeypatch, limit, number, left_out):
    monkeypatch.setattr(f"lightning_iit.run.perturbations.{limit}", number)
    options = {"model": Gru(), "data": sequence_data(), "initial": False, **GRU, "groups": 2}
    callback = train(tmp_path, Blocked(monkeypatch), epochs=7, **options)
    assert [record.epoch for record in callback.records] == list(range(7))
    behind = [record for record in callback.records if isinstance(record.result, Skipped)]
    assert [record.epoch for record in behind] == left_out, "the last epoch never is"
    for record in behind:
        assert record.result.code == "perturbation_behind"
        assert f"perturbations of {left_out[0]} earlier epochs" in record.result.reason
        assert "when_busy='wait'" in record.result.reason
        assert record.kind == "observational"
        assert record.counts.transitions, "what was watched is kept"
    for record in callback.records:
        if record not in behind:
            check(record, groups=2)


def test_a_checkpoint_does_not_wait_for_a_perturbation_and_loses_no_record(tmp_path, monkeypatch):
    held = Held(monkeypatch)
    whole = train(tmp_path, held, epochs=2, model=Gru(), data=sequence_data(), initial=False, **GRU)
    assert [one[1:] for one in held.state["run"]["perturbing"]] == [["net.gru", 0]]
    assert held.state["run"]["settled"] is None
    part = earlier_part(held.state, Path(held.state["folder"]))
    assert [record.epoch for record in part.records] == [0]
    assert part.records[0] == whole.records[0]


def test_an_epoch_that_was_lost_while_it_was_perturbed_is_said(tmp_path, monkeypatch):
    held = Held(monkeypatch)
    train(tmp_path, held, epochs=2, model=Gru(), data=sequence_data(), initial=False, **GRU)
    folder = Path(held.state["folder"])
    (folder / record_name("net.gru", 0)).unlink()
    with pytest.warns(UserWarning, match="1 epochs were being perturbed when the checkpoint was written"):
        assert earlier_part(held.state, folder).records == ()


@pytest.mark.filterwarnings("ignore:drain_timeout=20")  # a machine under load
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_error_while_a_perturbation_is_open_costs_no_record(tmp_path, error):
    with pytest.raises((SystemExit, KeyboardInterrupt, RuntimeError)):
        train(tmp_path, Open(error_in=2, error=error), epochs=3, **wide())
    records = load_run(tmp_path)
    assert [record.epoch for record in records] == [-1, 0, 1]
    assert all(record.counts.visits == (400,) * 16 for record in records)
    left = [record for record in records if not isinstance(record.result, (Computed, TimedOut))]
    assert all(record.result.code in {"interrupted", "drain_timeout"} for record in left)
    assert all(record.task.resampled == () and len(record.task.survey) == 20 for record in left)


def test_settling_a_run_that_was_interrupted_computes_its_surveys(tmp_path):
    with pytest.raises((SystemExit, KeyboardInterrupt)):
        train(tmp_path, Open(error_in=1), epochs=2, model=Gru(), data=sequence_data(), **GRU)
    before = {record.epoch: record for record in load_run(tmp_path)}
    assert set(before) == {-1, 0}
    left = [epoch for epoch, record in before.items() if record.phi is None]
    assert left
    assert main(["verify", str(tmp_path), "--settle"]) == 0
    for record in load_run(tmp_path):
        check(record)
    for record in (record for record in load_run(tmp_path) if record.epoch in left):
        assert record.survey.interval_words == "interval not computed"
        check_phis(record, (1,))


def test_what_was_not_perturbed_in_time_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("lightning_iit.run.computation._LAST_PERTURBING", 0.0)
    with pytest.warns(UserWarning, match="drain_timeout=0"):
        train(tmp_path, epochs=3, drain_timeout=0, **(wide() | {"draws": None, "data": sequence_data(512, batch=512)}))
    records = load_run(tmp_path)
    assert [record.epoch for record in records] == [-1, 0, 1, 2], "every epoch has a record"
    missing = [record for record in records if record.result.reason.startswith("The layer was not yet perturbed")]
    assert missing


# --- training stays as it is ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Mlp, Gru, Lstm])
def test_training_is_the_same_to_the_bit(tmp_path, model):
    weights = []
    for callbacks in ([], [IITCallback(table=False)]):
        seed_everything(7, verbose=False)
        module = model()
        data = flat_data(shuffle=True) if model is Mlp else sequence_data(shuffle=True)
        trainer(tmp_path, *(callbacks or [Callback()]), epochs=3).fit(module, data)
        weights.append((module.state_dict(), torch.get_rng_state()))
        assert all(record.survey.phi is not None for callback in callbacks for record in callback.records)
    (plain, randomness), (surveyed, randomness_after) = weights
    assert all(torch.equal(surveyed[name], plain[name]) for name in plain)
    assert torch.equal(randomness, randomness_after)


@pytest.mark.parametrize("weights", ["none", "diagonal", "two blocks"])
def test_a_real_layer_that_is_reducible_has_phi_0_in_every_resample(weights):
    torch.manual_seed(3)
    layer = nn.GRU(8, 8, batch_first=True)
    mask = {"none": torch.zeros(8, 8), "diagonal": torch.eye(8), "two blocks": torch.block_diag(torch.ones(4, 4), torch.ones(4, 4))}
    with torch.no_grad():
        layer.weight_hh_l0 *= mask[weights].repeat(3, 1)
    (record,) = analyse(
        nn.Sequential(layer), [torch.randn(40, 9, 8)], units=[1, 2, 5, 6], groups=1, states="all", null_model="auto"
    )
    found = record.survey
    assert (found.phi, found.se, found.low, found.high, found.positive) == (0.0, 0.0, 0.0, 0.0, 0.0)
    assert {phi for group in found.groups for phi in group.phis} <= {0.0, None}
    assert record.null is None
    assert "coin flips" not in " ".join((*record.notes, repr(record), record.result.reason or ""))


def test_few_backgrounds_are_no_few_transitions(tmp_path, recwarn):
    record = train(tmp_path, model=Gru(), data=sequence_data(10), epochs=1, **GRU).records[-1]
    assert record.counts.transitions < 16 * 100
    assert record.kind == "causal"
    assert not [one for one in recwarn if one.category is FewTransitionsWarning]
