"""Lesions: oracles by hand, every kind of layer, and that a network is left as it was."""

from __future__ import annotations

import copy

import msgspec
import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule
from models import Gru, Mlp, flat_data, sequence_data
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lightning_iit import IITError, InvalidArgumentError, lesion
from lightning_iit.records.lesions.record import LesionMeasure, LesionRecord


def squared(outputs, batch):
    return (outputs - batch[1]).square().mean()


class Copies(nn.Module):
    """Puts out the sum of units 0 and 1 of a layer of ``width`` copies of the inputs."""

    def __init__(self, width=24):
        super().__init__()
        self.layer = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)
        with torch.no_grad():
            self.layer.weight.copy_(torch.eye(width))
            self.layer.bias.zero_()
            self.out.weight.zero_()
            self.out.weight[0, :2] = 1
            self.out.bias.zero_()

    def forward(self, x):
        return self.out(self.layer(x))[:, 0]


def task(width=24, samples=50):
    x = torch.randn(samples, width, generator=torch.Generator().manual_seed(1)) + 3
    return x, x[:, :2].sum(1)


@pytest.mark.parametrize("to", ["mean", "zero", "resample"])
def test_the_loss_is_that_of_the_closed_form(to):
    """The units that carry the task leave the variance of their sum (mean) or its square (zero); no other unit carries any."""
    x, y = task(samples=2 if to == "resample" else 50)
    found = lesion(Copies(), [(x, y)], "layer", (0, 1), metric=squared, to=to)
    expected = {"mean": y.var(correction=0), "zero": y.square().mean(), "resample": (y - y.flip(0)).square().mean()}[to]
    assert found.before == pytest.approx(0, abs=1e-9)
    assert found.after == pytest.approx(float(expected), rel=1e-5)
    assert found.controls == pytest.approx([0] * 20, abs=1e-9)
    assert len(set(found.control_units)) == 20
    assert all(len(one) == 2 and not set(one) & {0, 1} for one in found.control_units)
    assert found.p == found.smallest_p == pytest.approx(1 / 21)
    assert lesion(Copies(), [(x, y)], "layer", (5,), metric=squared, to=to).p == 1  # as little as the others


def test_means_are_those_of_all_batches():
    x, y = task()
    one = lesion(Copies(), [(x, y)], "layer", (0,), metric=squared)
    several = lesion(Copies(), [(x[:7], y[:7]), (x[7:], y[7:])], "layer", (0,), metric=squared)
    assert several.after == pytest.approx(one.after)
    assert several.samples == one.samples == 50


def test_other_samples_are_never_the_sample_itself():
    x, y = task(samples=40)
    seen = []

    def metric(outputs, batch):
        seen.append(outputs)
        return squared(outputs, batch)

    lesion(Copies(), [(x, y)], "layer", (0, 1), metric=metric, to="resample")
    resampled = seen[1]
    assert torch.allclose(resampled.sort().values, y.sort().values)
    assert not torch.isclose(resampled, y).any()


RECURRENT = [
    (kind, options)
    for kind in (nn.RNN, nn.GRU, nn.LSTM)
    for options in ({}, {"batch_first": True}, {"num_layers": 2, "bidirectional": True}, {"num_layers": 2, "bias": False})
] + [(nn.LSTM, {"proj_size": 4}), (nn.RNN, {"nonlinearity": "relu"})]


class Sequences(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)


