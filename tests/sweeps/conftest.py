"""The checkpoints that are swept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from swept_training import train_with_checkpoints

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the checkpoints of one training."""
    folder = tmp_path_factory.mktemp("checkpoints")
    train_with_checkpoints(folder)
    return folder
