"""Whatever a training step changes of Python, the pass of the untrained network puts back: training is the same to the bit."""

from __future__ import annotations

import argparse
import array
import io
import itertools
import queue
import random
from collections import ChainMap, Counter, deque
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, seed_everything
from models import Mlp, flat_data
from torch import nn
from torch.utils.data import RandomSampler
from torchmetrics import MetricCollection
from torchmetrics.aggregation import CatMetric, MeanMetric
from training import trainer

from lightning_iit import IITCallback
from lightning_iit.capture import held as held_module
from lightning_iit.capture.held import Held
from lightning_iit.capture.preserved import preserved
from lightning_iit.records import Computed, Skipped

WATCHED = {"layers": "net.1", "units": 2, "threshold": "zero", "null_model": None, "table": False, "pictures": False}


class Slots:
    __slots__ = ("__hidden", "later", "seen")

    def __init__(self) -> None:
        self.seen, self.__hidden = [], 0

    def change(self, value: float) -> None:
        self.seen.append(value)
        self.__hidden += 1
        self.later = value

    def __repr__(self) -> str:
        return f"{self.seen} {self.__hidden} {getattr(self, 'later', None)}"


class OnClass:
    calls, seen, also = 0, [], None

    def change(self, value: float) -> None:
        type(self).calls += 1
        self.seen.append(value)
        type(self).also = value

    def __repr__(self) -> str:
        return f"{self.calls} {self.seen} {self.also}"

    def reset(self) -> None:
        type(self).calls, type(self).also = 0, None
        self.seen.clear()


class Longer(list):
    total = 0.0

    def change(self, value: float) -> None:
        self.append(value)
        self.total += value

    def __repr__(self) -> str:
        return f"{list(self)} {self.total}"


@dataclass
class Nested:
    parts: dict = field(default_factory=lambda: {"a": [torch.zeros(2), (np.zeros(2),)]})

    def change(self, value: float) -> None:
        self.parts["a"][0] += value
        self.parts["a"][1][0][:] += value
        self.parts[value] = Nested


def counter():
    number = 0

    def change(value: float) -> float:
        nonlocal number
        number += value
        return number

    return change


class Method:
    """Is held as a bound method and inside a partial."""

    def __init__(self) -> None:
        self.calls = 0

    def count(self, value: float) -> None:
        self.calls += value


class Tensors:
    """A tensor whose memory is changed, a leaf with a gradient, a parameter that no module knows."""

    def __init__(self) -> None:
        self.grows, self.moves = torch.zeros(2), torch.zeros(2)
        self.leaf, self.loose = torch.zeros(2, requires_grad=True), [nn.Parameter(torch.ones(2))]

    def change(self, value: float) -> None:
        self.grows.data = torch.cat([self.grows, torch.tensor([value])])
        self.moves.data = self.moves.data.double() + value
        (self.leaf + self.loose[0]).pow(2).sum().backward()
        self.loose[0].data.add_(value)

    def __repr__(self) -> str:
        return f"{self.grows} {self.moves} {self.leaf.grad} {self.loose[0].tolist()} {self.loose[0].grad}"


class Own:
    """An optimizer, a scheduler and a scaler that the trainer does not know."""

    def __init__(self) -> None:
        self.part = nn.Linear(2, 1)
        self.optimizer = torch.optim.SGD(self.part.parameters(), 0.1, momentum=0.9)
        self.schedule = torch.optim.lr_scheduler.StepLR(self.optimizer, 1, 0.99)

    def change(self, value: float) -> None:
        self.optimizer.zero_grad()
        (self.part(torch.ones(2)) - value).pow(2).sum().backward()
        self.optimizer.step()
        self.schedule.step()

    def __repr__(self) -> str:
        return f"{[one.tolist() for one in self.part.parameters()]} {self.optimizer.state_dict()} {self.schedule.state_dict()}"


class Library:
    """Objects of Python, NumPy, torch and torchmetrics."""

    def __init__(self) -> None:
        self.queue, self.chain, self.space = queue.Queue(), ChainMap({}, {}), argparse.Namespace(n=0)
        self.counts, self.bytes, self.numbers = Counter(), bytearray(2), array.array("d", [0.0])
        self.objects, self.last = np.array([[0], None], dtype=object), deque([0.0], maxlen=2)
        self.text, self.raw = [io.StringIO()], io.BytesIO()
        self.generators = [random.Random(1), np.random.default_rng(1), torch.Generator().manual_seed(1)]
        self.sampler = RandomSampler(range(5), generator=torch.Generator().manual_seed(2))
        self.metrics = MetricCollection({"mean": MeanMetric(), "all": CatMetric()})

    def change(self, value: float) -> None:
        self.queue.put(value)
        self.chain["x"], self.space.n = value, value
        self.counts["x"] += 1
        self.bytes[0] = (self.bytes[0] + 1) % 256
        self.numbers[0] += value
        self.objects[0].append(value)
        self.last.append(value)
        self.raw.write(b"1")
        self.metrics.update(torch.tensor(value))
        self.drawn = [self.generators[0].random(), self.generators[1].random(), torch.rand(1, generator=self.generators[2])]
        self.order = list(self.sampler)

    def __repr__(self) -> str:
        plain = (
            self.chain,
            self.space,
            self.counts,
            self.bytes,
            self.numbers,
            self.objects.tolist(),
            self.last,
            self.drawn,
            self.order,
        )
        return f"{list(self.queue.queue)} {plain} {self.raw.getvalue()} {self.metrics.compute()}"


