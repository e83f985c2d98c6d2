"""A capture over a run: which passes count, epochs, faults, and resuming."""

from __future__ import annotations

import copy
import gc
import json

import numpy as np
import pytest
import torch
from plain_loops import Digits, Lines, as_counter, batches_of, loop_counts, train
from torch import nn
from torch.utils.checkpoint import checkpoint

from lightning_iit.capture import Capture, CaptureOptions
from lightning_iit.errors import UnknownLayerError


def captured(capture, model, batches, **epoch):
    capture.begin_epoch(len(batches), **epoch)
    for x in batches:
        capture.begin_step()
        model(x)
        capture.end_step()
    return capture.end_epoch()


def lines(**options):
    model = Lines()
    capture = Capture(model, CaptureOptions(**{"layers": "layer", "units": 2, "threshold": "zero", **options}))
    capture.attach()
    return model, capture


def chain(*codes, n=2):
    """Activations of units that go through these states."""
    return torch.tensor([[1.0 if code >> unit & 1 else -1.0 for unit in range(n)] for code in codes])


def randn(*shape, seed=0, count=3):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator) for _ in range(count)]


def test_what_is_kept_of_sequences_is_their_last_rows_alone():
    model, capture = lines(transitions="stream", layout="BTU")
    (epoch,) = captured(capture, model, randn(8, 50, 4))
    assert epoch.counts.transitions == 3 * 8 - 1
    chunks = epoch.recent._chunks
    assert sum(chunk.values.untyped_storage().nbytes() for chunk in chunks) == 3 * 8 * 2 * 4


# --- the chain ---


def test_an_asymmetric_chain_goes_across_batches_and_not_across_epochs():
    model, capture = lines()
    for _ in range(2):
        (layer,) = captured(capture, model, [chain(0, 1), chain(1), chain(2, 0, 1)])
        assert dict(as_counter(layer.counts)) == {(0, 1): 2, (1, 1): 1, (1, 2): 1, (2, 0): 1}
        assert layer.counts.on[1] == (1, 1)
        assert layer.last_state == (1, 0)


def test_sequences_are_not_joined():
    model, capture = lines(layout="BTU")
    batch = torch.stack([chain(0, 1, 1), chain(2, 3, 3)])
    (layer,) = captured(capture, model, [batch, batch])
    assert dict(as_counter(layer.counts)) == {(0, 1): 2, (1, 1): 2, (2, 3): 2, (3, 3): 2}
    assert layer.last_state == (1, 1)


def test_a_lag_spans_samples_and_batches():
    model, capture = lines(lag=2)
    (layer,) = captured(capture, model, [chain(0), chain(1, 2), chain(3), chain(0, 0)])
    assert dict(as_counter(layer.counts)) == {(0, 2): 1, (1, 3): 1, (2, 0): 1, (3, 0): 1}


@pytest.mark.parametrize(
    ("sources", "expected"),
    [("first", {(0, 1): 1, (1, 0): 1}), ("pooled", {(0, 1): 1, (1, 0): 1, (3, 2): 1, (2, 3): 1})],
)
def test_calls_of_a_step_are_sources_of_their_own(sources, expected):
    model, capture = lines(sources=sources)
    capture.begin_epoch(3)
    for first, second in [(0, 3), (1, 2), (0, 3)]:
        capture.begin_step()
        model(chain(first))
        model(chain(second))
        capture.end_step()
    (layer,) = capture.end_epoch()
    assert dict(as_counter(layer.counts)) == expected
    assert any("called up to 2 times" in note for note in layer.notes)


def test_many_steps_are_counted_in_pieces():
    model, capture = lines(threshold="median")
    batches = randn(3, 2, count=700)
    (layer,) = captured(capture, model, batches)
    rows = torch.cat(batches).double().numpy()
    assert layer.thresholds.values == tuple(np.median(rows[:30], 0))
    assert layer.thresholds.samples == 30
    assert as_counter(layer.counts) == loop_counts([rows], (0, 1), layer.thresholds.values)
    assert layer.counts.transitions == 2099


