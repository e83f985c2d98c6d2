"""How the tests train, and what of two records must be the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from lightning.pytorch import LightningModule, Trainer, seed_everything
from models import Mlp, flat_data

from lightning_iit import IITCallback
from lightning_iit.records import EpochRecord

_TAKES_TIME = {"wall_time", "seconds", "backlog"}


def trainer(folder: Path, callback: IITCallback, *more: Any, epochs: int = 3, **options: Any) -> Trainer:
    """A quiet trainer on the CPU that keeps its files in the folder."""
    settings = {
        "max_epochs": epochs,
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "default_root_dir": folder,
    }
    return Trainer(callbacks=[callback, *more], **(settings | options))


def train(
    folder: Path, *more: Any, model: LightningModule | None = None, data: Any = None, epochs: int = 3, **options: Any
) -> IITCallback:
    """Trains an MLP for some epochs with one group of two units watched in one state, without pictures; returns the callback."""
    trainer_names = {"logger", "fast_dev_run", "limit_train_batches", "enable_checkpointing", "accumulate_grad_batches"}
    trainer_options = {name: options.pop(name) for name in list(options) if name in trainer_names}
    seed_everything(5, verbose=False)
    watched = {"layers": "net.1", "units": 2, "groups": 1, "states": "mode", "null_model": None, "table": False, "pictures": False}
    if "preset" in options:
        del watched["groups"], watched["states"]
    callback = IITCallback(**(watched | options))
    trainer(folder, callback, *more, epochs=epochs, **trainer_options).fit(model or Mlp(), data or flat_data())
    return callback


def comparable(record: EpochRecord) -> dict:
    """A record without what depends on the clock."""
    return _without_clock(msgspec.to_builtins(record))


def _without_clock(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_clock(part) for key, part in value.items() if key not in _TAKES_TIME}
    return [_without_clock(part) for part in value] if isinstance(value, list | tuple) else value


def assert_same(records, expected) -> None:
    """The same records, but for what depends on the clock."""
    assert [record.key for record in records] == [record.key for record in expected]
    for one, other in zip(records, expected, strict=True):
        assert comparable(one) == comparable(other)
