"""Published gate networks, written as the weights of real layers: perturbing them gives the truth table and the published Φ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gates
import numpy as np
import pytest
import torch
from fast_systems import oracle
from models import perturbed_tpm, single_units
from torch import nn

from lightning_iit import System, compute_phi, estimate_tpm
from lightning_iit.capture.perturb.reservoir import Reservoir
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.capture.perturb.tpm import PerturbedTpm, observe
from lightning_iit.records import Computed, Thresholds

if TYPE_CHECKING:
    pass

LAYERS = [nn.GRU, nn.LSTM]
ALL = [*LAYERS, nn.RNN]

# Written by hand from the published descriptions, as the next state of (a, b, c): independent of the weights and of gates.py.
NEXT = {
    "BASIC": lambda a, b, c: (b or c, c, a ^ b),
    "FIGURE_4": lambda a, b, c: (b or c, a and c, a ^ b),
    "RULE_110": lambda a, b, c: (_rule110(c, a, b), _rule110(a, b, c), _rule110(b, c, a)),
    "CHAIN": lambda a, b, c: (0, a, b),
    "COPY_RING": lambda a, b, c: (c, a, b),
    "MAJORITY_RING": lambda a, b, c, d: (d + a + b > 1, a + b + c > 1, b + c + d > 1, c + d + a > 1),
}


def _rule110(left: int, own: int, right: int) -> int:
    return 110 >> (4 * left + 2 * own + right) & 1


def _truth(name: str) -> list[list[int]]:
    n = len(getattr(gates, name))
    return [[int(bit) for bit in NEXT[name](*[row >> unit & 1 for unit in range(n)])] for row in range(2**n)]


def _limits(network: list[object], kind: type[nn.Module]) -> Thresholds:
    return Thresholds(values=(gates.threshold(kind),) * len(network), strategy="given", frozen=True)


def perturbed(name: str, kind: type[nn.Module], *, flip: float = 0.0, times: int = 6, draws: int = 128) -> PerturbedTpm:
    network = getattr(gates, name)
    layer = gates.recurrent_layer(network, kind)
    reservoir = Reservoir()
    with reservoir.attach(layer):
        layer(gates.drive(64, times, len(network), flip=flip))
    stepper = step_for(layer)
    assert stepper is not None
    observations = observe(layer, stepper, reservoir.calls, limit=100_000)
    found = perturbed_tpm(layer, stepper, single_units(range(len(network))), _limits(network, kind), observations, draws=draws)
    assert isinstance(found, PerturbedTpm)
    return found


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("name", ["BASIC", "FIGURE_4", "RULE_110"])
def test_the_perturbed_tpm_of_a_gate_network_is_its_truth_table(name: str, kind: type[nn.Module]) -> None:
    assert perturbed(name, kind).state_by_node.tolist() == _truth(name)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("name", ["COPY_RING", "MAJORITY_RING"])
def test_copy_and_majority_are_single_steps_of_every_kind_of_layer(name: str, kind: type[nn.Module]) -> None:
    assert perturbed(name, kind).state_by_node.tolist() == _truth(name)


def test_xor_is_no_single_step_of_a_simple_recurrent_layer() -> None:
    with pytest.raises(ValueError, match="needs two sums"):
        gates.recurrent_layer(gates.BASIC, nn.RNN)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize(
    ("name", "state", "phi"),
    [
        ("BASIC", (1, 0, 0), 2.3125),
        ("FIGURE_4", (1, 0, 0), 1.916666),
        ("RULE_110", (0, 0, 0), 1.357083),
        ("RULE_110", (1, 1, 1), 1.015239),
    ],
)
def test_its_phi_is_the_published_one(name: str, state: tuple[int, ...], phi: float, kind: type[nn.Module]) -> None:
    found = perturbed(name, kind)
    assert found.observed[sum(bit << unit for unit, bit in enumerate(state))] > 0, "the state analysed is an observed one"
    result = compute_phi(System(tpm=found.state_by_node, state=state))
    assert isinstance(result, Computed)
    assert result.phi == pytest.approx(phi, abs=1e-5)


@pytest.mark.parametrize("kind", ALL)
def test_a_feed_forward_chain_has_no_phi(kind: type[nn.Module]) -> None:
    network = gates.CHAIN
    layer = gates.recurrent_layer(network, kind)
    reservoir = Reservoir()
    with reservoir.attach(layer):
        layer(gates.drive(64, 6, 3, flip=0.3))
    stepper = step_for(layer)
    observations = observe(layer, stepper, reservoir.calls)
    found = perturbed_tpm(layer, stepper, single_units(range(3)), _limits(network, kind), observations)
    table = found.state_by_node
    assert np.ptp(table[:, 0]) == 0, "unit 0 depends on no unit"
    result = compute_phi(System(tpm=table, state=(0, 0, 0)))
    assert isinstance(result, Computed)
    assert result.phi == 0


def test_the_truth_tables_are_those_that_pyphi_publishes() -> None:
    systems = {entry["name"]: entry for entry in oracle()}
    for name, stored in (("BASIC", "pyphi-basic-100"), ("FIGURE_4", "pyphi-fig4-100"), ("RULE_110", "pyphi-rule110-000")):
        assert systems[stored]["tpm"] == _truth(name)
        assert gates.truth_table(getattr(gates, name)) == _truth(name)


# --- with noise -----------------------------------------------------------------------------------------------------

NOISE = 0.1


def _analytic() -> np.ndarray:
    return np.abs(np.array(_truth("BASIC")) - NOISE)


@pytest.mark.parametrize("kind", LAYERS)
def test_with_flips_the_perturbed_tpm_is_the_analytic_one_within_binomial_error(kind: type[nn.Module]) -> None:
    found = perturbed("BASIC", kind, flip=NOISE, times=30, draws=1000)
    assert found.draws == 1000
    deviations = (found.state_by_node - _analytic()) / np.sqrt(NOISE * (1 - NOISE) / found.draws)
    # The draws are shared by all states, so there are 6 independent frequencies: a unit set ON, or OFF. 3.5 is p < 0.003 of any.
    assert np.abs(deviations).max() < 3.5
    assert np.abs(deviations).max() > 0.01, "exactly analytic: there were no flips"


def test_what_is_observed_converges_to_it_with_the_root_of_the_number_of_transitions() -> None:
    layer = gates.recurrent_layer(gates.BASIC, nn.GRU)
    lengths = np.array([100, 300, 1000, 3000, 10_000])
    errors = np.zeros(len(lengths))
    repeats = 40
    with torch.no_grad():
        on = (layer(gates.drive(repeats, int(lengths.max()) + 2, 3, flip=NOISE, seed=1))[0][:, 1:] > 0).long()
    for sequence in range(repeats):
        for place, length in enumerate(lengths):
            table = estimate_tpm(on[sequence, : length + 1].numpy()).state_by_node
            errors[place] += np.sqrt(((table - _analytic()) ** 2).mean()) / repeats
    slope = np.polyfit(np.log(lengths[1:]), np.log(errors[1:]), 1)[0]
    print(f"\nerror of the observed TPM: {dict(zip(lengths.tolist(), errors.round(4).tolist(), strict=True))}, slope {slope:.3f}")
    assert slope == pytest.approx(-0.5, abs=0.1)
