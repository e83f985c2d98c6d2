"""Steps in which what the backgrounds fix is computed once, against whole steps of the layer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import gates
import numpy as np
import pytest
import torch
from models import perturbed_tpm, single_units
from torch import nn

from lightning_iit.capture.count.coding import Coding
from lightning_iit.capture.perturb import stepped
from lightning_iit.capture.perturb.reservoir import Reservoir
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.capture.perturb.tpm import PerturbedTpm, observe, observed_thresholds, perturbed_tpms
from lightning_iit.records import Thresholds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from lightning_iit.capture.perturb.stepper import Observations, State, Stepper

KINDS: dict[str, Any] = {
    "tanh": nn.RNN,
    "relu": partial(nn.RNN, nonlinearity="relu"),
    "gru": nn.GRU,
    "lstm": nn.LSTM,
    "projection": partial(nn.LSTM, proj_size=5),
    "no bias": partial(nn.GRU, bias=False),
    "two levels": partial(nn.LSTM, num_layers=2),
    "tanh cell": nn.RNNCell,
    "gru cell": nn.GRUCell,
    "lstm cell": nn.LSTMCell,
}
CODINGS = {
    "units": single_units([6, 1, 3]),
    "clusters": Coding(members=((6, 0), (1,), (3, 4, 2))),
    "two bits": Coding(members=((6,), (1,)), bits=2),
    "two units": single_units([2, 0]),
    "six units": single_units([0, 7, 3, 2, 6, 5]),
}


@dataclass(frozen=True)
class Whole:
    """Steps a layer as a whole: another stepper whose weights are not known."""

    stepper: Stepper
    offset: int = 0

    def step(self, module: nn.Module, state: State, inputs: Tensor) -> State:
        """The next state of each row."""
        return self.stepper.step(module, state, inputs)


def observed(kind: str, *, width: int = 8, seed: int = 3) -> tuple[nn.Module, Stepper, Observations]:
    """A layer with strong weights, how it is stepped, and the states in which it was observed."""
    torch.manual_seed(seed)
    layer = KINDS[kind](3, width)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(3)
    reservoir = Reservoir()
    with reservoir.attach(layer), torch.no_grad():
        if isinstance(layer, nn.RNNBase):
            layer(torch.randn(9, 40, 3))
        else:
            state = None
            for _ in range(9):
                state = layer(torch.randn(40, 3), state)
    stepper = step_for(layer)
    return layer, stepper, observe(layer, stepper, reservoir.calls)


def fitting(kind: str) -> list[str]:
    """The names of the codings that a layer allows: a projection has five units, and a quarter of a ReLU's values is zeros."""
    return ["two units"] if kind == "projection" else [name for name in CODINGS if (kind, name) != ("relu", "two bits")]


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("hidden_only", [False, True])
@pytest.mark.parametrize(("kind", "coding"), [(kind, coding) for kind in KINDS for coding in fitting(kind)])
def test_next_values_and_counts_are_those_of_whole_steps(
    kind: str, coding: str, hidden_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, stepper, observations = observed(kind)
    values: dict[str, Tensor] = {}
    for name in ("_from_sums", "_stepped"):
        make: Callable[..., Any] = getattr(stepped, name)

        def noted(*args: Any, made: Callable[..., Any] = make, way: str = name) -> Any:
            found = list(made(*args))
            values[way] = torch.cat(found)
            return found

        monkeypatch.setattr(stepped, name, noted)
    chosen = CODINGS[coding]
    thresholds = observed_thresholds(observations, stepper, chosen, "median")
    split, whole = (
        perturbed_tpm(layer, each, chosen, thresholds, observations, hidden_only=hidden_only, with_bits=True)
        for each in (stepper, Whole(stepper))
    )
    assert isinstance(split, PerturbedTpm)
    assert isinstance(whole, PerturbedTpm)
    torch.testing.assert_close(values["_from_sums"], values["_stepped"], rtol=1e-6, atol=1e-6)
    assert split.counts == whole.counts
    assert (split.off, split.on, split.observed) == (whole.off, whole.on, whole.observed)
    assert np.array_equal(split.bits.packed, whole.bits.packed)
    assert len(np.unique(split.state_by_node)) > 3


@pytest.mark.parametrize("kind", ["gru", "lstm", "tanh"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_weights_of_other_number_formats(kind: str, dtype: torch.dtype) -> None:
    layer, _, _ = observed(kind)
    layer.to(dtype)
    reservoir = Reservoir()
    with reservoir.attach(layer), torch.no_grad():
        layer(torch.randn(9, 40, 3, dtype=dtype))
    stepper = step_for(layer)
    observations = observe(layer, stepper, reservoir.calls)
    coding = CODINGS["units"]
    thresholds = observed_thresholds(observations, stepper, coding, "mean")
    split, whole = (perturbed_tpm(layer, each, coding, thresholds, observations) for each in (stepper, Whole(stepper)))
    np.testing.assert_allclose(split.state_by_node, whole.state_by_node, atol=0 if dtype == torch.float64 else 0.03)


@pytest.mark.parametrize("kind", ["gru", "lstm", "tanh", "gru cell"])
def test_many_groups_at_once_are_each_what_they_are_alone(kind: str) -> None:
    layer, stepper, observations = observed(kind)
    groups: Sequence[tuple[Coding, Thresholds]] = [
        (coding, observed_thresholds(observations, stepper, coding, "median")) for coding in CODINGS.values()
    ]
    together = perturbed_tpms(layer, stepper, groups, observations, draws=200, with_bits=True)
    for (coding, thresholds), found in zip(groups, together, strict=True):
        alone = perturbed_tpm(layer, stepper, coding, thresholds, observations, draws=200, with_bits=True)
        assert found.counts == alone.counts
        assert np.array_equal(found.bits.sequences, alone.bits.sequences)
        assert found.draws == 200


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
@pytest.mark.parametrize("units", [2, 3, 4, 5, 6])
def test_a_ring_of_noisy_copies_has_its_analytic_tpm(kind: type[nn.Module], units: int) -> None:
    layer = gates.recurrent_layer(tuple(gates.COPY((unit - 1) % units) for unit in range(units)), kind)
    reservoir = Reservoir()
    with reservoir.attach(layer), torch.no_grad():
        layer(gates.drive(600, 8, units, flip=0.2, seed=1))
    stepper = step_for(layer)
    observations = observe(layer, stepper, reservoir.calls)
    coding = single_units(range(units))
    limits = Thresholds(values=(gates.threshold(kind),) * units, strategy="given", frozen=True)
    found = perturbed_tpm(layer, stepper, coding, limits, observations)
    # A unit copies its neighbour, unless the input of that moment sets it: the share of such moments is counted in the inputs.
    copied = np.array([[state >> (unit - 1) % units & 1 for unit in range(units)] for state in range(2**units)])
    set_on, set_off = ((observations.inputs.numpy() == sign).mean(axis=0) for sign in (1, -1))
    assert found.draws == len(observations.inputs) == 600 * 7
    assert ((set_on > 0.1) & (set_on < 0.3)).all()
    np.testing.assert_allclose(found.state_by_node, copied * (1 - set_off) + (1 - copied) * set_on, atol=1e-12)
