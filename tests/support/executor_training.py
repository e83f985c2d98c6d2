"""A training of gated units whose epochs take a while, on whatever executor; run by run/test_executor.py as a script too."""

from __future__ import annotations

import random
import sys
from typing import Any

import torch
from lightning.pytorch import seed_everything
from models import Gru, sequence_data
from training import train


def fit(folder: Any, **options: Any) -> tuple[Any, dict[str, torch.Tensor], Any]:
    """Trains a GRU; returns the callback, the trained weights, and Python's random state at the end."""
    seed_everything(5, verbose=False)
    model = Gru()
    asked = {"layers": "net.gru", "units": 3, "groups": 4, "states": "auto", "null_model": "auto"}
    callback = train(folder, model=model, data=sequence_data(64), **(asked | options))
    return callback, model.state_dict(), random.getstate()


if __name__ == "__main__":
    callback, _, _ = fit(sys.argv[1], executor=sys.argv[2], workers=2)
    print([type(record.result).__name__ for record in callback.records])