def flat(value):
    """All tensors in what a recurrent layer returned."""
    if isinstance(value, PackedSequence):
        return [value.data]
    return [value] if isinstance(value, torch.Tensor) else [part for one in value for part in flat(one)]


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(("kind", "options"), RECURRENT)
@pytest.mark.parametrize("given", ["batch", "packed", "single"])
def test_a_recurrent_layer_that_is_stepped_computes_what_torch_computes(kind, options, given):
    torch.manual_seed(0)
    layer = kind(3, 8, **options).eval()
    x = torch.randn(5, 4, 3)
    if given == "packed":
        first = options.get("batch_first", False)
        x = pack_padded_sequence(x.transpose(0, 1) if first else x, [2, 5, 1, 4], enforce_sorted=False, batch_first=first)
    elif given == "single":
        x = x[:, 0]
    expected, seen = flat(layer(x)), []

    def metric(outputs, _):
        seen.append(flat(outputs))
        return 1.0

    lesion(Sequences(layer), [[x]], "layer", (1,), metric=metric)
    assert [part.shape for part in seen[0]] == [part.shape for part in expected]
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(seen[0], expected, strict=True))


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("to", ["mean", "zero", "resample"])
def test_units_of_a_recurrent_layer_are_set_between_its_steps(kind, to):
    """By hand: the layer is run one step at a time by torch, and its state is set before the next step."""
    torch.manual_seed(0)
    layer, x, seen = kind(3, 6, batch_first=True), torch.randn(2, 7, 3), []
    with torch.no_grad():
        clean = stepped(layer, x, lambda state, _: state)

    def changed(state, t):
        state = state.clone()
        values = {"mean": clean.mean((1, 2), keepdim=True)[:, :, 0], "zero": torch.zeros_like(clean[:, 0]), "resample": None}[to]
        state[..., [1, 4]] = (clean[:, t].flip(1) if values is None else values.expand_as(state))[..., [1, 4]]
        return state

    def metric(outputs, _):
        seen.append(outputs[0])
        return 1.0

    lesion(Sequences(layer), [[x]], "layer", (1, 4), metric=metric, to=to)
    with torch.no_grad():
        expected = stepped(layer, x, changed)[0].transpose(0, 1)
    assert torch.allclose(seen[1], expected, atol=1e-5)


def stepped(layer, x, change):
    """States ``[part, T, B, unit]`` of a layer that is called with one time after the other."""
    state, states = None, []
    for t in range(x.shape[1]):
        _, following = layer(x[:, t : t + 1], state)
        parts = torch.stack(following if isinstance(following, tuple) else (following,))[:, 0]
        parts = change(parts, t)
        states.append(parts)
        state = tuple(part[None] for part in parts) if len(parts) > 1 else parts
    return torch.stack(states, 1)


def test_padding_is_no_part_of_a_mean():
    torch.manual_seed(0)
    layer, x, lengths, seen = nn.GRU(3, 6), torch.randn(5, 3, 3), [2, 5, 1], []
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    with torch.no_grad():
        mean = layer(packed)[0].data.mean(0)

    def metric(outputs, _):
        seen.append(pad_packed_sequence(outputs[0])[0])
        return 1.0

    lesion(Sequences(layer), [[packed]], "layer", (2,), metric=metric)
    assert torch.allclose(seen[1][:, 1, 2], mean[2].expand(5), atol=1e-6)
    assert torch.equal(seen[1][2:, 0], torch.zeros(3, 6))


class Cells(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x):
        state, states = None, []
        for now in x.unbind(1):
            state = self.cell(now, state)
            states.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(states, 1)


@pytest.mark.parametrize(("cell", "layer"), [(nn.RNNCell, nn.RNN), (nn.GRUCell, nn.GRU), (nn.LSTMCell, nn.LSTM)])
@pytest.mark.parametrize("to", ["mean", "resample"])
def test_a_cell_is_as_its_layer(cell, layer, to):
    torch.manual_seed(0)
    one, whole, x = cell(3, 6), layer(3, 6, batch_first=True), torch.randn(4, 7, 3)
    whole.load_state_dict({f"{name}_l0": value for name, value in one.state_dict().items()})
    by_cell = lesion(Cells(one), [[x]], "cell", (1, 4), metric=lambda outputs, _: outputs.square().mean(), to=to)
    by_layer = lesion(Sequences(whole), [[x]], "layer", (1, 4), metric=lambda outputs, _: outputs[0].square().mean(), to=to)
    assert (by_cell.before, by_cell.after, *by_cell.controls) == pytest.approx(
        (by_layer.before, by_layer.after, *by_layer.controls), rel=1e-5
    )


