"""Perturbations with the weights and data of one moment, done in another thread or elsewhere, and the sequences behind them."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from models import Gru, sequence_data
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from training import train

from lightning_iit.capture.options import CaptureOptions
from lightning_iit.capture.perturb import job as jobs
from lightning_iit.capture.perturb.options import PerturbOptions
from lightning_iit.capture.perturb.reservoir import Reservoir
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.capture.perturb.tpm import observe
from lightning_iit.records import Skipped
from lightning_iit.tpm.sequences import resampled_tpms
from lightning_iit.watch.watch import Watch

if TYPE_CHECKING:
    from lightning_iit.capture.count.epoch import LayerEpoch


class Looped(nn.Module):
    """A cell that is called in a loop, with or without a first state."""

    def __init__(self, cell: nn.Module, *, first: bool = False) -> None:
        super().__init__()
        self.cell = cell
        self.first = first

    def forward(self, inputs: Tensor) -> None:
        state = inputs.new_full((len(inputs), 6), 0.1) if self.first else None
        if self.first and isinstance(self.cell, nn.LSTMCell):
            state = state, state
        for now in inputs.unbind(1):
            state = self.cell(now, state)


LAYERS: dict[str, Any] = {
    "gru": lambda: nn.GRU(3, 6, batch_first=True),
    "stacked": lambda: nn.LSTM(3, 6, num_layers=2, bidirectional=True, batch_first=True),
    "rnn": lambda: nn.RNN(3, 6, batch_first=True),
    "gru cell": lambda: Looped(nn.GRUCell(3, 6)),
    "lstm cell": lambda: Looped(nn.LSTMCell(3, 6)),
}


def watched(layer: nn.Module, capture: dict[str, Any] | None = None, **options: Any) -> tuple[Watch, LayerEpoch]:
    """An epoch of ten steps of 6 sequences of 7 times, and what was captured."""
    name = "0.cell" if isinstance(layer, Looped) else "0"
    chosen = CaptureOptions(layers=name, units=2, groups=3, seed=1, **(capture or {}))
    model = nn.Sequential(layer)
    watch = Watch(model, chosen, PerturbOptions(**options))
    watch.attach(model)
    watch.begin_epoch(10)
    for step in range(10):
        watch.begin_step()
        model(torch.randn(6, 7, 3, generator=torch.Generator().manual_seed(step)))
        watch.end_step(step)
    (captured,) = watch.end_epoch()
    return watch, captured


def spoilt(layer: nn.Module) -> None:
    """What training does to the weights in the meantime."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("elsewhere", ["thread", "pickle"])
def test_a_job_gives_the_same_to_the_bit_while_training_goes_on(name: str, elsewhere: str) -> None:
    torch.manual_seed(2)
    layer = LAYERS[name]()
    watch, captured = watched(layer, cm="weights")
    groups = [captured, *captured.groups]
    assert len(groups) == 3
    observed = [watch.perturber.observed(group) for group in groups]
    here = [watch.perturber.perturb(group, None) for group in observed]
    job = watch.perturber.job(captured.layer)
    randomness = torch.get_rng_state()
    copy = pickle.loads(pickle.dumps(job))
    spoilt(layer)
    watch.begin_epoch(10)
    torch.set_rng_state(randomness)
    if elsewhere == "thread":
        job._observations.clear()
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(job.run, groups).result()
    else:
        found = copy.run(groups)
    assert torch.equal(torch.get_rng_state(), randomness), "the random state is the training's own"
    assert [one.causal for one in found] == here
    assert [one.captured for one in found] == observed
    assert all(not isinstance(causal, Skipped) for causal in here)
    for one, (counts, how) in zip(found, here, strict=True):
        bits = np.unpackbits(one.bits.packed, axis=-1, count=how.draws)
        assert bits.sum(axis=-1).tolist() == [list(row) for row in counts.on]
        assert len(np.unique(one.bits.sequences)) == how.sequences == 60


