"""Names, globs, close matches, and the layer that is picked."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lightning_iit.capture.choose.layers import find_layers, is_match
from lightning_iit.capture.choose.picking import pick_layer
from lightning_iit.errors import InvalidArgumentError, UnknownLayerError


def mlp():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2), nn.Softmax(-1))


class Model(nn.Module):
    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


def names(model, layers):
    return [layer.name for layer in find_layers(model, layers)]


def test_names_in_the_order_given_each_once():
    model = Model(net=mlp())
    assert names(model, ["net.3", "net.1", "net.3"]) == ["net.3", "net.1"]
    assert names(model, "net.0") == ["net.0"]
    layer = find_layers(model, "net.3")[0]
    assert layer.module is model.net[3]
    assert layer.ancestors == (model, model.net)


def test_a_star_stays_within_a_part_of_the_name_and_two_do_not():
    model = Model(a=Model(b=mlp()), c=mlp())
    assert names(model, "a.*") == ["a.b"]
    assert names(model, "a.**") == ["a.b", *(f"a.b.{i}" for i in range(6))]
    assert names(model, "*.[13]") == ["c.1", "c.3"]
    assert names(model, "?") == ["a", "c"]
    assert not is_match("axb", "a.b")


@pytest.mark.parametrize(("given", "close"), [("net.33", "net.3"), ("nett.0", "net.0"), ("encoder*", "net")])
def test_a_wrong_name_offers_close_matches(given, close):
    with pytest.raises(UnknownLayerError, match=r"no module of the model") as caught:
        find_layers(Model(net=mlp()), [given])
    assert close in str(caught.value)
    assert given in str(caught.value)


@pytest.mark.parametrize(
    "given", [["Encoder", "encoder"], "?ncoder", ["encoder.Act", "Encoder.act"], ["**"]], ids=["both", "glob", "parts", "all"]
)
def test_names_that_differ_only_in_case_are_refused(given):
    model = Model(encoder=Model(Act=nn.ReLU()), Encoder=Model(act=nn.ReLU()))
    with pytest.raises(InvalidArgumentError, match=r"ncoder.* differ only in the case of letters.*name="):
        find_layers(model, given)
    assert names(model, "encoder") == ["encoder"]


def test_no_layer_named_is_refused():
    with pytest.raises(UnknownLayerError, match="None"):
        find_layers(mlp(), [])


def test_compiled_modules_go_by_their_plain_names():
    model = Model(net=torch.compile(mlp(), backend="eager"))
    layer = find_layers(model, "net.3")[0]
    assert isinstance(layer.module, nn.Tanh)
    assert len(names(model, "**")) == 7


def test_a_shared_module_is_found_under_each_name():
    tanh = nn.Tanh()
    model = Model(first=tanh, second=tanh)
    assert names(model, "*") == ["first", "second"]


@pytest.mark.parametrize(
    ("model", "picked"),
    [
        (Model(net=mlp()), "net.3"),
        (Model(rnn=nn.GRU(3, 4), head=nn.Linear(4, 2)), "rnn"),
        (Model(cell=nn.LSTMCell(3, 4), body=mlp()), "cell"),
        (Model(fc1=nn.Linear(3, 4), fc2=nn.Linear(4, 4), out=nn.Linear(4, 2)), "fc2"),
        (Model(conv=nn.Conv2d(1, 2, 3), act=nn.GELU(), pool=nn.Flatten(), out=nn.Linear(4, 2), loss=nn.CrossEntropyLoss()), "act"),
    ],
)
def test_the_layer_that_is_picked(model, picked):
    assert pick_layer(model) == picked
    assert names(model, None) == [picked]


def test_nothing_to_pick_is_said():
    with pytest.raises(UnknownLayerError, match="Name a layer"):
        find_layers(Model(act=nn.ReLU()), None)