class Own(nn.Module):
    """A recurrent layer of one's own: the state is the tanh of input and state."""

    def __init__(self):
        super().__init__()
        self.feed, self.among = nn.Linear(3, 6), nn.Linear(6, 6, bias=False)

    def step(self, state, now):
        return torch.tanh(self.feed(now) + self.among(state))

    def forward(self, x):
        state, states = x.new_zeros(len(x), 6), []
        for now in x.unbind(1):
            state = self.step(state, now)
            states.append(state)
        return torch.stack(states, 1)


def test_a_layer_of_ones_own_is_set_between_its_steps():
    torch.manual_seed(0)
    own, plain, x = Own(), nn.RNN(3, 6, batch_first=True), torch.randn(4, 7, 3)
    with torch.no_grad():
        plain.weight_ih_l0.copy_(own.feed.weight)
        plain.bias_ih_l0.copy_(own.feed.bias)
        plain.weight_hh_l0.copy_(own.among.weight)
        plain.bias_hh_l0.zero_()
    found = lesion(
        *(Sequences(own), [[x]], "layer", (1, 4)),
        metric=lambda outputs, _: outputs.square().mean(),
        step=lambda module, state, now: module.step(state, now),
    )
    as_torch = lesion(Sequences(plain), [[x]], "layer", (1, 4), metric=lambda outputs, _: outputs[0].square().mean())
    assert (found.before, found.after) == pytest.approx((as_torch.before, as_torch.after), rel=1e-5)


def test_a_channel_is_set_as_a_whole():
    torch.manual_seed(0)
    model, x, seen = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU()), torch.randn(8, 1, 6, 6), []
    lesion(model, [x], "0", (2,), metric=lambda outputs, _: seen.append(outputs) or 1.0)
    mean = model[0](x).mean((0, 2, 3))[2]
    assert torch.allclose(seen[1][:, 2], mean.relu().expand(8, 4, 4), atol=1e-6)
    others = [channel for channel in range(6) if channel != 2]
    assert torch.equal(seen[1][:, others], seen[0][:, others])


@pytest.mark.parametrize("layer", ["layers.0", "layers.0.linear1", "layers.0.self_attn"])
def test_a_unit_of_a_transformer_is_set_at_every_token(layer):
    torch.manual_seed(0)
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, enable_nested_tensor=False)
    x = torch.randn(4, 5, 8)

    def metric(outputs, _):
        return outputs[..., 0].square().mean()

    def to_zero(_module, _inputs, output):
        values = (output[0] if isinstance(output, tuple) else output).clone()
        values[..., 3] = 0
        return (values, *output[1:]) if isinstance(output, tuple) else values

    found = lesion(model, [x], layer, (3,), metric=metric, to="zero")
    with torch.no_grad(), model.get_submodule(layer).register_forward_hook(to_zero):
        expected = float(metric(model.eval()(x), None))
    assert found.after == pytest.approx(expected, rel=1e-5)
    assert found.after != found.before


class Judged(Gru):
    """Logs an accuracy beside its loss, and has a buffer that each step changes."""

    def __init__(self):
        super().__init__()
        self.register_buffer("steps", torch.zeros(()))
        self.seen = []

    def validation_step(self, batch, _):
        self.steps += 1
        self.seen.append(float(torch.rand(())))
        outputs = self(batch[0])
        loss = nn.functional.cross_entropy(outputs, batch[1])
        self.log("val_loss", loss)
        self.log_dict({"val_acc": (outputs.argmax(1) == batch[1]).float().mean()})
        return loss