def test_the_weights_are_those_of_the_moment_in_which_the_job_was_made() -> None:
    torch.manual_seed(2)
    layer = LAYERS["gru"]()
    watch, captured = watched(layer)
    before = watch.perturber.job(captured.layer)
    (expected,) = before.run([captured])
    spoilt(layer)
    nn.Sequential(layer)(torch.randn(2, 3, 3))  # outside of a step: not a call of the training
    assert watch.perturber.job(captured.layer) is before
    assert before.run([captured])[0].causal == expected.causal
    watch.begin_step()
    layer(torch.randn(2, 3, 3))
    watch.end_step(10)
    after = watch.perturber.job(captured.layer)
    assert after.run([captured])[0].causal[0] != expected.causal[0]


def test_reading_the_weights_of_a_parametrization_leaves_no_trace() -> None:
    torch.manual_seed(2)
    layer = spectral_norm(LAYERS["gru"](), "weight_hh_l0")
    watch, captured = watched(layer)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    assert not isinstance(watch.perturber.perturb(watch.perturber.observed(captured), None), Skipped)
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
    assert layer.training


def test_a_job_without_observations_says_so() -> None:
    watch, captured = watched(LAYERS["gru"]())
    job = watch.perturber.job(captured.layer)
    empty = type(job)(**{one.name: getattr(job, one.name) for one in fields(job) if one.init} | {"calls": ()})
    (found,) = empty.run([captured])
    assert found.causal.code == "no_transitions"
    assert found.bits is None
    assert watch.perturber.job("another layer") is None


# --- sequences ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("kind", [nn.GRUCell, nn.LSTMCell, nn.RNNCell])
def test_the_rows_of_a_cell_know_the_sequence_that_they_come_from(kind: Any, first: bool) -> None:
    torch.manual_seed(2)
    reservoir = Reservoir()
    model = Looped(kind(3, 6), first=first)
    with reservoir.attach(model.cell), torch.no_grad():
        for step in range(4):
            inputs = torch.randn(5, 7, 3)
            inputs[..., 0] = step * 5 + torch.arange(5)[:, None]  # says which sequence a row comes from
            inputs[..., 1] = torch.arange(7)
            model(inputs)
            reservoir.end_step()
    observations = observe(model.cell, step_for(model.cell), reservoir.calls)
    _, numbers = observations.sequences.unique(return_inverse=True)
    assert numbers.tolist() == observations.inputs[:, 0].tolist()
    assert len(numbers) == 4 * 5 * (7 if first else 6)
    for sequence in range(20):
        times = observations.inputs[numbers == sequence, 1]
        assert (times.diff() == 1).all(), "in the order of time"


@pytest.mark.parametrize("step", [False, True])
def test_the_rows_of_a_layer_know_the_sequence_that_they_come_from(step: bool) -> None:
    torch.manual_seed(2)
    layer = nn.GRU(3, 6, batch_first=True)
    reservoir = Reservoir(with_output=True)
    with reservoir.attach(layer), torch.no_grad():
        for call, times in enumerate((7, 4, 7, 2, 7)):
            inputs = torch.randn(5, times, 3)
            inputs[..., 0] = call * 5 + torch.arange(5)[:, None]
            layer(inputs)
    stepper = step_for(layer, step=lambda module, state, now: module(now[:, None], state[None])[1][0] if step else None)
    known = step_for(layer)
    observations = observe(layer, stepper if step else known, reservoir.calls)
    _, numbers = observations.sequences.unique(return_inverse=True)
    assert numbers.tolist() == observations.inputs[:, 0].tolist()
    assert len(numbers) == 5 * (6 + 3 + 6 + 1 + 6)


def test_a_layer_that_is_called_time_by_time_goes_over_the_same_sequences() -> None:
    torch.manual_seed(2)
    layer = nn.GRU(3, 6, batch_first=True)
    reservoir = Reservoir()
    with reservoir.attach(layer), torch.no_grad():
        for _ in range(3):
            state = None
            for _ in range(5):
                _, state = layer(torch.randn(4, 1, 3), state)
            reservoir.end_step()
    observations = observe(layer, step_for(layer), reservoir.calls)
    assert observations.sequences.unique(return_counts=True)[1].tolist() == [4] * 12


