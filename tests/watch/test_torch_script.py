"""Modules of TorchScript as layers: watched where PyTorch calls their hooks, else refused in words before training."""

from __future__ import annotations

import io

import lightning.pytorch as pl
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from lightning_iit import IITCallback, analyse
from lightning_iit.errors import UnsupportedOutputError

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore:.*torch.jit:DeprecationWarning")
BATCHES = [torch.randn(32, 4, generator=torch.Generator().manual_seed(seed)) for seed in range(4)]


class Net(nn.Module):
    def __init__(self, how=lambda module: module):
        super().__init__()
        self.a = nn.Linear(4, 8)
        self.sub = how(nn.Sequential(nn.Linear(8, 6), nn.Tanh()))
        self.b = nn.Linear(6, 1)

    def forward(self, x):
        return self.b(self.sub(torch.tanh(self.a(x))))


def script(module):
    return torch.jit.script(module)


def trace(module):
    return torch.jit.trace(module, torch.zeros(2, 8))


@pytest.mark.parametrize(
    ("how", "layer", "watched"),
    [
        (script, "a", "a"),
        (script, "sub", "sub"),
        (trace, "sub", "sub"),
        (script, None, "sub"),
        (trace, None, "sub"),
        (script, "*", "sub"),
    ],
)
def test_what_pytorch_calls_hooks_of_is_watched(how, layer, watched, tmp_path):
    plain, model = Net(), Net(how)
    model.load_state_dict(plain.state_dict())
    records = analyse(model, BATCHES, layer, workers=0, log_dir=tmp_path)
    found = next(record for record in records if record.layer == watched)
    assert found.phi is not None
    assert found.counts == next(iter(analyse(plain, BATCHES, watched, workers=0, log_dir=tmp_path / "plain"))).counts
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(model.sub), buffer)  # without a hook of ours
    assert torch.jit.load(io.BytesIO(buffer.getvalue()))(torch.zeros(1, 8)).shape == (1, 6)


@pytest.mark.parametrize(("how", "layer"), [(script, "sub.0"), (script, "sub.*"), (trace, "sub.0")])
def test_what_has_no_hooks_is_refused_before_training_in_words(how, layer, tmp_path):
    class Module(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = Net(how)

        def training_step(self, batch, _):
            pytest.fail("training has begun")

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    trainer = pl.Trainer(
        max_epochs=1,
        callbacks=[IITCallback(layers=f"net.{layer}")],
        logger=False,
        enable_progress_bar=False,
        accelerator="cpu",
        enable_checkpointing=False,
        default_root_dir=tmp_path,
    )
    with pytest.raises(UnsupportedOutputError, match=r"TorchScript.*script it afterwards"):
        trainer.fit(Module(), DataLoader(torch.randn(64, 4), batch_size=16))


@pytest.mark.parametrize("how", [script, lambda module: torch.jit.trace(module, torch.zeros(2, 4))])
@pytest.mark.parametrize("layer", ["sub", "a", "*"])
def test_a_model_that_is_torch_script_as_a_whole_is_refused_in_words(how, layer):
    with pytest.raises(UnsupportedOutputError, match="TorchScript"):
        analyse(how(Net()), BATCHES, layer, workers=0)
