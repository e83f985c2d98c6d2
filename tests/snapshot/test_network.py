"""Snapshots of the network against values read from the modules by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import NetworkSnapshot, decode_network, encode
from lightning_iit.snapshot.recorder import SnapshotRecorder


def mlp() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 200), nn.ReLU(), nn.Linear(200, 8), nn.Tanh(), nn.Linear(8, 3))


def snapshot(model: nn.Module, batch: Tensor, **options: Any) -> NetworkSnapshot:
    recorder = SnapshotRecorder(model, **options)
    with recorder.watch():
        model(batch)
    return recorder.snapshot(epoch=2, global_step=30)


def test_layers_come_in_forward_order_with_true_width_kind_and_analysed_units() -> None:
    shot = snapshot(mlp(), torch.randn(5, 16), units={"1": (150, 3), "4": (0, 2)})
    assert [(layer.name, layer.kind, layer.width) for layer in shot.layers] == [
        ("input", "input", 16),
        ("0", "linear", 200),
        ("2", "linear", 8),
        ("4", "linear", 3),
    ]
    hidden = shot.layers[1]
    assert hidden.aliases == ("1",)
    assert hidden.analysed == (150, 3)
    assert {3, 150} <= set(hidden.indices)
    assert len(hidden.indices) == 64
    assert shot.layers[3].analysed == (0, 2)
    assert (shot.epoch, shot.global_step) == (2, 30)


def test_weights_are_the_strongest_among_the_sampled_units() -> None:
    model = mlp()
    shot = snapshot(model, torch.randn(5, 16), connections=50)
    for pair, module in zip(shot.connections, (model[0], model[2], model[4]), strict=True):
        assert isinstance(module, nn.Linear)
        before, after = shot.layers[pair.from_layer], shot.layers[pair.to_layer]
        every = [(abs(module.weight[to, source].item()), source, to) for to in after.indices for source in before.indices]
        strongest = sorted(every, reverse=True)[: min(50, len(every))]
        assert {(source, to) for source, to, _ in pair.weights} == {(source, to) for _, source, to in strongest}
        for source, to, weight in pair.weights:
            assert weight == pytest.approx(module.weight[to, source].item(), rel=1e-3)
        assert pair.total == module.weight.numel()
        assert pair.largest == pytest.approx(strongest[0][0], rel=1e-3)


def test_activity_is_that_of_the_activation_after_the_layer() -> None:
    model, batch = mlp(), torch.randn(5, 16)
    recorder = SnapshotRecorder(model, units={"1": (7,), "3": (1,)}, samples=4)
    with recorder.watch():
        model(batch)
    shot = recorder.snapshot(epoch=0, global_step=0)
    with torch.no_grad():
        hidden = model[1](model[0](batch))
        second = model[3](model[2](hidden))
    assert shot.steps == ((0, 0), (1, 0), (2, 0), (3, 0))
    for layer, truth in ((shot.layers[0], batch), (shot.layers[1], hidden), (shot.layers[2], second)):
        assert layer.activity == tuple(pytest.approx(row, rel=1e-3, abs=1e-6) for row in truth[:4][:, list(layer.indices)].tolist())
        assert layer.mean_activity == pytest.approx(truth[:, list(layer.indices)].mean(dim=0).tolist(), rel=1e-3, abs=1e-6)


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.memory = kind(6, 10, batch_first=True)
        self.head = nn.Linear(10, 2)

    def forward(self, batch: Tensor) -> Tensor:
        return self.head(self.memory(batch)[0][:, -1])


@pytest.mark.parametrize(("kind", "gate", "of"), [(nn.RNN, 0, "weight"), (nn.GRU, 2, "candidate gate"), (nn.LSTM, 2, "cell gate")])
def test_recurrent_layers_show_their_loops_and_their_time(kind: type[nn.RNNBase], gate: int, of: str) -> None:
    torch.manual_seed(1)
    model, batch = Recurrent(kind), torch.randn(3, 5, 6)
    shot = snapshot(model, batch, samples=2)
    assert [layer.kind for layer in shot.layers] == ["input", kind.__name__.lower(), "linear"]
    pairs = {(pair.from_layer, pair.to_layer): pair for pair in shot.connections}
    assert set(pairs) == {(0, 1), (1, 2), (1, 1)}
    loop = pairs[1, 1]
    assert loop.of == of
    weight = model.memory.weight_hh_l0
    for source, to, value in loop.weights:
        assert value == pytest.approx(weight[gate * 10 + to, source].item(), rel=1e-3)
    assert shot.steps == tuple((sample, step) for sample in range(2) for step in range(5))
    states = model.memory(batch)[0].detach()
    assert shot.layers[1].activity[7] == pytest.approx(states[1, 2].tolist(), rel=1e-3, abs=1e-6)
    assert shot.layers[2].activity[0] == shot.layers[2].activity[4]


def test_of_stacked_recurrent_layers_the_last_is_shown_which_the_picture_says() -> None:
    torch.manual_seed(1)
    model = nn.GRU(6, 10, num_layers=3, batch_first=True)
    shot = snapshot(model, torch.randn(3, 5, 6))
    assert "the last of 3 layers" in shot.layers[-1].detail
    assert any("the last of its 3 layers is shown" in note for note in shot.notes)
    loop = next(pair for pair in shot.connections if pair.from_layer == pair.to_layer)
    for source, to, value in loop.weights:
        assert value == pytest.approx(model.weight_hh_l2[20 + to, source].item(), rel=1e-3)
    assert not snapshot(nn.GRU(6, 10, batch_first=True), torch.randn(3, 5, 6)).notes


def test_convolutions_show_channels_and_flattened_maps_their_strongest_position() -> None:
    torch.manual_seed(2)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3, groups=2), nn.Flatten(), nn.Linear(6 * 16, 5))
    shot = snapshot(model, torch.randn(2, 1, 8, 8))
    assert [(layer.kind, layer.width) for layer in shot.layers] == [("input", 1), ("conv", 4), ("conv", 6), ("linear", 5)]
    grouped = next(pair for pair in shot.connections if pair.to_layer == 2)
    conv, linear = model[2], model[4]
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(linear, nn.Linear)
    for source, to, weight in grouped.weights:
        kernel = conv.weight[to, source - 2 * (to // 3)].flatten()
        assert abs(weight) == pytest.approx(kernel.abs().max().item(), rel=1e-3)
    assert len(grouped.weights) == 12
    flat = next(pair for pair in shot.connections if pair.to_layer == 3)
    assert flat.of == "weight, largest of 16 positions"
    source, to, weight = flat.weights[0]
    assert abs(weight) == pytest.approx(linear.weight[to, source * 16 : source * 16 + 16].abs().max().item(), rel=1e-3)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(20, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.query, self.key = nn.Linear(8, 8), nn.Linear(8, 8)
        self.out = nn.Linear(8, 4)

    def forward(self, batch: Tensor) -> Tensor:
        held = self.tokens(batch)
        held = held + self.attention(held, held, held)[0]
        return self.out((self.query(held) * self.key(held)).mean(1))


def test_branches_and_residuals_are_connected_as_the_data_flowed() -> None:
    shot = snapshot(Block(), torch.randint(0, 20, (3, 7)))
    names = [layer.name for layer in shot.layers]
    assert names == ["tokens", "attention", "query", "key", "out"]
    assert [layer.kind for layer in shot.layers[:2]] == ["embedding", "attention"]
    assert shot.layers[1].heads == 2
    pairs = {(names[pair.from_layer], names[pair.to_layer]) for pair in shot.connections}
    assert pairs == {
        ("tokens", "attention"),
        ("tokens", "query"),
        ("attention", "query"),
        ("tokens", "key"),
        ("attention", "key"),
        ("query", "out"),
        ("key", "out"),
    }


@pytest.mark.parametrize("budget", [2_000, 8_000, 30_000])
def test_the_budget_holds(budget: int) -> None:
    model = nn.Sequential(nn.Linear(40, 30), nn.Linear(30, 30), nn.Linear(30, 10))
    shot = snapshot(model, torch.randn(8, 40), budget=budget)
    assert len(encode(shot)) <= max(budget, 3_500)
    assert decode_network(encode(shot)) == shot


def test_a_budget_too_small_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="budget=10"):
        SnapshotRecorder(mlp(), budget=10)


def test_watching_changes_nothing() -> None:
    def train(*, watched: bool) -> list[Tensor]:
        model = nn.Sequential(nn.Linear(6, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Dropout(0.4), nn.Linear(20, 2))
        torch.manual_seed(3)
        for parameter in model.parameters():
            nn.init.normal_(parameter)
        recorder = SnapshotRecorder(model, units={"2": (0, 1)})
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for step in range(4):
            if watched:
                recorder.attach()
            optimizer.zero_grad()
            model(torch.randn(9, 6)).square().mean().backward()
            optimizer.step()
            if watched:
                recorder.detach()
                recorder.snapshot(epoch=step, global_step=step)
        return [*model.state_dict().values(), torch.get_rng_state()]

    for plain, with_it in zip(train(watched=False), train(watched=True), strict=True):
        assert torch.equal(plain, with_it)


def test_units_stay_the_same_and_hooks_go() -> None:
    model = mlp()
    recorder = SnapshotRecorder(model, seed=5)
    shots = []
    for epoch in range(2):
        with recorder.watch():
            model(torch.randn(4, 16))
        shots.append(recorder.snapshot(epoch=epoch, global_step=epoch))
    assert shots[0].layers[1].indices == shots[1].layers[1].indices
    assert not any(module._forward_hooks for module in model.modules())
    assert shots[0].layers[1].indices != snapshot(mlp(), torch.randn(4, 16), seed=6).layers[1].indices


def test_values_that_are_not_finite_are_said() -> None:
    batch = torch.randn(3, 16)
    batch[0, 0] = float("nan")
    shot = snapshot(mlp(), batch)
    assert any("not finite" in note for note in shot.notes)
    assert decode_network(encode(shot)) == shot


def test_a_compiled_model_is_left_alone() -> None:
    model = mlp()
    model._compiled_call_impl = model.forward  # what module.compile() sets, without a compiler
    recorder = SnapshotRecorder(model)
    recorder.attach()
    assert not any(module._forward_hooks for module in model.modules())
    shot = recorder.snapshot(epoch=0, global_step=0)
    assert any("compiled" in note for note in shot.notes)