# --- which passes count ---


def test_only_passes_within_a_step_count():
    model, capture = lines()
    capture.begin_epoch(2)
    model(chain(3, 3))
    for code in (0, 1):
        capture.begin_step()
        model(chain(code))
        capture.end_step()
        model(chain(3, 3))
    (layer,) = capture.end_epoch()
    assert dict(as_counter(layer.counts)) == {(0, 1): 1}


@pytest.mark.parametrize("reentrant", [True, False])
def test_the_second_pass_of_activation_checkpointing_is_not_counted(reentrant):
    torch.manual_seed(0)
    model = Digits()
    plain = copy.deepcopy(model)

    class Checkpointed(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = model.net

        def forward(self, x):
            return checkpoint(self.net, x.requires_grad_(), use_reentrant=reentrant)

    results = []
    for one in (Checkpointed(), plain):
        with Capture(one, CaptureOptions(layers="net.1")) as capture:
            capture.begin_epoch(4)
            train(one, [(x.clone(), y) for x, y in batches_of(256)], capture)
            results.append(capture.end_epoch()[0])
    assert results[0].counts == results[1].counts
    assert results[0].counts.transitions == 255


def test_gradient_accumulation_counts_each_batch():
    model, capture = lines()
    (layer,) = captured(capture, model, [chain(0, 1), chain(2, 3)])
    assert dict(as_counter(layer.counts)) == {(0, 1): 1, (1, 2): 1, (2, 3): 1}


@pytest.mark.parametrize("sources", ["first", "pooled"])
def test_a_batch_that_a_closure_evaluates_many_times_counts_once(sources):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5, tolerance_grad=0, tolerance_change=0)
    outputs, first = [], []
    with Capture(model, CaptureOptions(layers="1", units=[0, 1], threshold="zero", sources=sources)) as capture:
        capture.begin_epoch(4)
        for x in randn(9, 3, count=4):
            outputs.clear()

            def closure(x=x):
                optimizer.zero_grad()
                hidden = model[1](model[0](x))
                outputs.append(hidden.detach().clone())
                loss = model[2](hidden).pow(2).mean()
                loss.backward()
                return loss

            capture.begin_step()
            optimizer.step(closure)
            capture.end_step()
            assert len(outputs) == 5
            first.append(outputs[0])
        (layer,) = capture.end_epoch()
    assert as_counter(layer.counts) == loop_counts([torch.cat(first).numpy()], (0, 1), (0, 0))
    assert any(note.startswith("16 calls of the layer evaluated the data") for note in layer.notes)
    assert not any("times in a training step" in note for note in layer.notes)


def test_the_same_tensor_again_is_the_same_sample():
    model, capture = lines(sources="pooled")
    capture.begin_epoch(2)
    for x in (chain(0, 1), chain(3)):
        capture.begin_step()
        model(x)
        model(x)
        x.neg_()  # other data in the same tensor
        model(x)
        capture.end_step()
    (layer,) = capture.end_epoch()
    assert dict(as_counter(layer.counts)) == {(0, 1): 1, (1, 3): 1, (3, 2): 1, (2, 0): 1}
    assert any(note.startswith("2 calls of the layer") for note in layer.notes)


def test_in_place_changes_after_the_layer_do_not_matter():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True))
    before = []
    model[0].register_forward_hook(lambda m, i, o: before.append(o.detach().clone()))
    with Capture(model, CaptureOptions(layers="0", units=3, selection="first", threshold="zero")) as capture:
        (layer,) = captured(capture, model, randn(9, 3))
    assert as_counter(layer.counts) == loop_counts([torch.cat(before).numpy()], (0, 1, 2), (0, 0, 0))


