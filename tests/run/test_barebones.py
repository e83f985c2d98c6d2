"""A trainer with ``barebones=True`` logs nothing; the callback says so, and computes its records."""

from __future__ import annotations

import warnings

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from models import Mlp, flat_data

from lightning_iit import IITCallback, load_run
from lightning_iit.records import Computed
from lightning_iit.run.trainer import BarebonesWarning


def fit(folder, *callbacks: IITCallback) -> torch.Tensor:
    """Trains, and returns the weights."""
    seed_everything(5, verbose=False)
    model = Mlp()
    Trainer(barebones=True, max_epochs=2, accelerator="cpu", callbacks=list(callbacks), default_root_dir=folder).fit(
        model, flat_data()
    )
    return torch.cat([part.flatten() for part in model.parameters()])


@pytest.mark.parametrize("when_busy", ["queue", "wait"])
def test_says_what_is_missing_and_has_all_records(tmp_path, when_busy):
    callback = IITCallback("net.1", units=2, when_busy=when_busy, prog_bar=True, table=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        watched = fit(tmp_path, callback)
    said = [warning for warning in caught if issubclass(warning.category, BarebonesWarning)]
    assert len(said) == 1
    assert all(word in str(said[0].message) for word in ("logger", "callback_metrics", "Records are computed"))
    assert [(record.epoch, type(record.result)) for record in callback.records] == [(-1, Computed), (0, Computed), (1, Computed)]
    assert load_run(tmp_path) == callback.records
    with warnings.catch_warnings(record=True) as plain:
        warnings.simplefilter("always")
        assert torch.equal(fit(tmp_path / "plain"), watched)
    assert sum("self.log" in str(one.message) for one in caught if one not in said) == sum(
        "self.log" in str(one.message) for one in plain
    )
    assert not any("failed" in str(one.message) for one in caught)
