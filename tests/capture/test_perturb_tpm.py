"""What a perturbation sets, from which backgrounds it steps, and that it leaves no trace in the training."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

import gates
import numpy as np
import pytest
import torch
from models import perturbed_tpm, single_units
from torch import Tensor, nn

from lightning_iit.capture.perturb.connectivity import weight_connectivity
from lightning_iit.capture.perturb.reservoir import Reservoir
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.capture.perturb.tpm import PerturbedTpm, observe, observed_thresholds
from lightning_iit.errors import StepError
from lightning_iit.records import Skipped, Thresholds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.capture.perturb.stepper import Observations


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(7)


def given(values: Sequence[float]) -> Thresholds:
    """Thresholds of a test's own."""
    return Thresholds(values=tuple(values), strategy="given", frozen=True)


def perturb(layer: nn.Module, inputs: Tensor, units: list[int], thresholds: Any = 0.0, **options: Any) -> Any:
    """One call of a layer is observed, then some of its units are perturbed."""
    where = {name: options.pop(name) for name in ("level", "direction", "step") if name in options}
    reservoir = Reservoir(with_output=True)
    with reservoir.attach(layer):
        layer(inputs)
    stepper = step_for(layer, **where)
    assert stepper is not None
    limits = given(thresholds if isinstance(thresholds, list) else [thresholds] * len(units))
    return perturbed_tpm(layer, stepper, single_units(units), limits, observe(layer, stepper, reservoir.calls), **options)


def by_hand(layer: nn.GRU, observations: Observations, units: list[int], draws: int) -> np.ndarray:
    """The definition, in loops, with a forward pass of the layer itself."""
    hidden = observations.state[0]
    assert len(hidden) == draws
    table = np.zeros((2 ** len(units), len(units)))
    for row in range(len(table)):
        for state, now in zip(hidden, observations.inputs, strict=True):
            changed = state.clone()
            for place, unit in enumerate(units):
                values = hidden[:, unit]
                wanted = values > 0 if row >> place & 1 else values <= 0
                changed[unit] = values[wanted].mean()
            with torch.no_grad():
                after = layer(now[None, None], changed[None, None])[0][0, 0]
            table[row] += (after[units] > 0).numpy() / draws
    return table


def test_a_perturbed_tpm_is_what_its_definition_says() -> None:
    layer = nn.GRU(3, 8, batch_first=True)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(3)
    inputs = torch.randn(8, 9, 3)
    found = perturb(layer, inputs, [6, 1, 3])
    reservoir = Reservoir()
    with reservoir.attach(layer):
        layer(inputs)
    observations = observe(layer, step_for(layer), reservoir.calls)
    assert found.draws == 64
    np.testing.assert_allclose(found.state_by_node, by_hand(layer, observations, [6, 1, 3], 64), atol=1e-12)
    assert len(np.unique(found.state_by_node)) > 5


def test_its_counts_cover_every_state_with_the_same_number_of_draws() -> None:
    found = perturb(nn.GRU(3, 8, batch_first=True), torch.randn(64, 9, 3), [0, 1, 2], draws=50)
    assert found.counts.visits == (50,) * 8
    table = np.zeros((8, 8), dtype=int)
    for before, after, times in found.counts.joint:
        table[before, after] = times
    bits = np.arange(8)[:, None] >> np.arange(3) & 1
    assert (table @ bits).tolist() == [list(row) for row in found.counts.on]
    assert sum(found.observed) == 64 * 8


def test_where_fewer_backgrounds_were_observed_all_are_taken() -> None:
    assert perturb(nn.GRU(3, 8, batch_first=True), torch.randn(5, 3, 3), [0, 1], draws=128).draws == 10


def test_the_draws_are_seeded_and_differ_from_seed_to_seed() -> None:
    layer, inputs = nn.GRU(3, 8, batch_first=True), 3 * torch.randn(64, 9, 3)
    tables = [perturb(layer, inputs, [0, 1], draws=30, seed=seed).counts for seed in (0, 0, 1)]
    assert tables[0] == tables[1] != tables[2]


