"""Fixtures of the benchmarks."""

import pytest
import torch


@pytest.fixture
def one_thread():
    """Training on one core, whatever the machine has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