@pytest.mark.filterwarnings("default")  # those of the compiler itself, which has many
@pytest.mark.parametrize(
    ("when", "backend"),
    [
        ("before", "eager"),
        ("before and run", "eager"),
        ("before and run", "inductor"),
        ("after", "eager"),
        ("in place", "eager"),
        ("whole step", "eager"),
        ("unbreakable", "eager"),
        ("unbreakable", "inductor"),
    ],
)
def test_compiled_models(when, backend):
    torch.manual_seed(0)
    model = Digits()
    plain = copy.deepcopy(model)
    batches = batches_of(64 * 4)
    if when.startswith("before"):
        model.net = torch.compile(model.net, backend=backend)
    if when == "unbreakable":
        model.net = torch.compile(model.net, backend=backend, fullgraph=True)
    if when == "before and run":
        model(batches[0][0]).sum().backward()
        model.zero_grad()
    results = []
    for one in (model, plain):
        capture = Capture(one, CaptureOptions(layers=["net.1", "net.2"], threshold="zero"))
        capture.attach()
        if one is model and when == "after":
            model.net = torch.compile(model.net, backend=backend)
        if one is model and when == "in place":
            model.net.compile(backend=backend)
        run = torch.compile(one, backend=backend) if one is model and when == "whole step" else one
        for _ in range(2):
            capture.begin_epoch(4)
            train(run, batches, capture)
            results.append(capture.end_epoch())
        capture.detach()
        run(batches[0][0])
    for compiled, expected in zip(results[:2], results[2:], strict=True):
        for one, other in zip(compiled, expected, strict=True):
            assert one.problem is None
            assert one.counts.transitions == 255
            if backend == "eager":
                assert one.counts == other.counts


@pytest.mark.filterwarnings("default")
def test_other_compiled_functions_are_not_compiled_again():
    compiled = []

    def backend(graph, _inputs):
        compiled.append(graph)
        return graph.forward

    def mine(x):
        return x.sin() + 1

    class Other(nn.Linear):
        def forward(self, x):
            return super().forward(x).sigmoid()

    model, other = nn.Sequential(nn.Linear(3, 4), nn.Tanh()), Other(3, 4)
    runs = [torch.compile(one, backend=backend) for one in (model, other, mine)]
    x = torch.randn(2, 3)

    def compiles() -> list[int]:
        """How many graphs are compiled when each is run."""
        counts = []
        for run in runs:
            compiled.clear()
            run(x)
            counts.append(len(compiled))
        return counts

    assert compiles() == [1, 1, 1]
    assert compiles() == [0, 0, 0]
    with Capture(model, CaptureOptions(layers="1", units=2)):
        assert compiles()[1:] == [0, 0]
    assert compiles() == [1, 0, 0]
    assert compiles() == [0, 0, 0]


# --- epochs ---


def test_fewer_batches_than_the_calibration_wants():
    model, capture = lines(threshold="mean", calibration_batches=50)
    batches = randn(5, 2)
    (layer,) = captured(capture, model, batches)
    rows = torch.cat(batches).double().numpy()
    assert layer.thresholds.values == pytest.approx(tuple(rows.mean(0)))
    assert layer.counts.transitions == 14


def test_thresholds_are_of_each_epoch_or_frozen_after_the_first():
    epochs = [randn(20, 3, seed=seed) for seed in (1, 2, 3)]
    for frozen in (False, True):
        model, capture = lines(threshold="median", freeze_threshold=frozen)
        captured(capture, model, randn(20, 3, seed=9), initial=True)
        layers = [captured(capture, model, [x + i for x in epoch])[0] for i, epoch in enumerate(epochs)]
        assert [layer.thresholds.frozen for layer in layers] == [frozen] * 3
        assert len({layer.thresholds for layer in layers}) == (1 if frozen else 3)
        expected = np.median(torch.cat(epochs[0]).double().numpy(), 0)[list(layers[0].units.indices)]
        assert layers[0].thresholds.values == tuple(expected)