class Files:
    """Writes into an open file that an object holds."""

    def __init__(self, path) -> None:
        self.path, self.files = path, [path.open("w")]

    def change(self, value: float) -> None:
        self.files[0].write(f"{value}\n")
        self.files[0].flush()

    def __repr__(self) -> str:
        return self.path.read_text()


class Holds(Mlp):
    """Has one thing that each of its steps changes."""

    def __init__(self, thing) -> None:
        super().__init__()
        self.thing = thing

    def training_step(self, batch, index):
        loss = super().training_step(batch, index)
        self.thing.change(round(loss.item(), 3))
        return loss


class Sees(Callback):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.seen += [repr(pl_module.thing), str([value.tolist() for value in pl_module.state_dict().values()])]


def trained(folder, model, *, watched: bool):
    callback, sees = IITCallback(**WATCHED) if watched else Callback(), Sees()
    trainer(folder, callback, sees, epochs=1).fit(model, flat_data(96))
    return sees.seen, callback.records[0] if watched else None


KINDS = {one.__name__: one for one in (Slots, OnClass, Longer, Nested, Tensors, Own, Library)}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_step_changes_is_put_back(tmp_path, kind):
    found = []
    for watched in (False, True):
        seed_everything(5, verbose=False)
        OnClass().reset()
        found.append(trained(tmp_path / str(watched), Holds(KINDS[kind]()), watched=watched))
    (plain, _), (seen, record) = found
    assert seen == plain
    assert isinstance(record.result, Computed)
    assert len({*plain[::2]}) > 1, "each step changes the thing"


def test_a_file_that_an_object_holds_is_written_once(tmp_path):
    texts = []
    for name in ("a", "b"):
        seed_everything(5, verbose=False)
        thing = Files(tmp_path / f"{name}.txt")
        trained(tmp_path / name, Holds(thing), watched=name == "b")
        texts.append(repr(thing))
        thing.files[0].close()
    assert texts[0] == texts[1] != ""


def test_a_module_that_holds_an_iterator_is_not_run_and_trains_the_same(tmp_path):
    class Draws:
        def __init__(self) -> None:
            self.numbers, self.values = itertools.count(), (value * 2 for value in range(1000))

        def change(self, value):
            self.last = next(self.numbers), next(self.values), value

        def __repr__(self) -> str:
            return str(self.last)

    found = []
    for watched in (False, True):
        seed_everything(5, verbose=False)
        found.append(trained(tmp_path / str(watched), Holds(Draws()), watched=watched))
    assert found[0][0] == found[1][0]
    result = found[1][1].result
    assert isinstance(result, Skipped)
    assert "holds an iterator or a generator (count, generator)" in result.reason


def test_held_functions():
    method, one = Method(), counter()
    module = nn.Identity()
    module.acts = [method.count, partial(Method().count, 1.0), one]
    held = Held(module)
    module.acts[0](1.0)
    module.acts[1]()
    one(2.0)
    held.put_back()
    assert (method.calls, module.acts[1].func.__self__.calls, one(0.0)) == (0, 0, 0.0)


def test_an_ended_generator_is_no_obstacle_and_a_trainer_is_not_followed(tmp_path):
    from lightning.pytorch import Trainer

    class Mine(Trainer):
        """Is a class of the user."""

    module = nn.Identity()
    module.ended = (one for one in ())
    list(module.ended)
    module.mine = Mine(logger=False, default_root_dir=tmp_path)
    held = Held(module)
    assert held.iterators == []
    assert not any(container is vars(module.mine) for container in held.containers)


def test_the_rest_is_put_back_where_one_thing_cannot_be():
    module = nn.Identity()
    module.array, module.tensor, module.number = np.zeros(2), torch.zeros(2), 0
    held = Held(module)
    module.array += 1
    module.array.flags.writeable = False
    module.tensor += 1
    module.number = 1
    with pytest.raises(ValueError, match="read-only"):
        held.put_back()
    assert (module.tensor.tolist(), module.number) == ([0.0, 0.0], 0)


def test_a_large_tensor_that_was_changed_is_said(monkeypatch):
    monkeypatch.setattr(held_module, "_LARGEST_VALUE", 7)
    module = nn.Identity()
    module.tensor = torch.zeros(2)
    with pytest.warns(UserWarning, match="changed 1 tensor.*register_buffer"), preserved(module):
        module.tensor += 1
    with preserved(module):
        pass
