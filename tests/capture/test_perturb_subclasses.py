"""Subclasses of torch's recurrent layers that leave the computation to their parents are perturbed like their parents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from models import Gru, sequence_data
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from training import train

from lightning_iit import analyse
from lightning_iit.capture.perturb.parents import leaves_forward_to_torch
from lightning_iit.capture.perturb.recurrent import LayerStepper
from lightning_iit.capture.perturb.reservoir import Reservoir
from lightning_iit.capture.perturb.steps import step_for

QUICK = {"workers": 0, "null_model": None, "units": [0, 2, 3], "draws": 64, "network": False}


def padding(parent: type[nn.RNNBase]) -> type[nn.RNNBase]:
    """A class whose forward takes the lengths of padded sequences, as those of libraries for forecasting do."""

    class Padding(parent):
        def forward(self, x: Tensor, hx: Any = None, lengths: Tensor | None = None) -> Any:
            if lengths is None:
                return super().forward(x, hx=hx)
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            out, last = super().forward(packed, hx)
            return pad_packed_sequence(out, batch_first=True, total_length=x.shape[1])[0], last

    return Padding


class Plain(nn.LSTM):
    """A subclass without a forward of its own."""


class Halved(nn.GRU):
    def forward(self, x: Tensor, hx: Any = None) -> Any:
        return super().forward(x / 2, hx)


class Carried(nn.GRU):
    """Begins each sequence where the last one ended."""

    last: Tensor | None = None

    def forward(self, x: Tensor, hx: Any = None) -> Any:
        out, self.last = super().forward(x, self.last if hx is None else hx)
        return out, self.last


class Other(nn.LSTM):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[0]


class Named(nn.GRUCell):
    def forward(self, now: Tensor, state: Tensor | None = None) -> Tensor:
        return super().forward(now, state)


def net(layer: nn.Module) -> nn.Module:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = layer

        def forward(self, x: Tensor, **more: Any) -> Any:
            return self.rnn(x, **more)

    return Net()


@pytest.mark.parametrize("parent", [nn.RNN, nn.GRU, nn.LSTM])
def test_the_perturbed_tpm_is_that_of_the_parent(parent: type[nn.RNNBase]) -> None:
    torch.manual_seed(3)
    ours, theirs = padding(parent)(3, 6, batch_first=True), parent(3, 6, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    batches = [torch.randn(8, 9, 3) for _ in range(4)]
    (mine,), (expected,) = (analyse(net(layer), batches, "rnn", **QUICK) for layer in (ours, theirs))
    assert mine.kind == "causal"
    assert (mine.tpm, mine.phi, mine.observed) == (expected.tpm, expected.phi, expected.observed)
    assert len(set(np.array(mine.tpm.state_by_node).round(6).flatten())) > 4


def test_what_was_padded_is_no_background() -> None:
    torch.manual_seed(3)
    layer = padding(nn.GRU)(3, 6, batch_first=True)
    lengths = torch.tensor([5, 9, 1, 7])
    padded = torch.randn(4, 9, 3)
    junk = padded.clone()
    for row, length in enumerate(lengths):
        junk[row, length:] = 1e3
    one, other = (analyse(net(layer), [{"x": x, "lengths": lengths}], "rnn", **QUICK)[0] for x in (padded, junk))
    assert one.kind == "causal"
    assert sum(one.perturbation.observed) == int((lengths - 1).sum())
    assert one.counts == other.counts


class OtherName(padding(nn.GRU)):  # type: ignore[misc]
    def forward(self, x: Tensor, hx: Any = None, *, seq_lens: Any = None) -> Any:
        return super().forward(x, hx, seq_lens)


@pytest.mark.parametrize("form", [torch.tensor, list, tuple])
@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize(("kind", "name"), [(padding(nn.GRU), "lengths"), (OtherName, "seq_lens")])
def test_lengths_are_found_by_the_name_of_the_argument(kind: Any, name: str, form: Any, started: bool) -> None:
    torch.manual_seed(3)
    layer, reservoir = kind(3, 6, batch_first=True), Reservoir()
    first = {"hx": torch.ones(1, 4, 6)} if started else {}
    with reservoir.attach(layer), torch.no_grad():
        layer(torch.randn(4, 9, 3), **{name: form([5, 9, 1, 7])}, **first)
    expected = 22 if started else 18
    assert sum(kept.rows for kept in reservoir._kept) == expected, "so many calls are kept as are needed"
    (seen,) = LayerStepper(layer).observations(layer, reservoir.calls)
    assert len(seen.inputs) == expected


@pytest.mark.parametrize(
    ("module", "same"),
    [
        (Plain(3, 4), True),
        (padding(nn.LSTM)(3, 4, num_layers=2, bidirectional=True, dropout=0.5), True),
        (Named(3, 4), True),
        (Halved(3, 4), False),
        (Carried(3, 4), False),
        (Other(3, 4), False),
        (nn.Linear(3, 4), False),
    ],
)
def test_only_what_computes_the_same_is_stepped(module: nn.Module, same: bool) -> None:
    before, random = {name: value.clone() for name, value in module.state_dict().items()}, torch.get_rng_state()
    module.train()
    assert leaves_forward_to_torch(module) is same
    assert (step_for(module) is not None) is same
    assert module.training
    assert getattr(module, "last", None) is None
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_it_is_perturbed_while_it_trains(tmp_path) -> None:
    model = Gru()
    model.net["gru"] = padding(nn.GRU)(8, 16, batch_first=True)
    callback = train(tmp_path, model=model, data=sequence_data(), layers="net.gru", epochs=1)
    assert [record.kind for record in callback.records] == ["causal", "causal"]
