"""What a perturbation costs beside the Φ that it feeds."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from models import perturbed_tpm, single_units
from torch import nn

from lightning_iit import System, compute_phi
from lightning_iit.capture.perturb.reservoir import Reservoir
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.capture.perturb.tpm import PerturbedTpm, observe, observed_thresholds


@pytest.mark.benchmark
@pytest.mark.usefixtures("one_thread")
def test_six_units_of_a_layer_of_128_cost_a_part_of_their_phi() -> None:
    torch.manual_seed(1)
    layer = nn.GRU(32, 128, batch_first=True)
    reservoir = Reservoir()
    with reservoir.attach(layer), torch.no_grad():
        for _ in range(7):
            layer(torch.randn(64, 20, 32))
    stepper: Any = step_for(layer)
    observations = observe(layer, stepper, reservoir.calls)
    assert observations is not None
    units = [3, 17, 40, 66, 90, 127]
    thresholds = observed_thresholds(observations, stepper, single_units(units), "median")
    seconds = []
    for _ in range(5):
        begun = time.process_time()
        found = perturbed_tpm(layer, stepper, single_units(units), thresholds, observations)
        seconds.append(time.process_time() - begun)
    assert isinstance(found, PerturbedTpm)
    assert found.draws == 64 * 19 * 7
    most_visited = max(range(64), key=found.observed.__getitem__)
    system = System(tpm=found.state_by_node, state=[most_visited >> unit & 1 for unit in range(6)])
    compute_phi(system, engine="fast")
    begun = time.process_time()
    compute_phi(system, engine="fast")
    phi = time.process_time() - begun
    median = sorted(seconds)[2]
    print(
        f"\nperturbing 6 of 128 units, 64 states in 8,512 backgrounds: {median * 1e3:.1f} ms of processor; "
        f"their Φ: {phi * 1e3:.0f} ms; ratio {median / phi:.3f}"
    )
    assert median <= 0.4 * phi