def test_observations_that_are_drawn_keep_their_sequences() -> None:
    torch.manual_seed(2)
    layer = nn.GRU(3, 6, batch_first=True)
    reservoir = Reservoir()
    with reservoir.attach(layer), torch.no_grad():
        inputs = torch.randn(30, 9, 3)
        inputs[..., 0] = torch.arange(30)[:, None]
        layer(inputs)
    observations = observe(layer, step_for(layer), reservoir.calls, limit=100)
    assert len(observations.inputs) == 100
    ids = observations.sequences - observations.sequences.min()
    assert ids.tolist() == observations.inputs[:, 0].tolist()


def test_whole_sequences_of_a_perturbation_are_resampled() -> None:
    torch.manual_seed(2)
    layer = LAYERS["gru"]()
    watch, captured = watched(layer)
    (found,) = watch.perturber.job(captured.layer).run([captured])
    tables = resampled_tpms(found.bits.packed, found.bits.sequences, 300, seed=1)
    counts, how = found.causal
    shares = np.array(counts.on) / how.draws
    np.testing.assert_allclose(tables.mean(axis=0), shares, atol=0.02)
    assert tables.std(axis=0).max() < 0.1


# --- how many backgrounds ---------------------------------------------------------------------------------------------------


def test_every_observation_is_a_background_unless_fewer_are_asked_for(tmp_path: Any) -> None:
    options = {"model": Gru(), "data": sequence_data(), "layers": "net.gru", "units": 3, "epochs": 1, "initial": False}
    (all_of_them,) = train(tmp_path / "all", **options).records
    assert all_of_them.perturbation.draws == 60 * 8
    assert all_of_them.perturbation.sequences == 60
    assert all_of_them.counts.visits == (480,) * 8
    assert not any("backgrounds" in note for note in all_of_them.notes)
    (some,) = train(tmp_path / "some", draws=100, **options).records
    assert some.perturbation.draws == 100
    assert not any("backgrounds" in note for note in some.notes)
    (too_many,) = train(tmp_path / "too many", draws=5000, **options).records
    assert too_many.perturbation.draws == 480
    assert any("5,000 backgrounds were asked for (draws); 480 were observed" in note for note in too_many.notes)


def test_more_calls_are_kept_where_more_backgrounds_are_asked_for() -> None:
    def kept(**options: Any) -> int:
        layer = nn.GRU(3, 6, batch_first=True)
        watch = Watch(nn.Sequential(layer), CaptureOptions(layers="0", units=2), PerturbOptions(**options))
        watch.attach(nn.Sequential(layer))
        watch.begin_epoch(30)
        for step in range(30):
            watch.begin_step()
            layer(torch.randn(100, 11, 3))
            watch.end_step(step)
        return 1000 * len(watch.perturber.job("0").calls)

    assert kept() == 9000, "the fewest calls with 8,192 observations"
    assert kept(draws=20) == 9000
    assert kept(draws=20_000) == 20_000


def test_the_number_of_backgrounds_is_limited_by_work_that_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(2)
    watch, captured = watched(LAYERS["gru"]())
    monkeypatch.setattr("lightning_iit.capture.perturb.backgrounds.LEAST_BACKGROUNDS", 10)
    # 6 units wide, and 2 units are read in each of 4 states.
    monkeypatch.setattr("lightning_iit.capture.perturb.backgrounds.MOST_WORK", 50 * (6 + 2 * 4))
    limited = watch.perturber.observed(captured)
    counts, how = watch.perturber.perturb(limited, None)
    assert counts.visits == (50,) * 4
    assert how.draws == 50
    assert any("Of 360 observed backgrounds 50 are used" in note for note in limited.notes)
    monkeypatch.setattr(jobs, "MOST_OBSERVATIONS", 10)
    asked, captured = watched(LAYERS["gru"](), draws=70)
    assert asked.perturber.perturb(asked.perturber.observed(captured), None)[0].visits == (70,) * 4
