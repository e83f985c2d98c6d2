"""The parameters of the untrained network, where they are large, are held in a temporary file and not in main memory."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, seed_everything
from models import Mlp, flat_data
from torch import nn
from training import assert_same, trainer

from lightning_iit import IITCallback
from lightning_iit.capture import held
from lightning_iit.capture.held import Held
from lightning_iit.capture.on_disk import TemporaryTensors


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """A folder of its own for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))


def open_files() -> int:
    """How many temporary files this process has open; they have no name any more."""
    found = 0
    for one in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # another thread may close its file between the listing and the reading
            found += str(one.readlink()).startswith(tempfile.gettempdir())
    return found


class Files(Callback):
    """Notes how many files are open at the start of each batch."""

    def __init__(self) -> None:
        self.seen = []

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        self.seen.append(open_files())


def fitted(folder, **options):
    """Trains; returns the records, the trained parameters and the open files of each step."""
    seed_everything(5, verbose=False)
    model, files = Mlp(), Files()
    callback = IITCallback("net.1", units=2, groups=1, null_model=None, table=False, network=False, **options)
    trainer(folder, callback, files, epochs=2).fit(model, flat_data(1200))
    return callback.records, model.state_dict(), files.seen


def test_a_training_is_the_same_with_parameters_on_disk(tmp_path, monkeypatch):
    records, trained, files = fitted(tmp_path / "memory")
    assert not any(files)
    monkeypatch.setattr(held, "PARAMETERS_IN_MEMORY", 100)
    on_disk, trained_too, files = fitted(tmp_path / "disk")
    assert files[1] == 1
    assert files[-1] == 0
    assert open_files() == 0
    assert (on_disk[0].epoch, on_disk[0].phi is None) == (-1, False)
    assert_same(on_disk, records)
    for name, value in trained.items():
        assert torch.equal(value, trained_too[name])


def test_nothing_is_held_of_an_untrained_network_that_is_not_wanted(tmp_path, monkeypatch):
    monkeypatch.setattr(held, "PARAMETERS_IN_MEMORY", 100)
    records, _, files = fitted(tmp_path, initial=False)
    assert not any(files)
    assert [record.epoch for record in records] == [0, 1]


def test_a_disk_that_is_full_is_said_and_training_goes_on(tmp_path, monkeypatch):
    def full(self, tensor):
        raise OSError(28, "No space left on device")

    _, trained, _ = fitted(tmp_path / "plain", initial=False)
    monkeypatch.setattr(held, "PARAMETERS_IN_MEMORY", 100)
    monkeypatch.setattr(TemporaryTensors, "put", full)
    records, trained_too, _ = fitted(tmp_path / "full")
    assert records[0].result.code == "untrained_not_run"
    assert "No space left on device" in records[0].result.reason
    for name, value in trained.items():
        assert torch.equal(value, trained_too[name])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64, torch.complex64])
def test_parameters_of_any_type_and_stride_come_back_to_the_bit(monkeypatch, dtype):
    monkeypatch.setattr(held, "PARAMETERS_IN_MEMORY", 0)
    module = nn.Module()
    module.turned = nn.Parameter(torch.randn(5, 3).to(dtype).T)
    module.odd = nn.Parameter(torch.randn(7).to(dtype))
    module.wide = nn.Parameter(torch.randn(3, 1).to(dtype).expand(3, 4))
    module.empty = nn.Parameter(torch.empty(0, 3, dtype=dtype))
    module.single = nn.Parameter(torch.tensor(float("nan")).to(dtype))
    then = {name: value.detach().clone() for name, value in module.named_parameters()}
    one = Held(module, parameters=True, device="cpu")
    assert open_files() == 1
    for _ in range(2):
        with torch.no_grad():
            for value in (module.turned, module.odd, module.single):
                value.add_(1)
            module.wide.data[:, :1].add_(1)
        one.put_parameters_back()
        for name, value in module.named_parameters():
            torch.testing.assert_close(value.data, then[name], rtol=0, atol=0, equal_nan=True)
    del one
    assert open_files() == 0
