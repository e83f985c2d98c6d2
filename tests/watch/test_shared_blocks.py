"""One block with shared weights that is called at several depths of a pass: its calls are depths, and no sources."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch import LightningModule
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from training import train

from lightning_iit import estimate_tpm


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(3), nn.Linear(3, 3)

    def forward(self, x):
        return x + torch.tanh(3 * self.linear(self.norm(x)))


class Shared(LightningModule):
    """Calls one block three times, and keeps what came out of each call."""

    def __init__(self, block=None):
        super().__init__()
        self.block = block or nn.Sequential(nn.Linear(3, 3), nn.Tanh())
        self.norm = nn.LayerNorm(3)
        self.made = []

    def between(self, x):
        return x

    def views(self, x):
        return [x]

    def training_step(self, batch, _):
        loss = 0
        for view in self.views(batch[0]):
            stream, depths = view, []
            for _ in range(3):
                stream = self.block(self.between(stream))
                depths.append(stream.detach()[..., :2].reshape(-1, 2))
            self.made.append(torch.stack(depths, 1) > 0)
            loss = loss + stream.pow(2).mean()
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.01)


class Normed(Shared):
    """Norms and adds what comes out of a block before it goes in again."""

    def between(self, x):
        return self.norm(x) + 0.5 * x


class Detached(Shared):
    def between(self, x):
        return x.detach().view(x.shape)


class TwoViews(Shared):
    def views(self, x):
        return [x, x.flip(0) + 1.5]


def record_of(folder, model, shape=(3,), **options):
    samples = torch.randn(64, *shape, generator=torch.Generator().manual_seed(3))
    options = {"layers": "block", "units": [0, 1], "threshold": "zero", "initial": False, "pictures": False, **options}
    loader = DataLoader(TensorDataset(samples), batch_size=32)
    return train(folder, model=model, data=loader, epochs=1, network=False, **options).records[-1]


def told(record, words):
    return any(words in note for note in record.notes)


@pytest.mark.parametrize(
    ("kind", "block", "shape"),
    [
        (Shared, None, (3,)),
        (Shared, None, (5, 3)),
        (Shared, Residual, (3,)),
        (Normed, Residual, (3,)),
        (Detached, None, (3,)),
        (TwoViews, None, (3,)),
    ],
)
def test_calls_of_a_shared_block_are_depths(tmp_path, kind, block, shape):
    torch.manual_seed(0)
    model = kind(block and block())
    record = record_of(tmp_path, model, shape)
    assert record.axis == "depth"
    assert record.kind == "observational"
    assert record.structural_phi is None
    first = model.made[::2] if kind is TwoViews else model.made
    assert record.counts == estimate_tpm(list(torch.cat(first).int().numpy())).counts
    assert told(record, "one block with shared weights at several depths")
    assert told(record, "called up to 2 times in a training step") == (kind is TwoViews)
    assert told(record, "times in a training step") == (kind is TwoViews)


def test_a_stream_of_samples_takes_the_last_depth(tmp_path):
    torch.manual_seed(0)
    model = Shared(Residual())
    record = record_of(tmp_path, model, transitions="stream")
    assert record.axis == "stream"
    assert record.counts == estimate_tpm(torch.cat(model.made)[:, -1].int().numpy()).counts
    assert not told(record, "times in a training step")


def test_an_activation_function_that_layers_share_has_no_depths(tmp_path):
    class Sharing(Shared):
        def __init__(self):
            super().__init__(nn.Tanh())
            self.linear = nn.Linear(3, 3)

        def between(self, x):
            return self.linear(x)

    record = record_of(tmp_path, Sharing())
    assert record.axis == "stream"
    assert told(record, "called up to 3 times in a training step")