def test_a_modules_own_loss_and_what_it_logs_are_the_measures_and_nothing_is_left_of_them():
    torch.manual_seed(0)
    model = Judged().train()
    model.net["gru"].eval()
    before, names, random = copy.deepcopy(model.state_dict()), sorted(vars(model)), torch.get_rng_state()
    forward = {name: sorted(vars(part)) for name, part in model.named_modules()}
    found = lesion(model, sequence_data(), model.net["gru"], (0, 1, 2))
    assert torch.equal(torch.get_rng_state(), random)
    assert [one.name for one in found.measures] == ["loss", "val_acc"]
    with torch.no_grad():
        losses = [(len(x), float(nn.functional.cross_entropy(model(x), y))) for x, y in sequence_data()]
    assert found.before == pytest.approx(np.average([loss for _, loss in losses], weights=[size for size, _ in losses]), rel=1e-5)
    assert found.samples == 60
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert (sorted(vars(model)), model.seen, model.training, model.net["gru"].training) == (names, [], True, False)
    assert forward == {name: sorted(vars(part)) for name, part in model.named_modules()}
    assert not any(part._forward_hooks for part in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_model_is_put_back_after_an_error():
    model = Copies()
    names = sorted(vars(model.layer))

    def metric(*_):
        raise OSError

    for one, layer in ((model, "layer"), (Sequences(nn.GRU(24, 6)), "layer")):
        with pytest.raises(OSError):
            lesion(one, [task()], layer, (0,), metric=metric)
        assert "forward" not in vars(one.layer)
        assert not one.layer._forward_hooks
    assert sorted(vars(model.layer)) == names


def test_training_steps_measure_where_there_is_no_validation():
    class Trains(Mlp):
        validation_step = LightningModule.validation_step

    assert [one.name for one in lesion(Trains(), flat_data(), "net.1", (0,)).measures] == ["loss"]


def test_p_counts_changes_in_both_directions():
    one = LesionMeasure(name="accuracy", before=0.8, after=0.5, controls=(0.8, 0.4, 1.2, 0.6))
    assert one.p == pytest.approx(3 / 5)


def test_where_there_are_few_other_units_there_are_fewer_controls():
    x, y = task(width=5)
    found = lesion(Copies(5), [(x, y)], "layer", (0, 1), metric=squared)
    assert set(found.control_units) == {(2, 3), (2, 4), (3, 4)}
    assert found.smallest_p == pytest.approx(1 / 4)
    assert "3 random sets of 2 other units; the smallest p they can give is 0.250" in found.words


def test_it_is_shown_and_kept():
    x, y = task()
    found = lesion(Copies(), [(x, y)], "layer", (0, 1), metric=squared)
    read = msgspec.json.decode(msgspec.json.encode(found), type=LesionRecord)
    assert (read.measures, read.control_units, read.words) == (found.measures, found.control_units, found.words)
    assert found.picture().startswith(b"\x89PNG")
    assert b"<svg" in found.picture("svg")
    table = found.__rich__()
    assert [column.header for column in table.columns] == ["measure", "before", "after", "20 controls", "p", "smallest p"]
    assert str(found) == found.words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"units": (0, 99)}, "no unit 99"),
        ({"units": ()}, "one unit or more"),
        ({"units": "01"}, "one unit or more"),
        ({"units": (1, 1)}, "each once"),
        ({"units": tuple(range(13))}, "too few for a control"),
        ({"to": "median"}, "'mean', 'zero', 'resample'"),
        ({"layer": "lay"}, "no module of the model"),
        ({"layer": "*"}, "name one of"),
        ({"metric": None}, "give metric="),
        ({"metric": lambda outputs, _: outputs}, "return one number"),
        ({"metric": lambda *_: float("nan")}, "not finite"),
        ({"batches": []}, "batches: there is none"),
        ({"batches": iter(())}, "read only once"),
        ({"model": "a.ckpt"}, "torch.nn.Module"),
        ({"batches": [(task()[0][:1], task()[1][:1])], "to": "resample"}, "2 samples or more"),
    ],
)
def test_what_cannot_be_done_is_said(given, words):
    told = {"model": Copies(), "batches": [task()], "layer": "layer", "units": (0,), "metric": squared} | given
    with pytest.raises(IITError, match=words):
        lesion(**told)


def test_a_recurrent_layer_without_a_known_step_is_refused():
    class Mine(nn.GRU):
        def forward(self, x):
            return super().forward(x)[0].relu()

    model = Sequences(Mine(3, 6))
    with pytest.raises(InvalidArgumentError, match="no step of this Mine is known"):
        lesion(model, [[torch.randn(4, 2, 3)]], "layer", (0,), metric=lambda outputs, _: outputs.mean())
