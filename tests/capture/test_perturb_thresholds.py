"""By what thresholds a perturbed layer's states are coded, and which of its units and states are analysed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from models import Gru, sequence_data
from torch import Tensor, nn
from training import train

from lightning_iit.capture.options import CaptureOptions
from lightning_iit.capture.perturb.options import PerturbOptions
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import Skipped
from lightning_iit.tpm.states import choose_states, index_of
from lightning_iit.watch.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_iit.capture.count.epoch import LayerEpoch


def watched(
    layer: nn.GRU, capture: dict[str, Any], causal: dict[str, Any], change: Callable[[], None] = lambda: None
) -> tuple[Watch, LayerEpoch, list[Tensor]]:
    """An epoch of eight steps, after the third of which the layer is changed; the watch, what it captured, and the inputs."""
    model = nn.Sequential(layer)
    watch = Watch(model, CaptureOptions(layers="0", calibration_batches=2, **capture), PerturbOptions(**causal))
    watch.attach(model)
    watch.begin_epoch(8)
    inputs = [torch.randn(6, 7, 3, generator=torch.Generator().manual_seed(step)) for step in range(8)]
    for step, batch in enumerate(inputs):
        if step == 3:
            change()
        watch.begin_step()
        model(batch)
        watch.end_step(step)
    (captured,) = watch.end_epoch()
    return watch, captured, inputs


def states_of(layer: nn.GRU, inputs: list[Tensor]) -> np.ndarray:
    """The states ``[row, unit]`` that each step of the sequences begins in, but for the zeros of the first."""
    with torch.no_grad():
        return torch.cat([layer(batch)[0][:, :-1].flatten(0, 1) for batch in inputs]).double().numpy()


@pytest.fixture
def layer() -> nn.GRU:
    torch.manual_seed(3)
    return nn.GRU(3, 6, batch_first=True)


def test_units_that_the_start_of_an_epoch_leaves_off_are_set_all_the_same(layer: nn.GRU) -> None:
    @torch.no_grad()
    def sink() -> None:
        layer.bias_ih_l0[12:] -= 3.0  # every unit falls below all that it was before

    watch, captured, inputs = watched(layer, {"units": [4, 1]}, {}, sink)
    stale = watch.perturber.perturb(captured, None)
    assert isinstance(stale, Skipped)
    assert stale.code == "unit_never_on"

    observed = watch.perturber.observed(captured)
    states = states_of(layer, inputs)[:, [4, 1]]
    assert observed.thresholds.values == pytest.approx(tuple(np.median(states, 0)), abs=1e-6)
    assert observed.thresholds.samples == len(states)
    assert observed.watched_thresholds == captured.thresholds
    codes = (states > np.array(observed.thresholds.values)) @ [1, 2]
    assert observed.seen == tuple(np.bincount(codes, minlength=4))
    state = choose_states(observed.seen, observed.last_state, "mode")[0]
    assert index_of(state) == np.bincount(codes).argmax()
    counts, how = watch.perturber.perturb(observed, state)
    assert counts.visits == (len(states),) * 4
    assert how.observed == observed.seen


def test_thresholds_that_need_no_data_or_are_frozen_stay(layer: nn.GRU) -> None:
    for options in ({"threshold": 0.05}, {"threshold": "zero"}, {"freeze_threshold": True}):
        watch, captured, inputs = watched(layer, {"units": [0, 5], **options}, {})
        observed = watch.perturber.observed(captured)
        assert observed.thresholds == captured.thresholds
        states = states_of(layer, inputs)[:, [0, 5]]
        assert observed.seen == tuple(np.bincount((states > np.array(captured.thresholds.values)) @ [1, 2], minlength=4))


def test_thresholds_of_a_lower_level_are_those_of_its_own_states() -> None:
    torch.manual_seed(3)
    both = nn.GRU(3, 6, num_layers=2, batch_first=True)
    lower = nn.GRU(3, 6, batch_first=True)
    lower.load_state_dict({name: value for name, value in both.state_dict().items() if name.endswith("l0")})
    watch, captured, inputs = watched(both, {"units": [2, 3], "threshold": "mean"}, {"level": 0})
    observed = watch.perturber.observed(captured)
    assert observed.thresholds.values == pytest.approx(tuple(states_of(lower, inputs)[:, [2, 3]].mean(0)), abs=1e-6)
    assert observed.thresholds.values != pytest.approx(captured.thresholds.values, abs=1e-3)
    assert any("A lower level of the layer was perturbed" in note for note in observed.notes)
    with pytest.raises(InvalidArgumentError, match="freeze_threshold=True, level=0: it goes by the output of layer '0'"):
        watched(both, {"units": 2, "freeze_threshold": True}, {"level": 0})


@pytest.mark.parametrize("options", [{}, {"selection": "random"}, {"selection": "first"}, {"selection": "entropy"}, {"groups": 3}])
@pytest.mark.parametrize(("direction", "units"), [("forward", range(6)), ("backward", range(6, 12))])
def test_units_are_chosen_of_the_direction_that_is_stepped(options: dict[str, Any], direction: str, units: range) -> None:
    torch.manual_seed(3)
    layer = nn.GRU(3, 6, bidirectional=True, batch_first=True)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.mul_(1 if name.endswith("reverse") == (direction == "backward") else 4)  # the other varies more
    watch, captured, _ = watched(layer, {"units": 3, **options}, {"direction": direction})
    for part in (captured, *captured.groups):
        assert set(part.units.indices) <= set(units)
        assert isinstance(watch.perturber.perturb(watch.perturber.observed(part), None), tuple)


def test_clusters_are_made_of_the_direction_that_is_stepped() -> None:
    torch.manual_seed(3)
    layer = nn.GRU(3, 6, bidirectional=True, batch_first=True)
    _, captured, _ = watched(layer, {"units": 2, "selection": "clusters"}, {"direction": "backward"})
    assert sorted(unit for cluster in captured.units.clusters for unit in cluster) == list(range(6, 12))


def test_units_of_the_other_direction_are_refused_before_training() -> None:
    layer = nn.GRU(3, 6, bidirectional=True, batch_first=True)
    with pytest.raises(InvalidArgumentError, match=r"units=\[0, 7\]: of layer '0' the direction 'forward' is stepped.* 0 to 5\."):
        watched(layer, {"units": [0, 7]}, {})
    _, captured, _ = watched(layer, {"units": [0, 7]}, {"tpm": "observe"})
    assert captured.units.indices == (0, 7)


@pytest.mark.parametrize("background", ["sampled", "fixed"])
def test_the_state_analysed_is_one_in_which_the_layer_was_seen(tmp_path: Any, background: str) -> None:
    options = {"model": Gru(lr=1.0), "data": sequence_data(200), "layers": "net.gru", "units": 4, "states": "all", "epochs": 3}
    callback = train(tmp_path / "set", tpm="perturb", background=background, **options)
    for record in callback.records:
        assert record.kind == "causal", record.result.reason
        observed = record.perturbation.observed
        assert [result.visits for result in record.states] == [observed[index_of(result.state)] for result in record.states]
        assert {index_of(result.state) for result in record.states} == {index for index, times in enumerate(observed) if times}
        assert record.thresholds != record.observed_thresholds


def test_what_was_watched_stays_in_the_record_with_its_thresholds(tmp_path: Any) -> None:
    def run(tpm: str) -> Any:
        torch.manual_seed(1)
        return train(tmp_path / tpm, model=Gru(), data=sequence_data(200), layers="net.gru", units=3, tpm=tpm).records

    for perturbed, counted in zip(run("perturb"), run("observe"), strict=True):
        assert perturbed.units == counted.units
        assert (perturbed.observed, perturbed.observed_thresholds) == (counted.counts, counted.thresholds)
        assert (counted.observed, counted.observed_thresholds) == (None, None)