def test_an_epoch_of_one_sample_has_no_transition():
    model, capture = lines()
    (layer,) = captured(capture, model, [chain(1)])
    assert layer.problem[0] == "no_transitions"
    assert layer.counts.transitions == 0
    assert layer.last_state == (1, 0)


def test_no_batches_at_all():
    _, capture = lines(threshold="median")
    capture.begin_epoch(0)
    (layer,) = capture.end_epoch()
    assert layer.problem[0] == "layer_not_called"
    assert layer.units is None
    assert layer.counts is None


@pytest.mark.parametrize("threshold", ["median", "zero"])
def test_a_layer_that_is_never_called_is_no_hindrance_for_others(threshold):
    model, capture = lines(layers=["other", "layer"], threshold=threshold)
    for _ in range(2):
        never, layer = captured(capture, model, randn(3, 2, count=500))
        assert never.problem[0] == "layer_not_called"
        assert "'other'" in never.problem[1]
        assert layer.counts.transitions == 1499


def test_a_layer_that_is_called_late_loses_nothing():
    model, capture = lines(layers=["other", "layer"], threshold="median", calibration_batches=2)
    batches = randn(3, 2, count=40)
    capture.begin_epoch(40)
    for number, x in enumerate(batches):
        capture.begin_step()
        model(x)
        if number >= 21:
            model.other(x)
        capture.end_step()
    other, layer = capture.end_epoch()
    assert other.counts.transitions == 19 * 3 - 1
    assert layer.counts.transitions == 40 * 3 - 1
    rows = torch.cat(batches[21:]).double().numpy()
    assert as_counter(other.counts) == loop_counts([rows], (0, 1), other.thresholds.values)


def test_units_of_auto_follow_the_expected_transitions():
    for rows, expected in [(7, 2), (8, 3), (16, 4), (64, 4)]:
        model, capture = lines(units="auto")
        capture.begin_epoch(100)
        capture.begin_step()
        model(randn(rows, 8)[0])
        capture.end_step()
        assert len(capture.end_epoch()[0].units.indices) == expected


# --- what goes wrong ---


def test_nan_and_infinity_are_left_out_and_break_the_chain():
    model, capture = lines()
    rows = chain(0, 1, 1, 2, 3)
    rows[2, 0] = float("nan")
    after = chain(1, 0)
    after[0, 1] = float("inf")
    (layer,) = captured(capture, model, [rows, after])
    assert dict(as_counter(layer.counts)) == {(0, 1): 1, (2, 3): 1}
    assert layer.left_out == 2
    assert any("2 rows were left out" in note for note in layer.notes)


@pytest.mark.parametrize("threshold", ["median", "zero"])
def test_nothing_but_nan(threshold):
    model, capture = lines(threshold=threshold)
    (layer,) = captured(capture, model, [torch.full((4, 3), float("nan"))] * 30)
    assert layer.problem[0] == "no_transitions"
    assert "NaN" in layer.problem[1]
    assert layer.left_out == 120
    assert layer.last_state is None
    (again,) = captured(capture, model, randn(4, 3))
    assert again.problem is None


def test_nan_from_the_first_batches_on_then_numbers():
    model, capture = lines(threshold="median", calibration_batches=2)
    batches = [torch.full((4, 2), float("nan"))] * 3 + randn(4, 2, count=10)
    (layer,) = captured(capture, model, batches)
    assert layer.counts.transitions == 39
    assert layer.left_out == 12


def test_dead_units_are_named():
    model, capture = lines(units=3)
    rows = chain(0b110, 0b010, 0b110, 0b010, n=3)
    (layer,) = captured(capture, model, [rows])
    words = " ".join(layer.notes)
    assert "Unit 0 (number 0 of the 3) was never ON" in words
    assert "Unit 1 (number 1 of the 3) was never OFF" in words
    assert "Unit 2" not in words


def test_fewer_units_than_asked_for_are_taken_and_said():
    model, capture = lines(units=4)
    (layer,) = captured(capture, model, randn(5, 3))
    assert layer.units.indices == (0, 1, 2)
    assert any("4 units were asked for; the layer has 3" in note for note in layer.notes)