def test_many_states_are_stepped_in_pieces_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, inputs = nn.GRU(3, 8, batch_first=True), torch.randn(64, 9, 3)
    whole = perturb(layer, inputs, [0, 1, 2, 3])
    monkeypatch.setattr("lightning_iit.capture.perturb.split.MOST_VALUES", 3000)
    monkeypatch.setattr("lightning_iit.capture.perturb.stepped.ROWS_AT_ONCE", 200)
    assert perturb(layer, inputs, [0, 1, 2, 3]).counts == whole.counts


# --- background ---------------------------------------------------------------------------------------------------------


def test_a_fixed_background_is_the_last_observation_of_the_state() -> None:
    layer, inputs = nn.GRU(3, 6, batch_first=True), torch.randn(32, 9, 3)
    found = perturb(layer, inputs, [0, 1], background="fixed", at=(1, 0))
    assert found.draws == 1
    assert set(np.unique(found.state_by_node)) <= {0.0, 1.0}
    reservoir = Reservoir()
    with reservoir.attach(layer):
        layer(inputs)
    seen = observe(layer, step_for(layer), reservoir.calls)
    assert seen is not None
    on = seen.state[0][:, :2] > 0
    last = int((on[:, 0] & ~on[:, 1]).nonzero()[-1])
    hidden = seen.state[0][last].clone()
    for unit in (0, 1):
        hidden[unit] = seen.state[0][:, unit][on[:, unit]].mean()
    with torch.no_grad():
        after = layer(seen.inputs[last][None, None], hidden[None, None])[0][0, 0, :2]
    assert found.state_by_node[3].tolist() == (after > 0).double().tolist()


def test_a_state_that_was_not_seen_has_no_fixed_background() -> None:
    layer = nn.GRU(3, 6, batch_first=True)
    reservoir = Reservoir()
    with reservoir.attach(layer):
        layer(torch.randn(1, 5, 3))
    stepper = step_for(layer)
    seen = observe(layer, stepper, reservoir.calls)
    assert seen is not None
    seen.state[0][:, 0] = seen.state[0][:, 1] = torch.tensor([1.0, -1.0, 1.0, -1.0])
    found = perturbed_tpm(layer, stepper, single_units([0, 1]), given([0.0, 0.0]), seen, background="fixed", at=(1, 0))
    assert isinstance(found, Skipped)
    assert found.code == "state_not_observed"
    assert "(1, 0) was not seen among the 4" in found.reason


# --- units ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("threshold", "code", "word"), [(2.0, "unit_never_on", "ON"), (-2.0, "unit_never_off", "OFF")])
def test_a_unit_that_is_never_on_or_off_is_named(threshold: float, code: str, word: str) -> None:
    found = perturb(nn.GRU(3, 6, batch_first=True), torch.randn(8, 9, 3), [2, 5], [0.0, threshold])
    assert isinstance(found, Skipped)
    assert found.code == code
    assert f"Unit 5 was never {word} in the 64 observed steps" in found.reason


def test_thresholds_of_now_leave_no_unit_always_on_or_off() -> None:
    layer = nn.GRU(3, 6, num_layers=2, bidirectional=True, batch_first=True)
    reservoir = Reservoir()
    with reservoir.attach(layer):
        layer(torch.randn(8, 9, 3) + 3)
    stepper = step_for(layer, level=0, direction="backward")
    assert stepper is not None
    observations = observe(layer, stepper, reservoir.calls)
    assert observations is not None
    coding = single_units([6, 11])
    thresholds = observed_thresholds(observations, stepper, coding, "median")
    torch.testing.assert_close(torch.tensor(thresholds.values), torch.quantile(observations.state[0][:, [0, 5]], 0.5, dim=0))
    assert isinstance(perturbed_tpm(layer, stepper, coding, thresholds, observations), PerturbedTpm)


def test_without_a_step_seen_there_is_no_perturbation() -> None:
    found = perturb(nn.GRU(3, 6, batch_first=True), torch.randn(8, 1, 3), [0, 1])
    assert isinstance(found, Skipped)
    assert found.code == "no_transitions"


# --- LSTM -----------------------------------------------------------------------------------------------------------------


