"""Two real processes that exchange what they saw."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing
from torch import distributed


def on_two_ranks(work: Callable[[int], Any], folder: Path) -> list[Any]:
    """What ``work``, a function of a module, gives for each of the ranks 0 and 1, at the same time and joined by gloo."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(_run_rank, args=(work, port, folder), nprocs=2)
    return [pickle.loads((folder / f"{rank}.pickle").read_bytes()) for rank in (0, 1)]


def _run_rank(rank: int, work: Callable[[int], Any], port: int, folder: Path) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2, timeout=timedelta(seconds=60)
    )
    (folder / f"{rank}.pickle").write_bytes(pickle.dumps(work(rank)))
    distributed.destroy_process_group()