def test_an_exception_in_a_hook_ends_the_recording_and_nothing_else():
    model, capture = lines(layers=["layer", "other"], unit_fn=lambda output: output)

    def epoch():
        capture.begin_epoch(3)
        for number, x in enumerate(randn(4, 3)):
            capture.begin_step()
            model(x if number < 1 else x[:, :1])
            model.other(x)
            capture.end_step()
        return capture.end_epoch()

    with pytest.warns(UserWarning, match="'layer' could not be recorded"):
        layer, other = epoch()
    assert layer.problem[0] == "capture_error"
    assert layer.counts is None
    assert other.counts.transitions == 11
    assert all(one.problem is None for one in captured(capture, nn.Sequential(model.layer, model.other), randn(4, 3)))


def test_a_wrong_layer_fails_before_training():
    with pytest.raises(UnknownLayerError, match=r"layer"):
        Capture(Lines(), CaptureOptions(layers="lajer"))


# --- hooks, copies, memory ---


def test_detached_hooks_are_gone():
    model, capture = lines()
    assert len(model.layer._forward_hooks) == 1
    capture.attach()
    assert len(model.layer._forward_hooks) == 1
    capture.detach()
    capture.detach()
    assert not model.layer._forward_hooks
    capture.begin_step()
    model(chain(0, 1))
    capture.end_step()
    assert capture.end_epoch()[0].problem[0] == "layer_not_called"


def test_a_copy_can_be_watched_instead():
    model, capture = lines(units=2)
    capture.detach()
    twin = copy.deepcopy(model)
    capture.attach(twin)
    capture.begin_epoch(1, initial=True)
    capture.begin_step()
    model(chain(3, 3, 3))
    twin(chain(0, 1))
    capture.end_step()
    assert dict(as_counter(capture.end_epoch()[0].counts)) == {(0, 1): 1}


def test_no_graph_is_kept_alive():
    def tensors():
        return [
            one for one in gc.get_objects() if type(one) is torch.Tensor and (one.grad_fn is not None or one.shape == (64, 128))
        ]

    torch.manual_seed(0)
    model = Digits()
    gc.collect()
    of_others = {id(one): one for one in tensors()}  # held, so that no new tensor has the identity of one of them
    with Capture(model, CaptureOptions(layers=["net.0", "net.1"])) as capture:
        capture.begin_epoch(20)
        for x, _ in batches_of(640):
            capture.begin_step()
            model(x).sum().backward()
            capture.end_step()
            gc.collect()
        kept = [one for one in tensors() if id(one) not in of_others]
        assert not [one for one in kept if one.grad_fn is not None]
        assert len(kept) <= 1


# --- resuming ---


def test_a_resumed_run_has_the_same_units_and_frozen_thresholds():
    options = CaptureOptions(layers="layer", units=2, threshold="median", freeze_threshold=True)
    model = Lines()
    first, second = Capture(model, options), Capture(model, options)
    with first:
        (layer,) = captured(first, model, randn(10, 6, seed=1))
        state = json.loads(json.dumps(first.state_dict()))
        (expected,) = captured(first, model, randn(10, 6, seed=2))
    second.load_state_dict(state)
    with second:
        (resumed,) = captured(second, model, randn(10, 6, seed=2))
    assert resumed == expected
    assert resumed.units == layer.units
    assert resumed.thresholds == layer.thresholds


def test_a_run_that_is_resumed_with_another_wish_keeps_its_units_and_says_so():
    model, capture = lines(units=2)
    captured(capture, model, randn(10, 6))
    capture.detach()
    other = Capture(model, CaptureOptions(layers=["layer", "other"], units=3, threshold="zero"))
    other.load_state_dict(capture.state_dict())
    with other:
        layer, _ = captured(other, model, randn(10, 6))
    assert len(layer.units.indices) == 2
    assert any("resumed" in note for note in layer.notes)