def carrying_lstm() -> nn.LSTM:
    """Each unit keeps its cell state for ever once its input has set it: forget gate 1, output gate 1, no recurrent weight."""
    layer = nn.LSTM(2, 2, batch_first=True)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.weight_ih_l0[4:6] = 60 * torch.eye(2)  # candidate
        layer.bias_ih_l0[0:4] = 60.0  # input and forget gate
        layer.bias_ih_l0[6:8] = 60.0  # output gate
    return layer


def test_the_cell_state_of_an_lstm_is_set_with_its_unit() -> None:
    inputs = gates.drive(64, 6, 2)
    both = perturb(carrying_lstm(), inputs, [0, 1])
    assert both.state_by_node.tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]], "each unit carries itself on"
    assert np.ptp(both.off) > 0.2, "the cell (-1) is set to its own mean, which is not that of the unit (tanh(-1))"
    alone = perturb(carrying_lstm(), inputs, [0, 1], hidden_only=True)
    assert np.ptp(alone.state_by_node, axis=0).max() == 0, "nothing follows from the hidden state alone"
    assert len(alone.off) == 1


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_the_cells_of_an_lstm_with_a_projection_are_left() -> None:
    assert len(perturb(nn.LSTM(3, 8, proj_size=4, batch_first=True), torch.randn(32, 9, 3), [0, 1]).on) == 1


# --- directions and levels ------------------------------------------------------------------------------------------------


def test_each_direction_is_perturbed_by_itself() -> None:
    layer = nn.GRU(3, 3, bidirectional=True, batch_first=True)
    weights = {}
    for network, suffix in ((gates.BASIC, ""), (gates.RULE_110, "_reverse")):
        part = gates.recurrent_layer(network, nn.GRU)
        weights |= {f"{name}{suffix}": value for name, value in part.state_dict().items()}
    layer.load_state_dict(weights)
    inputs = gates.drive(64, 8, 3)
    inputs[:, -1] = inputs[:, 0]  # where the backward direction begins
    forward = perturb(layer, inputs[:, :-1], [0, 1, 2])
    assert forward.state_by_node.tolist() == gates.truth_table(gates.BASIC)
    backward = perturb(layer, inputs[:, 1:], [3, 4, 5], direction="backward")
    assert backward.state_by_node.tolist() == gates.truth_table(gates.RULE_110)
    with pytest.raises(StepError, match=r"units \[0, 4\]: \[4\] are not among the units 0 to 2"):
        perturb(layer, inputs, [0, 4])


def test_a_level_of_a_stack_is_stepped_with_the_output_of_the_one_below() -> None:
    layer = nn.GRU(3, 3, num_layers=2, batch_first=True)
    upper = gates.recurrent_layer(gates.BASIC, nn.GRU).state_dict()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.weight_ih_l0[6:] = 60 * torch.eye(3)  # level 0 hands its input on
        layer.bias_ih_l0[3:6] = -60.0
        for name, value in upper.items():
            layer.state_dict()[name.replace("_l0", "_l1")].copy_(value)
    inputs = gates.drive(64, 6, 3, flip=0.2)
    inputs[:, 1:] = inputs[:, 1:].clamp(max=0)
    upper_level = perturb(layer, inputs, [0, 1, 2], draws=1000)
    off = 1 - float((inputs[:, 2:] < 0).float().mean())
    expected = np.array(gates.truth_table(gates.BASIC)) * off
    np.testing.assert_allclose(upper_level.state_by_node, expected, atol=0.08)
    lower_level = perturb(layer, inputs, [0, 1, 2], [-0.5] * 3, level=0)
    assert np.ptp(lower_level.state_by_node, axis=0).max() == 0, "level 0 has no recurrent weights"


def test_a_custom_step_gives_the_tpm_of_the_known_one() -> None:
    layer = nn.GRU(3, 8, batch_first=True)

    def step(module: nn.GRU, state: Tensor, inputs: Tensor) -> Tensor:
        return module(inputs[:, None], state[None])[1][0]

    inputs = torch.randn(1, 65, 3)  # one sequence, so that both see the observations in the same order
    known, custom = perturb(layer, inputs, [0, 1, 2]), perturb(layer, inputs, [0, 1, 2], step=step)
    assert isinstance(custom, PerturbedTpm)
    assert custom.counts == known.counts
    assert custom.draws == 64


