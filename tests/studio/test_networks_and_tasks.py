"""Each network does each task, and each task asks what it says."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.studio.training.networks import CNN, GRU, LSTM, MLP, RNN, Transformer
from lightning_iit.studio.training.stored_tasks import Digits, Mnist, Text
from lightning_iit.studio.training.tasks import Adding, DelayedCopy, ModularAddition, Parity

if TYPE_CHECKING:
    from pathlib import Path

NETWORKS = (GRU, LSTM, RNN, MLP, CNN, Transformer)


def text(folder: Path) -> str:
    file = folder / "text.txt"
    file.write_text("the quick brown fox jumps over the lazy dog. " * 40)
    return str(file)


def mnist(folder: Path, many: int = 40) -> str:
    images, labels = np.arange(many * 784, dtype=np.int64) % 256, np.arange(many) % 10
    (folder / "t10k-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, many) + labels.astype(np.uint8).tobytes())
    with gzip.open(folder / "t10k-images-idx3-ubyte.gz", "wb") as file:
        file.write(struct.pack(">IIII", 2051, many, 28, 28) + images.astype(np.uint8).tobytes())
    return str(folder)


def tasks(folder: Path):
    return (
        Digits(),
        DelayedCopy(samples=50),
        Parity(samples=50),
        Adding(samples=50),
        ModularAddition(p=5),
        Mnist(mnist(folder)),
        Text(text(folder), samples=50),
    )


def test_each_network_does_each_task(tmp_path):
    for task in tasks(tmp_path):
        batch = next(iter(task.train_dataloader()))
        shape = task.shape
        for kind in NETWORKS:
            network = kind(shape, width=8)
            said = network(batch[0])
            assert said.shape == (len(batch[0]), shape["answers"], max(1, shape["outputs"])), (kind, task)
            loss, accuracy = network._judged(batch)
            loss.backward()
            assert all(one.grad is not None for one in network.parameters()), (kind, task)
            assert 0 <= accuracy <= 1


def test_a_loss_and_an_accuracy_are_those_that_are_computed_by_hand():
    network = MLP(Parity(steps=2, samples=10).shape, width=2)
    scores = torch.tensor([[[2.0, 0.0], [0.0, 1.0]]])
    network.forward = lambda _: scores
    loss, accuracy = network._judged((None, torch.tensor([[0, 0]])))
    by_hand = (-np.log(np.exp(2) / (np.exp(2) + 1)) - np.log(1 / (1 + np.e))) / 2
    assert loss.item() == pytest.approx(by_hand, rel=1e-5)
    assert accuracy.item() == 0.5
    adding = MLP(Adding(samples=10).shape, width=2)
    adding.forward = lambda _: torch.tensor([[[1.0]], [[0.5]]])
    loss, accuracy = adding._judged((None, torch.tensor([[1.03], [0.0]])))
    assert loss.item() == pytest.approx((0.03**2 + 0.25) / 2, rel=1e-4)
    assert accuracy.item() == 0.5


def test_the_layers_are_those_that_are_asked_for():
    shape = Digits().shape
    deep = GRU(shape, width=6, depth=3).memory
    assert (type(deep), deep.hidden_size, deep.num_layers) == (nn.GRU, 6, 3)
    assert [part.out_features for part in MLP(shape, width=6, depth=3).layers if isinstance(part, nn.Linear)] == [6, 6, 6]
    assert [part.out_channels for part in CNN(shape, width=6, depth=3).layers if isinstance(part, nn.Conv2d)] == [6, 6, 6]
    blocks = Transformer(shape, width=6, depth=3, heads=2).blocks
    assert [(block.self_attn.embed_dim, block.self_attn.num_heads) for block in blocks] == [(6, 2)] * 3


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        (GRU, {"width": 1}, "width=1: give a value from 2"),
        (GRU, {"depth": 0}, "depth=0: give a value from 1"),
        (MLP, {"learning_rate": -1.0}, "learning_rate=-1.0"),
        (MLP, {"weight_decay": float("nan")}, "weight_decay=nan"),
        (Transformer, {"width": 10, "heads": 4}, "a multiple of heads"),
    ],
)
def test_a_network_that_cannot_be_says_why(kind, given, words):
    with pytest.raises(InvalidArgumentError, match=words):
        kind(Digits().shape, **given)


def test_a_network_that_is_told_no_shape_says_so():
    with pytest.raises(InvalidArgumentError, match="DataModule has no attribute `shape`"):
        GRU(None)


def whole(task):
    train, held_out = task.samples()
    return torch.cat((train.tensors[0], held_out.tensors[0])), torch.cat((train.tensors[1], held_out.tensors[1]))


def test_delayed_copy_asks_for_what_was_shown():
    inputs, answers = whole(DelayedCopy(length=2, delay=3, symbols=4, samples=50))
    for row, wanted in zip(inputs.tolist(), answers.tolist(), strict=True):
        assert [symbol - 2 for symbol in row[:2]] == wanted
        assert row[2:] == [0, 0, 0, 1, 0]
    assert set(answers.flatten().tolist()) == {0, 1, 2, 3}


def test_parity_is_that_of_the_ones_so_far():
    inputs, answers = whole(Parity(steps=5, samples=50))
    for bits, wanted in zip(inputs.squeeze(2).tolist(), answers.tolist(), strict=True):
        assert wanted == [int(sum(bits[: step + 1])) % 2 for step in range(5)]


def test_adding_asks_for_the_sum_of_the_marked():
    inputs, answers = whole(Adding(steps=7, samples=50))
    for rows, (wanted,) in zip(inputs.tolist(), answers.tolist(), strict=True):
        marked = [number for number, mark in rows if mark]
        assert len(marked) == 2
        assert wanted == pytest.approx(sum(marked), abs=1e-6)


def test_modular_addition_has_each_pair_once():
    task = ModularAddition(p=7, shown=0.6)
    inputs, answers = whole(task)
    assert sorted((a, b) for a, b, _ in inputs.tolist()) == [(a, b) for a in range(7) for b in range(7)]
    assert all(
        (a + b) % 7 == wanted and sign == 7 for (a, b, sign), (wanted,) in zip(inputs.tolist(), answers.tolist(), strict=True)
    )
    assert len(task.samples()[0]) == 29  # 49 less 40 %


def test_mnist_is_read_from_its_files(tmp_path):
    inputs, answers = whole(Mnist(mnist(tmp_path)))
    assert inputs.shape == (40, 28, 28)
    assert sorted(answers.flatten().tolist()) == sorted(list(range(10)) * 4)
    image = inputs[answers.flatten() == 3][0].flatten()
    known = [(torch.arange(784) + 784 * place) % 256 / 255 for place in (3, 13, 23, 33)]
    assert any(torch.allclose(image, one.float()) for one in known)
    with pytest.raises(InvalidArgumentError, match="there is no t10k-images"):
        Mnist(str(tmp_path / "none")).samples()
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(b"no labels at all")
    with pytest.raises(InvalidArgumentError, match="no IDX file of labels"):
        Mnist(str(tmp_path)).samples()


def test_a_text_asks_for_the_next_character(tmp_path):
    written = "abc" * 200
    (tmp_path / "abc.txt").write_text(written)
    task = Text(str(tmp_path / "abc.txt"), steps=4, samples=100)
    inputs, answers = whole(task)
    assert task.shape["outputs"] == 3
    assert all((row[-1] + 1) % 3 == wanted for row, (wanted,) in zip(inputs.tolist(), answers.tolist(), strict=True))
    for given, words in (
        ({"file": str(tmp_path / "none")}, "cannot be read"),
        ({"file": str(tmp_path / "abc.txt"), "steps": 99}, "too few"),
    ):
        with pytest.raises(InvalidArgumentError, match=words):
            Text(**given)


def test_the_data_are_the_same_each_time_and_apart():
    one, other = Parity(samples=40).samples(), Parity(samples=40).samples()
    assert all(torch.equal(a, b) for a, b in zip(one[0].tensors, other[0].tensors, strict=True))
    assert (len(one[0]), len(one[1])) == (32, 8)
