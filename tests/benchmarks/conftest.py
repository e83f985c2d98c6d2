"""Fixtures of the benchmarks."""

import pytest
import torch


@pytest.fixture(scope="module", autouse=True)
def _own_servers(own_servers):
    """What is measured is what a user has."""


@pytest.fixture
def one_thread():
    """Training on one core, whatever the machine has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