# --- connectivity ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_units_without_a_connection_do_not_reach_each_other_in_a_perturbed_tpm(kind: Any) -> None:
    layer = kind(3, 6, batch_first=True)
    units = [4, 0, 2]
    mask = torch.rand(6, 6) > 0.6  # [to, from]
    with torch.no_grad():
        layer.weight_hh_l0.mul_(mask.repeat(len(layer.weight_hh_l0) // 6, 1) * 4)
    stepper = step_for(layer)
    assert stepper is not None
    cm = np.array(weight_connectivity(layer, stepper, units))
    expected = mask.T[units][:, units].numpy().astype(int)
    if kind is not nn.RNN:
        np.fill_diagonal(expected, 1)
    assert cm.tolist() == expected.tolist()
    table = perturb(layer, torch.randn(64, 9, 3), units).state_by_node
    reached = np.array([[np.ptp(_pairs(table, i)[..., j], axis=1).max() > 0 for j in range(3)] for i in range(3)])
    assert not (reached & (cm == 0)).any(), "exactly: all states are stepped from the same draws"
    assert (reached & (cm == 1)).sum() > 2


def _pairs(table: np.ndarray, unit: int) -> np.ndarray:
    """The rows ``[other, 2, unit]`` that differ in one unit."""
    rows = np.arange(len(table))
    low = rows[rows >> unit & 1 == 0]
    return np.stack([table[low], table[low | 1 << unit]], axis=1)


def test_the_weights_of_a_gate_network_are_its_connections() -> None:
    layer = gates.recurrent_layer(gates.BASIC, nn.GRU)
    # OR of b and c, COPY of c, XOR of a and b; a GRU's units also carry themselves on.
    assert weight_connectivity(layer, step_for(layer), [0, 1, 2]) == ((1, 0, 1), (1, 1, 1), (1, 1, 1))
    lstm = gates.recurrent_layer(gates.BASIC, nn.LSTM)
    assert weight_connectivity(lstm, step_for(lstm), [0, 1, 2], hidden_only=True) == ((0, 0, 1), (1, 0, 1), (1, 1, 0))


def test_pruned_weights_are_no_connections_even_before_the_next_forward_pass() -> None:
    from torch.nn.utils import prune

    layer = nn.RNN(3, 3, batch_first=True)
    mask = torch.tensor([[1, 0, 1], [1, 1, 0], [0, 1, 1]])
    prune.custom_from_mask(layer, "weight_hh_l0", mask)
    with torch.no_grad():
        layer.weight_hh_l0_orig.add_(0.5)  # an optimizer step; the masked weight is made anew in the next forward pass only
    stepper = step_for(layer)
    assert stepper is not None
    assert weight_connectivity(layer, stepper, [0, 1, 2]) == tuple(tuple(row) for row in mask.T.tolist())
    state, inputs = torch.randn(4, 3), torch.randn(4, 3)
    with torch.no_grad():
        stepped = stepper.step(layer, (state,), inputs)[0]
        torch.testing.assert_close(stepped, layer(inputs[:, None], state[None])[1][0])


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_connections_through_a_projection() -> None:
    layer = nn.LSTM(3, 4, proj_size=2)
    with torch.no_grad():
        layer.weight_hh_l0.zero_()
        layer.weight_hh_l0[1, 0] = 1.0  # unit 0 to cell 1
        layer.weight_hr_l0.zero_()
        layer.weight_hr_l0[1, 1] = 1.0  # cell 1 to unit 1
    assert weight_connectivity(layer, step_for(layer), [0, 1]) == ((0, 1), (0, 0))


def test_connections_of_an_unknown_step_are_not_known() -> None:
    module = nn.Linear(2, 2)
    stepper = step_for(module, step=lambda module, state, inputs: state)
    assert stepper is not None
    with pytest.raises(StepError, match=r"weights of Linear are not known.*Leave cm='full'"):
        weight_connectivity(module, stepper, [0, 1])


# --- training is not touched ----------------------------------------------------------------------------------------------


class Noisy(nn.Module):
    """A cell with everything that running it could change: running statistics, dropout, a counter and other random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.mix = nn.Linear(4, 4)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.norm.eval()
        self.train()
        self.mix.eval()

    def forward(self, inputs: Tensor, state: Tensor) -> Tensor:
        self.calls += 1
        random.random()
        np.random.rand()  # noqa: NPY002 - the global generator is what must be left alone
        noise = torch.randn_like(state) + nn.functional.dropout(state, training=self.training)
        return torch.tanh(self.norm(self.mix(state)) + inputs + noise)


def _everything(module: nn.Module) -> dict[str, Any]:
    return {
        "state": {name: value.clone() for name, value in module.state_dict().items()},
        "gradients": [None if p.grad is None else p.grad.clone() for p in module.parameters()],
        "modes": [part.training for part in module.modules()],
        "random": (torch.get_rng_state(), random.getstate(), np.random.get_state()),  # noqa: NPY002
    }


def _assert_same(given: Any, wanted: Any) -> None:
    torch.testing.assert_close(given["state"], wanted["state"], rtol=0, atol=0)
    for mine, other in zip(given["gradients"], wanted["gradients"], strict=True):
        assert (mine is None) == (other is None)
        assert mine is None or torch.equal(mine, other)
    assert given["modes"] == wanted["modes"]
    assert torch.equal(given["random"][0], wanted["random"][0])
    assert given["random"][1] == wanted["random"][1]
    assert all(np.array_equal(a, b) for a, b in zip(given["random"][2], wanted["random"][2], strict=True))


@pytest.mark.parametrize("fails", [False, True])
def test_a_perturbation_leaves_no_trace(fails: bool) -> None:
    module = Noisy()
    module(torch.randn(8, 4), torch.randn(8, 4)).sum().backward()
    reservoir = Reservoir()
    with reservoir.attach(module):
        module(torch.randn(64, 4), torch.randn(64, 4))
    before = _everything(module)
    stepper = step_for(module, step=lambda module, state, inputs: module(inputs, state)[: 1 if fails else None])
    assert stepper is not None
    observations = observe(module, stepper, reservoir.calls)
    if fails:
        with pytest.raises(StepError):
            perturbed_tpm(module, stepper, single_units([0, 1]), given([0.0, 0.0]), observations)
    else:
        found = perturbed_tpm(module, stepper, single_units([0, 1]), given([0.0, 0.0]), observations)
        assert isinstance(found, PerturbedTpm)
    _assert_same(_everything(module), before)


def test_training_goes_on_as_if_nothing_had_been_kept_or_perturbed() -> None:
    def trained(*, watched: bool) -> tuple[list[float], dict[str, Tensor]]:
        torch.manual_seed(3)
        layer, head = nn.GRU(4, 8, num_layers=2, dropout=0.3, batch_first=True), nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 1))
        model = nn.ModuleList([layer, head])
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        reservoir = Reservoir()
        if watched:
            reservoir.attach(layer)
        losses = []
        for _ in range(3):
            for _ in range(5):
                inputs = torch.randn(16, 6, 4)
                loss = ((head(layer(inputs)[0][:, -1])[:, 0] - inputs[:, 0, 0]) ** 2).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            if watched:
                stepper = step_for(layer)
                assert stepper is not None
                observations = observe(layer, stepper, reservoir.calls)
                assert observations is not None
                medians = observations.state[0][:, :3].median(0).values.tolist()
                found = perturbed_tpm(layer, stepper, single_units([0, 1, 2]), given(medians), observations)
                assert isinstance(found, PerturbedTpm)
                reservoir.clear()
        return losses, copy.deepcopy(model.state_dict())

    losses, weights = trained(watched=False)
    watched_losses, watched_weights = trained(watched=True)
    assert losses == watched_losses
    assert len(set(losses)) == 15
    torch.testing.assert_close(weights, watched_weights, rtol=0, atol=0)
